package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// beat is a tick of a boot: wall and boot clock in seconds after Noon.
func beat(boot byte, wall, clock int, date ledger.Instant) *ledger.Tick {
	return &ledger.Tick{BootID: [16]byte{boot}, Wall: Noon.Add(ledger.Micros(wall) * ledger.Second),
		BootClock: ledger.Day + ledger.Micros(clock)*ledger.Second, SourceDate: date}
}

func TestGuard(t *testing.T) {
	at := func(s int) ledger.Instant { return Noon.Add(ledger.Micros(s) * ledger.Second) }
	tests := []struct {
		name  string
		ticks []*ledger.Tick
		want  ledger.Instant
	}{
		{"a first tick is withheld", []*ledger.Tick{beat(1, 0, 0, 0)}, 0},
		{"a source's Date within 5 s confirms it", []*ledger.Tick{beat(1, 0, 0, at(-5))}, at(0)},
		{"a Date 6 s away does not", []*ledger.Tick{beat(1, 0, 0, at(-6))}, 0},
		{"another boot at wall − 2 s confirms it", []*ledger.Tick{beat(1, 0, 0, 0), beat(2, -2, 7, 0)}, at(0)},
		{"another boot at wall − 3 s does not", []*ledger.Tick{beat(1, 0, 0, 0), beat(2, -3, 7, 0)}, 0},
		{"alone: three ticks over a minute", []*ledger.Tick{beat(1, 0, 0, 0), beat(1, 30, 30, 0), beat(1, 60, 60, 0)}, at(60)},
		{"alone: 59 s are not enough", []*ledger.Tick{beat(1, 0, 0, 0), beat(1, 30, 30, 0), beat(1, 59, 59, 0)}, 0},
		{"alone: a gap of 31 s restarts", []*ledger.Tick{beat(1, 0, 0, 0), beat(1, 31, 31, 0), beat(1, 61, 61, 0)}, 0},
		{"alone: a lower Date restarts", []*ledger.Tick{beat(1, 0, 0, 0), beat(1, 30, 30, at(-600)), beat(1, 60, 60, 0)}, 0},
		{"a known boot within its credit moves the clock", []*ledger.Tick{beat(1, 0, 0, at(0)), beat(1, 11, 10, 0)}, at(11)},
		{"a step beyond the credit is withheld", []*ledger.Tick{beat(1, 0, 0, at(0)), beat(1, 12, 10, 0)}, at(0)},
		{"the credit refills at 1 %", []*ledger.Tick{beat(1, 0, 0, at(0)), beat(1, 11, 10, 0), beat(1, 112, 110, 0)}, at(112)},
		{"a clock that goes back does nothing", []*ledger.Tick{beat(1, 100, 100, at(100)), beat(1, 50, 110, 0)}, at(100)},
		{"a new boot above the clock is withheld", []*ledger.Tick{beat(1, 0, 0, at(0)), beat(2, 60, 5, 0)}, at(0)},
		{"a new boot below the clock is known from then on", []*ledger.Tick{beat(1, 100, 100, at(100)), beat(2, 90, 5, 0), beat(2, 110, 25, 0)}, at(110)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g ledger.Guard
			for _, x := range tt.ticks {
				g.Offer(x)
			}
			if g.Clock != tt.want {
				t.Fatalf("clock %s, want %s", g.Clock, tt.want)
			}
		})
	}
}

func TestClockResetNeedsOperators(t *testing.T) {
	p := Policy()
	p.Settings.ResetOperators = 2
	l := NewLog().Append(p).Append(Tick(Clock(23, 0, 0)))
	l.Append(&ledger.ClockReset{Wall: Clock(10, 0, 0), Operators: []string{"a", "a"}})
	if l.P.Clock() != Clock(23, 0, 0) {
		t.Fatal("one operator, named twice, put the clock back")
	}
	l.Append(&ledger.ClockReset{Wall: Clock(10, 0, 0), Operators: []string{"a", "b"}})
	if l.P.Clock() != Clock(10, 0, 0) {
		t.Fatalf("clock %s after two operators agreed", l.P.Clock())
	}
}

// TestClockResetRevises: what a wrong clock said is revised when it is put back.
func TestClockResetRevises(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 45), heardUntil(10, 2, 1)))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictBreached {
		t.Fatalf("verdict %s", v.State)
	}
	l.Append(&ledger.ClockReset{Wall: Clock(10, 1, 0), Operators: []string{"a"}})
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictPending {
		t.Fatalf("after the reset verdict %s, want PENDING", v.State)
	}
	if got := l.Open(); len(got) != 0 {
		t.Fatalf("open %v after the reset", got)
	}
}
