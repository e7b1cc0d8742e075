package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

func maintenance(number uint64, from, until ledger.Instant) *ledger.Mute {
	return &ledger.Mute{Number: number, Source: ERP, From: from, Until: until, Actor: "ops", Reason: "new release"}
}

func last(t *testing.T, l *Log) ledger.ExceptionRow {
	t.Helper()
	if len(l.Exceptions) == 0 {
		t.Fatal("nothing was told")
	}
	return l.Exceptions[len(l.Exceptions)-1]
}

// What is said because of a source in planned maintenance waits for its end,
// listed but silent, with who said so.
func TestMute(t *testing.T) {
	l := placed(NewLog()).Append(maintenance(1, Clock(10, 0, 0), Clock(10, 30, 0)))
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	x := last(t, l).Exception
	if x.Rule != "ingestion" || !x.Open || x.SnoozedUntil != Clock(10, 30, 0) || len(x.Comments) != 1 || x.Comments[0].Actor != "ops" {
		t.Fatalf("opened as %+v, want it silent until 10:30", x)
	}
	l.Append(Tick(Clock(10, 29, 59), heardUntil(10, 29, 30)))
	if row := last(t, l); row.Change == ledger.FactSnoozeEnded {
		t.Fatal("it woke before the end")
	}
	l.Append(Tick(Clock(10, 30, 0), heardUntil(10, 29, 30)))
	if row := last(t, l); row.Change != ledger.FactSnoozeEnded || row.Exception.ID != x.ID || row.Exception.SnoozedUntil != 0 {
		t.Fatalf("told %s %+v, want it awake", row.Change, row.Exception)
	}
}

// A mute that begins later, is over, or is another source's silences nothing.
func TestMuteOfAnotherTime(t *testing.T) {
	for name, m := range map[string]*ledger.Mute{
		"later":          maintenance(1, Clock(10, 3, 0), Clock(10, 30, 0)),
		"over":           maintenance(1, Clock(9, 0, 0), Clock(10, 2, 0)),
		"out of turn":    maintenance(2, Clock(10, 0, 0), Clock(10, 30, 0)),
		"another source": {Number: 1, Source: Payments, From: Clock(10, 0, 0), Until: Clock(10, 30, 0)},
	} {
		l := placed(NewLog()).Append(m).Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
		if x := last(t, l).Exception; x.SnoozedUntil != 0 || !x.Announced {
			t.Errorf("%s: opened as %+v", name, x)
		}
	}
}

// A mute that replaces another moves the end of those that wait; one that ends
// in the past wakes them at the next tick. A person's own snooze stays.
func TestMuteIsReplaced(t *testing.T) {
	l := placed(NewLog()).Append(maintenance(1, Clock(10, 0, 0), Clock(10, 30, 0))).Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	l.Append(maintenance(2, Clock(10, 0, 0), Clock(11, 0, 0)))
	l.Append(Tick(Clock(10, 40, 0), heardUntil(10, 39, 0)))
	if row := last(t, l); row.Change == ledger.FactSnoozeEnded {
		t.Fatal("it woke at the end of the mute that was replaced")
	}
	l.Append(maintenance(3, 0, 1)).Append(Tick(Clock(10, 41, 0), heardUntil(10, 40, 0)))
	if row := last(t, l); row.Change != ledger.FactSnoozeEnded {
		t.Fatalf("told %s, want it awake: the mute was taken back", row.Change)
	}
	x := last(t, l).Exception
	l.Append(maintenance(4, Clock(10, 0, 0), Clock(12, 0, 0)))
	l.Append(&ledger.OperatorAction{Kind: ledger.ActionSnooze, Exception: x.ID, Episode: 1, Actor: "ann", SnoozeUntil: Clock(11, 0, 0)})
	l.Append(maintenance(5, 0, 1)).Append(Tick(Clock(10, 50, 0), heardUntil(10, 49, 0)))
	if x := last(t, l).Exception; x.SnoozedUntil != Clock(11, 0, 0) {
		t.Fatalf("silent until %s, want ann's 11:00", x.SnoozedUntil)
	}
}

// The silence of a source in maintenance is expected until its end.
func TestMuteOfASilentSource(t *testing.T) {
	shop := func(h, m, s int) ledger.FeedCoverage {
		return Covered(Shop, ShopOrders, Clock(9, 0, 0), Clock(h, m, s))
	}
	l := NewLog().Append(Policy()).Append(Tick(Clock(10, 0, 40), heardUntil(10, 0, 20), shop(10, 0, 20))).Append(maintenance(1, Clock(10, 0, 0), Clock(10, 30, 0)))
	l.Append(Tick(Clock(10, 5, 0), shop(10, 4, 50)))
	x := last(t, l).Exception
	if x.Name != "SourceSilent" || x.SnoozedUntil != Clock(10, 30, 0) {
		t.Fatalf("told %+v, want a silence nobody is woken for", x)
	}
	l.Append(Tick(Clock(10, 6, 0), heardUntil(10, 5, 50), shop(10, 5, 50)))
	if x := last(t, l).Exception; x.Open || x.SnoozedUntil != 0 {
		t.Fatalf("told %+v, want it healed", x)
	}
	told := len(l.Exceptions)
	l.Append(Tick(Clock(10, 30, 0), heardUntil(10, 29, 50), shop(10, 29, 50)))
	for _, row := range l.Exceptions[told:] {
		if row.Exception.ID == x.ID {
			t.Fatalf("told %s of what had healed", row.Change)
		}
	}
}

// An assignment and a snooze can be taken back.
func TestTakingBackActions(t *testing.T) {
	l := placed(NewLog()).Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	id := last(t, l).Exception.ID
	act := func(a ledger.OperatorAction) ledger.Exception {
		a.Exception, a.Episode, a.Actor = id, 1, "ann"
		l.Append(&a)
		return last(t, l).Exception
	}
	act(ledger.OperatorAction{Kind: ledger.ActionAssign, Assignee: "bob"})
	if x := act(ledger.OperatorAction{Kind: ledger.ActionAssign}); x.Assignee != "" {
		t.Fatalf("assigned to %q", x.Assignee)
	}
	act(ledger.OperatorAction{Kind: ledger.ActionSnooze, SnoozeUntil: Clock(12, 0, 0)})
	if x := act(ledger.OperatorAction{Kind: ledger.ActionSnooze}); x.SnoozedUntil != 0 {
		t.Fatalf("silent until %s", x.SnoozedUntil)
	}
	told := len(l.Exceptions)
	act(ledger.OperatorAction{Kind: ledger.ActionSnooze})
	act(ledger.OperatorAction{Kind: ledger.ActionAssign})
	if len(l.Exceptions) != told {
		t.Fatal("taking back what is not there changed something")
	}
	l.Append(Tick(Clock(12, 0, 0), heardUntil(11, 59, 0)))
	for _, row := range l.Exceptions[told:] {
		if row.Change == ledger.FactSnoozeEnded {
			t.Fatal("the snooze that was taken back ended once more")
		}
	}
}
