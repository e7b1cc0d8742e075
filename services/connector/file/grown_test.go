package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/file"
)

// many are so many rows of which nothing is wrong.
func many(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(good(fmt.Sprint(i)))
	}
	return b.String()
}

// copies is how many events were appended, copies included.
func (w *world) copies() int { return len(w.log.Outgoing().Events) }

// touch moves a file's last writing, so that it is looked at again.
func (w *world) touch(name string, at time.Time) {
	w.t.Helper()
	if err := os.Chtimes(filepath.Join(w.dir, name), at, at); err != nil {
		w.t.Fatal(err)
	}
}

// TestAFileThatGrowsIsReadOn: what was read is not read again, through restarts
// and over the digest's segments.
func TestAFileThatGrowsIsReadOn(t *testing.T) {
	w := pastWorld(t)
	big := "0;" + strings.Repeat("x", 900_000) + ";;04.03.2024 09:15;;;;;Offen;;1,00\n"
	w.write("a.csv", header+many(1, 4))
	w.pass()
	for i, more := range []string{many(4, 6), "", big, good("6"), big[:2] + "y" + big[2:], good("7")} {
		before := w.copies()
		w.grow("a.csv", more)
		sum := w.again().pass()
		if want := strings.Count(more, "\n"); sum.Rows != int64(want) || w.copies() != before+want || len(sum.Faults) > 0 {
			t.Fatalf("step %d: read %+v, %d events after %d", i, sum, w.copies(), before)
		}
	}
	// A row that was read without its end is read again with it.
	w.grow("a.csv", strings.TrimSuffix(good("8"), "1,00\n")+"1")
	if sum := w.again().pass(); sum.Rows != 1 || sum.Events != 0 && sum.Events != 1 {
		t.Fatalf("without its end: %+v", sum)
	}
	w.grow("a.csv", ",00\n"+good("9"))
	sum := w.again().pass()
	if sum.Rows != 2 || sum.Quarantined != 0 {
		t.Fatalf("with its end: %+v", sum)
	}
	last := w.log.Outgoing().Events
	if e := last[len(last)-2]; e.Order != "old-shop~8" || e.Amounts[0].Amounts[0].Minor != 100 {
		t.Errorf("the row that grew: %s %+v", e.Order, e.Amounts)
	}
}

// TestAGrowingFileIsNotReadAheadOfItsWriter: what stands open at its end waits
// until the file rests.
func TestAGrowingFileIsNotReadAheadOfItsWriter(t *testing.T) {
	w := pastWorld(t)
	w.opts.Growing = true
	w.write("a.csv", header[:30])
	if sum := w.pass(); len(sum.Faults) > 0 {
		t.Fatalf("half a header: %+v", sum)
	}
	w.grow("a.csv", header[30:]+good("1")+good("2")[:20])
	if sum := w.pass(); sum.Rows != 1 || sum.Quarantined != 0 {
		t.Fatalf("half a row: %+v", sum)
	}
	w.grow("a.csv", good("2")[20:]+"3;\"over\n")
	if sum := w.pass(); sum.Rows != 1 || sum.Quarantined != 0 {
		t.Fatalf("half of two lines: %+v", sum)
	}
	w.grow("a.csv", "lines\";;04.03.2024 09:15;;;;;Offen;;1,00\n"+strings.TrimSpace(good("4")))
	if sum := w.pass(); sum.Rows != 1 || sum.Quarantined != 0 {
		t.Fatalf("a row without its line end: %+v", sum)
	}
	if sum := w.pass(); sum.Rows != 1 || sum.Quarantined != 0 {
		t.Fatalf("at rest: %+v", sum)
	}
	if sum := w.pass(); sum.Rows != 0 || sum.Unchanged != 1 || w.copies() != 4 {
		t.Fatalf("read to its end: %+v, %d events", sum, w.copies())
	}
}

