package flow_test

import (
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api/flow"
)

// at is an instant of the test's clock.
func at(d time.Duration) ledger.Instant {
	return ledger.At(time.Unix(1_800_000_000, 0)).Add(ledger.Span(d))
}

// fill takes a sample every step up to an instant, of a counter that grows by
// perSecond.
func fill(m *flow.Meter, step, until time.Duration, perSecond uint64) {
	for d := time.Duration(0); d <= until; d += step {
		m.Take(at(d), map[ledger.Source]uint64{"shop": uint64(d/time.Second) * perSecond})
	}
}

func TestRatesOverEachWindow(t *testing.T) {
	var m flow.Meter
	fill(&m, 30*time.Second, 20*time.Minute, 10)
	now := 20*time.Minute + 10*time.Second // 700 records of the last 10 s stand out
	got := m.Rates("shop", at(now), uint64(20*60*10+700))
	want := []time.Duration{70 * time.Second, 5*time.Minute + 10*time.Second, 15*time.Minute + 10*time.Second}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i, r := range got {
		records := (want[i]-10*time.Second).Seconds()*10 + 700
		if r.Window != want[i] || r.PerSecond < records/want[i].Seconds()-0.01 || r.PerSecond > records/want[i].Seconds()+0.01 {
			t.Errorf("%v, want %s with %.0f records", r, want[i], records)
		}
	}
}

// What was not followed is not told.
func TestWindowsThatWereNotFollowed(t *testing.T) {
	var m flow.Meter
	if got := m.Rates("shop", at(0), 5); got != nil {
		t.Errorf("without samples: %v", got)
	}
	fill(&m, 5*time.Second, 2*time.Minute, 1)
	if got := m.Rates("shop", at(2*time.Minute), 120); len(got) != 1 || got[0].Window != time.Minute || got[0].PerSecond != 1 {
		t.Errorf("two minutes in: %v", got)
	}
	if got := m.Rates("shop", at(time.Hour), 120); len(got) != 0 {
		t.Errorf("after a hole: %v", got)
	}
	if got := m.Rates("new", at(2*time.Minute), 30); len(got) != 1 || got[0].PerSecond != 0.5 {
		t.Errorf("a source that was not there: %v", got)
	}
}

func TestSamplesStandApart(t *testing.T) {
	var m flow.Meter
	fill(&m, 10*time.Millisecond, 10*time.Second, 1)
	m.Take(at(70*time.Second), map[ledger.Source]uint64{"shop": 70})
	// Samples at 0, 5 and 10 s are kept, those between them are not.
	if got := m.Rates("shop", at(70*time.Second), 70); len(got) != 1 || got[0].Window != time.Minute {
		t.Errorf("%v", got)
	}
	if got := m.Rates("shop", at(69*time.Second), 70); len(got) != 1 || got[0].Window != 64*time.Second {
		t.Errorf("%v", got)
	}
}
