package ledger_test

import (
	"math/rand/v2"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestTotal: no record makes the fold fail, whatever its fields hold; damage of
// one leaves its neighbours folded.
func TestTotal(t *testing.T) {
	for seed := range seeds(t, 200) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 6))
		l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: 4})
		if rnd.IntN(2) == 0 {
			l.Append(Policy())
		}
		for range 40 {
			l.Append(wild(rnd))
		}
		k := ShopEvent("good", Noon, Noon, Words{Order: "open"})
		l.Append(k)
		if v := l.View("good"); v.Summary.Events != 1 {
			t.Fatalf("seed %d: the good order after the wild ones holds %d events", seed, v.Summary.Events)
		}
	}
}

// wild is a record whose fields are drawn from anywhere.
func wild(rnd *rand.Rand) any {
	number := func() ledger.Instant {
		return []ledger.Instant{0, -1, 1, Noon, ledger.Beginning, ledger.Forever, Noon.Add(ledger.Micros(rnd.Int64N(1e12)))}[rnd.IntN(7)]
	}
	text := func() string {
		return []string{"", "shop", "erp", "order", "open", "\xff\xfe", "(null)", "a\x00b"}[rnd.IntN(8)]
	}
	switch rnd.IntN(7) {
	case 0:
		return &ledger.Tick{Wall: number(), BootID: [16]byte{byte(rnd.IntN(3))}, BootClock: ledger.Micros(number() / 2), SourceDate: number(),
			Feeds: []ledger.FeedCoverage{{Source: ledger.Source(text()), Feed: text(), Epoch: ledger.Epoch{Number: rnd.Uint64N(3)},
				Intervals: []ledger.Interval{{From: number(), Until: number()}}, Withdrawn: []ledger.Interval{{From: number(), Until: number()}}}}}
	case 1:
		return &ledger.OperatorAction{RequestID: text(), Kind: ledger.ActionKind(rnd.IntN(12)), Actor: text(), SnoozeUntil: number()}
	case 2:
		return &ledger.Looked{Source: ledger.Source(text()), Feed: text(), Order: Key("1"), AskedAt: number()}
	case 3:
		return &ledger.ClockReset{Wall: number() / 4, Operators: []string{text(), text()}}
	case 4:
		p := PolicyRecord(Policy())
		p.Version = rnd.Uint64N(4)
		p.Tree = p.Tree[:rnd.IntN(len(p.Tree)+1)]
		return p
	case 5:
		return &ledger.Poison{Reason: text(), Raw: []byte(text())}
	}
	e := ShopEvent("1", Noon, number(), Words{Order: text(), Payment: text(), Fulfilment: text(), Created: number(), Cancelled: number(),
		Precision: ledger.Micros(rnd.IntN(3)) * ledger.Hour})
	e.Source, e.System, e.Feed, e.AskedAt, e.PrevAsked = ledger.Source(text()), text(), text(), number(), number()
	for i := range e.Claims {
		e.Claims[i].Axis, e.Claims[i].Mode = ledger.Axis(rnd.IntN(9)), ledger.Mode(rnd.IntN(5))
		e.Claims[i].Earliest, e.Claims[i].Latest = number(), number()
		e.Claims[i].Version.Scheme = ledger.Scheme(rnd.IntN(4))
	}
	e.ID = e.ComputeID()
	return e
}
