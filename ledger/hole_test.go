package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// holed is the ERP's coverage with a record in quarantine that may be about any
// instant between two.
func holed(until, from, to, received ledger.Instant) ledger.FeedCoverage {
	c := heardUntil(9, 0, 0)
	c.Intervals[0].Until = until
	c.Holes = []ledger.Hole{{Interval: ledger.Interval{From: from, Until: to}, ReceivedAt: received, Quarantine: "q1"}}
	return c
}

// A quarantined record keeps what it may be about from being called missing,
// though the poll that read it covers the stretch, until it is released or
// hold_max is over (S-20).
func TestQuarantinedRecordHoldsItsFeed(t *testing.T) {
	hold := Policy().Settings.HoldMax
	received := Clock(10, 1, 30)
	held := func() *Log {
		l := placed(NewLog())
		l.Append(Tick(Clock(10, 2, 41), holed(Clock(10, 2, 10), Clock(10, 1, 0), Clock(10, 1, 30), received)))
		v := l.Verdict("1001", "ingestion", 0)
		if v.State != ledger.VerdictUndetermined || v.Because != ledger.BecauseHeld || v.Feed.Feed != ERPOrders || v.Since != Clock(10, 1, 0) {
			t.Fatalf("verdict %s because %s of %s since %s, want UNDETERMINED held", v.State, v.Because, v.Feed, v.Since)
		}
		return l
	}
	if l := held().Append(Tick(Clock(10, 3, 0), heardUntil(10, 2, 20))); l.Verdict("1001", "ingestion", 0).Basis != ledger.BasisProven || len(l.Open()) != 1 {
		t.Errorf("released: %+v, want BREACHED proven", l.Verdict("1001", "ingestion", 0))
	}
	end := received.Add(hold)
	l := held().Append(Tick(end-1, heardTo(end.Add(-ledger.Minute), holed(0, Clock(10, 1, 0), Clock(10, 1, 30), received))))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictUndetermined {
		t.Errorf("before hold_max: %s", v.State)
	}
	l.Append(Tick(end))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictBreached || v.Basis != ledger.BasisIncomplete {
		t.Errorf("after hold_max: %s %s, want BREACHED incomplete", v.State, v.Basis)
	}
}

func heardTo(until ledger.Instant, c ledger.FeedCoverage) ledger.FeedCoverage {
	c.Intervals[0].Until = until
	return c
}

// A hole that comes after the breach takes back what was proven over it; one
// elsewhere holds nothing.
func TestHoleAfterTheBreach(t *testing.T) {
	l := placed(NewLog()).Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	l.Append(Tick(Clock(10, 3, 0), holed(Clock(10, 2, 20), Clock(10, 2, 5), Clock(10, 2, 20), Clock(10, 2, 25))))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictBreached {
		t.Fatalf("a hole behind the deadline: %s", v.State)
	}
	l.Append(Tick(Clock(10, 3, 10), holed(Clock(10, 2, 30), Clock(10, 1, 50), Clock(10, 2, 20), Clock(10, 3, 5))))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictUndetermined || len(l.Open()) != 0 {
		t.Fatalf("a hole before the deadline: %s, open %v", v.State, l.Open())
	}
}

// A tick that was long under way forgets no hole that came after what it says.
func TestStaleTickForgetsNoHole(t *testing.T) {
	l := placed(NewLog())
	at := func(c ledger.FeedCoverage, heard ledger.Instant) ledger.FeedCoverage {
		c.LastHeard = heard
		return c
	}
	l.Append(Tick(Clock(10, 2, 41), at(holed(Clock(10, 2, 10), Clock(10, 1, 0), Clock(10, 1, 30), Clock(10, 1, 30)), Clock(10, 2, 40))))
	l.Append(Tick(Clock(10, 2, 45), at(heardUntil(10, 2, 5), Clock(10, 2, 30)))) // proposed before the hole was known
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictUndetermined {
		t.Fatalf("%s: a stale tick forgot the hole", v.State)
	}
	l.Append(Tick(Clock(10, 3, 0), at(heardUntil(10, 2, 10), Clock(10, 2, 50))))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictBreached {
		t.Fatalf("%s after the release", v.State)
	}
}