// TestAFileThatIsReplacedIsReadAnew: whether it is shorter, longer or as long as
// the one before.
func TestAFileThatIsReplacedIsReadAnew(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		inPlace             bool
	}{
		{"shorter", many(1, 9), many(20, 23), true},
		{"longer", many(1, 4), many(20, 29), false},
		{"longer, in place", many(1, 4), many(20, 29), true},
		{"as long", many(1, 4), many(5, 8), true},
		{"other rows behind the same ones", many(1, 4) + many(4, 6), many(1, 4) + many(7, 9), false},
	} {
		for _, packed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, packed %t", c.name, packed), func(t *testing.T) {
				w := pastWorld(t)
				form := func(s string) string {
					if packed {
						return packedGzip(t, header+s)
					}
					return header + s
				}
				path := w.write("a.csv", form(c.before))
				w.pass()
				if !c.inPlace {
					if err := os.Rename(path, filepath.Join(t.TempDir(), "old")); err != nil {
						t.Fatal(err)
					}
				}
				w.write("a.csv", form(c.after))
				w.touch("a.csv", time.Now().Add(time.Hour))
				sum := w.again().pass()
				if want := strings.Count(c.after, "\n"); sum.Rows != int64(want) || len(sum.Faults) > 0 {
					t.Errorf("read %+v, want %d rows", sum, want)
				}
			})
		}
	}
	// Only looked at again, or copied to where it was: nothing is read.
	w := pastWorld(t)
	path := w.write("a.csv", header+many(1, 9))
	w.pass()
	w.touch("a.csv", time.Now().Add(time.Hour))
	if sum := w.again().pass(); sum.Rows != 0 {
		t.Errorf("touched: %+v", sum)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	w.write("a.csv", header+many(1, 9))
	if sum := w.again().pass(); sum.Rows != 0 || w.copies() != 8 {
		t.Errorf("copied: %+v", sum)
	}
}

var errKill = errors.New("killed")

// TestAKillLosesAndDoublesNothing: killed before or after any append and any
// save, an import that is run again ends with the same events, and reads little
// twice.
func TestAKillLosesAndDoublesNothing(t *testing.T) {
	text := header + many(1, 12) + "12;\"over\nlines\";;04.03.2024 09:15;;;;;Offen;;1,00\n" + "13;broken\n" + many(14, 30)
	for name, packed := range map[string]string{"a.csv": text, "a.csv.gz": packedGzip(t, text), "a.csv.zst": packedZstd(t, text)} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for kill := 0; ; kill++ {
				w := pastWorld(t)
				w.opts.BatchRows, w.opts.InFlight, w.opts.Workers, w.opts.SaveEvery = 4, 3, 2, 1
				w.write(name, packed)
				ctx, cancel := context.WithCancelCause(t.Context())
				var mu sync.Mutex
				steps := 0
				after := kill%2 == 1
				w.log.SetGate(func(context.Context, connector.Outgoing) error {
					mu.Lock()
					defer mu.Unlock()
					if steps++; kill > 0 && steps == (kill+1)/2 {
						if !after { // the log refuses for good
							return errKill
						}
						cancel(errKill)
					}
					if kill > 0 && steps > (kill+1)/2 {
						return errKill
					}
					return nil
				})
				w.opts.Clock = &ticking{Clock: w.clock}
				im, err := file.New(w.opts)
				if err != nil {
					t.Fatal(err)
				}
				_, err = im.Pass(ctx)
				cancel(nil)
				if kill == 0 && err != nil || kill > 0 && err == nil && steps >= (kill+1)/2 && !after {
					t.Fatalf("kill %d: %v", kill, err)
				}
				w.log.SetGate(nil)
				sum := w.again().pass()
				ids := append(w.log.EventIDs(), badIDs(w.log)...)
				if kill == 0 {
					want = ids
				}
				if !slices.Equal(ids, want) || len(sum.Faults) > 0 {
					t.Fatalf("kill %d: %d ids, want %d; %+v", kill, len(ids), len(want), sum)
				}
				if extra := w.copies() - 28; extra > 4*4 {
					t.Errorf("kill %d: %d events were appended twice", kill, extra)
				}
				if kill > 0 && (kill+1)/2 > steps {
					return
				}
			}
		})
	}
}

// ticking moves with every look, so that every batch is followed by a save.
type ticking struct{ *connectortest.Clock }

func (c *ticking) Now() time.Time {
	c.Move(time.Millisecond)
	return c.Clock.Now()
}

func badIDs(l *connectortest.Log) (out []string) {
	for _, q := range l.Outgoing().Quarantined {
		out = append(out, q.ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
