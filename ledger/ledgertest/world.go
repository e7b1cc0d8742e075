package ledgertest

import (
	"fmt"
	"math/rand/v2"

	"github.com/orderledger/orderledger/ledger"
)

// World is a seeded story of one order in a shop whose systems contradict each
// other: what each source's documents said, who delivered and who read them, in
// an order that has nothing to do with when they arrive.
type World struct {
	Events []*ledger.Event
	// End is after everything that happened.
	End ledger.Instant
}

// NewWorld makes a story with about n documents.
func NewWorld(rnd *rand.Rand, n int) *World {
	w := &World{}
	start := Clock(10, 0, 0)
	shopAt, erpAt, payAt := start, start.Add(ledger.Micros(rnd.IntN(300))*ledger.Second), start.Add(5*ledger.Second)
	erpCreated := erpAt
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	for i := range n {
		precision := ledger.Micros(rnd.IntN(3)) * ledger.Second
		switch {
		case i == 0 || rnd.IntN(3) == 0:
			shopAt = shopAt.Add(ledger.Micros(rnd.IntN(240)) * ledger.Second)
			words := Words{Order: pick("open", "open", "open", "cancelled"), Payment: pick("pending", "paid"), Fulfilment: pick("(null)", "partial", "fulfilled"),
				Created: start, Precision: precision, Minor: 1000}
			if rnd.IntN(6) == 0 {
				words.Minor = 2000 // the order was edited
			}
			if words.Order == "cancelled" {
				words.Cancelled = shopAt
			}
			w.add(rnd, func(asked, prev ledger.Instant) *ledger.Event {
				e := ShopEvent("1", shopAt, shopAt.Add(ledger.Second), words)
				return read(e, asked, prev)
			}, shopAt)
		case rnd.IntN(3) > 0:
			erpAt = erpAt.Add(ledger.Micros(rnd.IntN(240)) * ledger.Second)
			words := Words{Order: pick("approved", "approved", "cancelled"), Fulfilment: pick("pending", "shipped"), Created: erpCreated, Precision: precision}
			w.add(rnd, func(asked, prev ledger.Instant) *ledger.Event {
				return ERPEvent("1", erpAt, max(asked, erpAt.Add(ledger.Second)), prev, words)
			}, erpAt)
		default:
			payAt = payAt.Add(ledger.Micros(rnd.IntN(200)) * ledger.Second)
			word := pick("pending", "captured")
			w.add(rnd, func(ledger.Instant, ledger.Instant) *ledger.Event {
				return PayEvent("1", payAt, payAt.Add(ledger.Second), word)
			}, payAt)
		}
		w.End = max(w.End, shopAt, erpAt, payAt)
	}
	w.End = w.End.Add(ledger.Hour)
	return w
}

// read turns a delivery into a read if asked is set.
func read(e *ledger.Event, asked, prev ledger.Instant) *ledger.Event {
	if asked != 0 {
		e.AskedAt, e.PrevAsked, e.ReceivedAt = asked, prev, asked
	}
	return e
}

// add adds one to three copies of a document: deliveries and reads.
func (w *World) add(rnd *rand.Rand, doc func(asked, prev ledger.Instant) *ledger.Event, at ledger.Instant) {
	for range 1 + rnd.IntN(3) {
		if rnd.IntN(2) == 0 {
			w.Events = append(w.Events, doc(0, 0))
			continue
		}
		asked := at.Add(ledger.Micros(1+rnd.IntN(60)) * ledger.Second)
		prev := asked.Add(-ledger.Micros(10+rnd.IntN(20)) * ledger.Second)
		if rnd.IntN(4) == 0 {
			prev = 0
		}
		w.Events = append(w.Events, doc(asked, prev))
	}
}

// Shuffled returns the events in another order.
func (w *World) Shuffled(rnd *rand.Rand) []*ledger.Event {
	out := append([]*ledger.Event(nil), w.Events...)
	rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Ticks are the ticks of a world: the clock in a few steps, coverage behind it,
// now and then none.
func (w *World) Ticks(rnd *rand.Rand) []*ledger.Tick {
	var out []*ledger.Tick
	at := Clock(10, 1, 0)
	for at < w.End {
		t := Tick(at)
		if rnd.IntN(3) > 0 {
			until := at.Add(-ledger.Micros(30+rnd.IntN(60)) * ledger.Second)
			t.Feeds = []ledger.FeedCoverage{Covered(ERP, ERPOrders, Clock(9, 0, 0), until), Covered(Shop, ShopOrders, Clock(9, 0, 0), until)}
		}
		out = append(out, t)
		at = at.Add(ledger.Micros(60+rnd.IntN(600)) * ledger.Second)
	}
	out = append(out, Tick(w.End, Covered(ERP, ERPOrders, Clock(9, 0, 0), w.End.Add(-ledger.Minute)), Covered(Shop, ShopOrders, Clock(9, 0, 0), w.End.Add(-ledger.Minute))))
	return out
}

// State is what must not depend on arrival order: cells, histories, since
// instants and current verdicts of the world's order, as text (S-8).
func State(v ledger.OrderView) string {
	s := ""
	for _, c := range v.Summary.Cells {
		s += fmt.Sprintf("%s.%s %s since (%s, %s] at %s\n", c.Source, c.Axis, c.Axis.StateName(c.State), c.Since.Earliest, c.Since.Latest, c.At)
	}
	newest := map[string]uint32{}
	for _, x := range v.Verdicts {
		newest[x.Rule] = max(newest[x.Rule], x.Episode)
	}
	for _, x := range v.Verdicts {
		if x.Episode+8 <= newest[x.Rule] {
			continue // long over: a long order may have put it away
		}
		s += fmt.Sprintf("%s/%d#%d %s %s (%s, %s] until (%s, %s] %s %v\n", x.Rule, x.Step, x.Episode, x.State, x.Basis,
			x.Anchor.Earliest, x.Anchor.Latest, x.Until.Earliest, x.Until.Latest, x.Because, x.Historic)
	}
	return s
}
