package sim

import (
	"fmt"
	"math/rand/v2"

	"github.com/orderledger/orderledger/ledger"
)

// Life is what truly happened to one order, and when. Only the oracle knows it
// whole; the ledger has to make it out of what the systems say. Zero: never.
type Life struct {
	ID        int
	Placed    ledger.Instant // in the storefront
	Cancelled ledger.Instant // there
	Captured  ledger.Instant // the money, at the payment provider
	Exported  ledger.Instant // the order came to be in the ERP
	Shipped   ledger.Instant // there
	Told      ledger.Instant // the storefront says so, too
	Posted    ledger.Instant // the courier's first scan
	Delivered ledger.Instant
}

// Key is the order's key.
func (l *Life) Key() ledger.OrderKey { return ledger.OrderKey(fmt.Sprintf("%s~%d", names[web], l.ID)) }

// World is a seeded story of a shop.
type World struct {
	Lives []Life
	// Heal is when the last fault is over, End when the run ends.
	Heal ledger.Instant
	End  ledger.Instant
}

// Spans of a world.
const (
	promises = 6 * ledger.Minute   // the longest promise, and what proving it takes
	recovery = 200 * ledger.Second // from the last fault to the end
)

// NewWorld makes a story of a few orders.
func NewWorld(seed uint64) *World {
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := &World{}
	at := Start.Add(20 * ledger.Second)
	for i := range 3 + rnd.IntN(6) {
		at = at.Add(between(rnd, 2*ledger.Second, 75*ledger.Second))
		w.Lives = append(w.Lives, newLife(rnd, 1001+i, at))
	}
	w.Heal = at.Add(promises)
	w.End = w.Heal.Add(recovery)
	for i := range w.Lives { // what comes later than this could not be heard in time
		for _, s := range lifeStamps {
			if at := s.at(&w.Lives[i]); *at > w.End.Add(-75*ledger.Second) {
				*at = 0
			}
		}
	}
	return w
}

func newLife(rnd *rand.Rand, id int, at ledger.Instant) Life {
	l := Life{ID: id, Placed: at}
	// delay is mostly short, sometimes about a promise, sometimes much longer.
	delay := func(promise ledger.Micros) ledger.Micros {
		switch rnd.IntN(6) {
		case 0:
			return promise + between(rnd, -5*ledger.Second, 5*ledger.Second)
		case 1:
			return promise + between(rnd, 20*ledger.Second, 2*ledger.Minute)
		default:
			return between(rnd, ledger.Second, promise/2)
		}
	}
	if rnd.IntN(6) > 0 {
		l.Captured = at.Add(delay(3 * ledger.Minute))
	}
	if rnd.IntN(5) == 0 {
		if rnd.IntN(2) == 0 {
			l.Cancelled = at.Add(delay(2 * ledger.Minute))
		}
		return l
	}
	l.Exported = at.Add(delay(2 * ledger.Minute))
	if rnd.IntN(6) == 0 {
		return l
	}
	l.Shipped = l.Exported.Add(between(rnd, 3*ledger.Second, 60*ledger.Second))
	if rnd.IntN(6) > 0 {
		l.Told = l.Shipped.Add(delay(3 * ledger.Minute))
	}
	if rnd.IntN(6) == 0 {
		return l
	}
	l.Posted = l.Shipped.Add(between(rnd, ledger.Second, 40*ledger.Second))
	if rnd.IntN(6) > 0 {
		l.Delivered = l.Posted.Add(delay(2 * ledger.Minute))
	}
	return l
}

// between draws from [lo, hi).
func between(rnd *rand.Rand, lo, hi ledger.Micros) ledger.Micros {
	if hi <= lo {
		return lo
	}
	return lo + ledger.Micros(rnd.Int64N(int64(hi-lo)))
}

// change is one state of one document of a system.
type change struct {
	system int
	object string
	at     ledger.Instant
	life   *Life
}

// changes lists everything that the systems will write down, in no order.
func (w *World) changes() []change {
	var out []change
	for i := range w.Lives {
		l := &w.Lives[i]
		id, number := fmt.Sprint(l.ID), fmt.Sprintf("T%d", l.ID)
		add := func(system int, object string, list ...ledger.Instant) {
			for _, at := range list {
				if at != 0 && at < w.End {
					out = append(out, change{system, object, at, l})
				}
			}
		}
		add(web, id, l.Placed, l.Cancelled, l.Told)
		add(erp, id, l.Exported, l.Shipped)
		add(pay, id, l.Placed.Add(2*ledger.Second), l.Captured)
		add(post, number, l.Posted, l.Delivered)
	}
	return out
}

// happened reports whether something is true at an instant.
func happened(what, at ledger.Instant) bool { return what != 0 && what <= at }

func word(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}

// document is what a system says of an object at an instant: its fields without
// stamps.
func (c *change) document() string {
	l := c.life
	switch c.system {
	case web:
		return fmt.Sprintf(`"order":%q,"fulfilment":%q,"total":"25.00"`, word(happened(l.Cancelled, c.at), "cancelled", "placed"),
			word(happened(l.Told, c.at), "shipped", "pending"))
	case erp:
		text := fmt.Sprintf(`"order":"approved","fulfilment":%q`, word(happened(l.Shipped, c.at), "shipped", "pending"))
		if happened(l.Shipped, c.at) {
			text += fmt.Sprintf(`,"tracking":"T%d"`, l.ID)
		}
		return text
	case pay:
		return fmt.Sprintf(`"payment":%q`, word(happened(l.Captured, c.at), "captured", "pending"))
	default:
		return fmt.Sprintf(`"fulfilment":%q`, word(happened(l.Delivered, c.at), "delivered", "in_transit"))
	}
}
