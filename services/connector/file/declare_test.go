package file_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/file"
)

// declaring is a world whose files are declared to hold a stretch completely.
func declaring(t *testing.T, covers string) *world {
	t.Helper()
	c, err := connector.ParseCovers(covers)
	if err != nil {
		t.Fatal(err)
	}
	w := pastWorld(t)
	w.opts.Covers, w.opts.BatchRows = c, 3
	return w
}

func at(y, m, d, h int) time.Time { return time.Date(y, time.Month(m), d, h, 0, 0, 0, time.UTC) }

// TestTheRangeIsDeclaredAtTheEnd: behind every record that it covers, once.
func TestTheRangeIsDeclaredAtTheEnd(t *testing.T) {
	w := declaring(t, "2024-01-01..2024-06-01")
	w.write("a.csv", header+many(1, 20))
	sum := w.pass()
	entries := w.log.Entries()
	for i, e := range entries {
		if covered := e.Status != nil && len(e.Status.Intervals) > 0; covered != (i == len(entries)-1) {
			t.Errorf("entry %d of %d covers: %t", i, len(entries), covered)
		}
	}
	if sum.Proven == nil || *sum.Proven != (ledger.Interval{From: ledger.At(at(2024, 1, 1, 0)), Until: ledger.At(at(2024, 6, 1, 0))}) {
		t.Errorf("proven %v", sum.Proven)
	}
	before := len(w.log.Entries())
	if w.again().pass(); len(w.log.Entries()) != before {
		t.Error("nothing new, and yet a status")
	}
	if w.opts.Covers = nil; w.again().pass().Proven != nil {
		t.Error("proven without a declaration")
	}
}

// TestTheRangeIsCut at when the files were asked and written, less settle.
func TestTheRangeIsCut(t *testing.T) {
	for _, c := range []struct {
		name, covers   string
		written, asked time.Time
		until          time.Time
	}{
		{"written before the end", "2024-01-01..2024-06-01", at(2024, 3, 1, 12), at(2030, 1, 1, 0), at(2024, 3, 1, 11)},
		{"asked before the end", "2024-01-01..2024-06-01", at(2030, 1, 1, 0), at(2024, 4, 1, 12), at(2024, 4, 1, 11)},
		{"up to when it was written", "2024-01-01..written", at(2024, 8, 1, 12), at(2030, 1, 1, 0), at(2024, 8, 1, 11)},
		{"written before the beginning", "2024-01-01..2024-06-01", at(2023, 8, 1, 12), at(2030, 1, 1, 0), time.Time{}},
	} {
		w := declaring(t, c.covers)
		w.write("a.csv", header+many(1, 20))
		w.touch("a.csv", c.written)
		w.clock = connectortest.NewClock(c.asked)
		w.opts.Clock = w.clock
		sum := w.pass()
		if c.until.IsZero() != (sum.Proven == nil) || sum.Proven != nil && sum.Proven.Until != ledger.At(c.until) {
			t.Errorf("%s: %v (%s)", c.name, sum.Proven, sum.Withheld)
		}
	}
}

// TestNothingIsProvenWhileSomethingIsInTheWay: no file, no row, a file that
// cannot be read or is being written, a row in quarantine.
func TestNothingIsProvenWhileSomethingIsInTheWay(t *testing.T) {
	none := func(name string, sum file.Summary, w *world) {
		t.Helper()
		st := w.log.Status("old-shop", "history")
		if sum.Proven != nil || sum.Withheld == "" || st != nil && len(st.Intervals) > 0 {
			t.Errorf("%s: proven %v, %q, status %+v", name, sum.Proven, sum.Withheld, st)
		}
	}
	w := declaring(t, "2024-01-01..2024-06-01")
	none("no file", w.pass(), w)
	w.write("a.csv", header)
	none("no row", w.pass(), w)
	w.write("b.csv", header+good("1"))
	w.write("c.csv", "another\n1\n")
	none("a file that cannot be read", w.again().pass(), w)
	if err := os.Remove(filepath.Join(w.dir, "c.csv")); err != nil {
		t.Fatal(err)
	}
	if sum := w.again().pass(); sum.Proven == nil {
		t.Errorf("without it: %+v", sum)
	}
	// A row that cannot be read takes back what was proven, until it is mended.
	w.grow("b.csv", "2;broken\n")
	none("a bad row", w.again().pass(), w)
	st := w.log.Status("old-shop", "history")
	if len(st.Holes) != 1 || st.Holes[0].Quarantine != w.log.Outgoing().Quarantined[0].ID || st.Epoch.Number != 2 || len(st.Withdrawn) != 1 {
		t.Errorf("the hole: %+v", st)
	}
	w.write("b.csv", header+good("1")+good("2"))
	w.touch("b.csv", time.Now().Add(time.Hour))
	if sum := w.again().pass(); sum.Proven == nil || len(w.log.Status("old-shop", "history").Holes) != 0 {
		t.Errorf("mended: %+v", sum)
	}
	w = declaring(t, "2024-01-01..2024-06-01")
	w.opts.Growing = true
	w.write("a.csv", header+good("1")+"2;")
	none("a file that is being written", w.pass(), w)
}
