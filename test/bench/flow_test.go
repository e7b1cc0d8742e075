package bench_test

import (
	"fmt"
	"iter"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// lifetime is how long an order of the flow is open.
const lifetime = 200 * ledger.Second

// flow is a stream of small documents without bodies: orders come in at an even
// pace, so that the same number is open at any time. Of 400 orders one is never
// copied to the ERP and one too late; of 50 one has a payment told twice.
type flow struct {
	orders int // all of them
	open   int // at a time
	from   ledger.Instant
}

// newFlow is a flow whose first order is placed at ten o'clock.
func newFlow(orders, open int) flow {
	return flow{orders: orders, open: open, from: Clock(10, 0, 0)}
}

// flowPolicy has the shop's sources and words and one rule of one step: the ERP
// knows a placed order within two minutes.
func flowPolicy() *ledger.Policy {
	p := Policy()
	p.Rules = p.Rules[:1]
	p.Rules[0].Steps = p.Rules[0].Steps[:1]
	p.Rules[0].Money = 0
	return p
}

func (f flow) step() ledger.Micros         { return lifetime / ledger.Micros(f.open) }
func (f flow) placed(i int) ledger.Instant { return f.from.Add(ledger.Micros(i) * f.step()) }
func (f flow) missing(i int) bool          { return i%400 == 207 }
func (f flow) late(i int) bool             { return i%400 == 7 }
func (f flow) repeated(i int) bool         { return i%50 == 3 }
func (f flow) count(is func(int) bool) (n int) {
	for i := range f.orders {
		if is(i) {
			n++
		}
	}
	return n
}

// breached is how many orders of the flow break the rule.
func (f flow) breached() int {
	return f.count(func(i int) bool { return f.missing(i) || f.late(i) })
}

// records yields the events in the order in which they are told, and every eight
// seconds a tick; at its end enough time passes for every deadline.
func (f flow) records() iter.Seq[any] {
	return func(yield func(any) bool) {
		every := max(int(8*ledger.Second/f.step()), 1)
		for n := 0; n <= f.orders+2*f.open; n++ {
			for _, e := range f.at(n) {
				if !yield(e) {
					return
				}
			}
			if n%every == 0 && !yield(f.tick(n)) {
				return
			}
		}
	}
}

// tick says that both polled sources were heard up to half a minute ago.
func (f flow) tick(n int) *ledger.Tick {
	wall := f.placed(n).Add(ledger.Second)
	from, until := Clock(9, 0, 0), wall.Add(-31*ledger.Second)
	return Tick(wall, Covered(ERP, ERPOrders, from, until), Covered(Shop, ShopOrders, from, until))
}

// at lists what is told when the n-th order is placed: that, and what happens to
// those before it.
func (f flow) at(n int) (out []*ledger.Event) {
	add := func(back int, is func(int) bool, what func(int) *ledger.Event) {
		if i := n - back; i >= 0 && i < f.orders && is(i) {
			out = append(out, what(i))
		}
	}
	always := func(int) bool { return true }
	prompt := func(i int) bool { return !f.missing(i) && !f.late(i) }
	add(0, always, f.order)
	add(f.open/40, always, f.paid)
	add(f.open/20, f.repeated, f.paid)
	add(f.open/5, prompt, f.copied)
	add(f.open*3/5, prompt, f.shipped)
	add(f.open*39/40, f.late, f.copied)
	add(f.open, always, f.told)
	return out
}

// document is an event of an order with claims of one version.
func (f flow) document(i int, e ledger.Event, at ledger.Instant, claims ...ledger.Claim) *ledger.Event {
	e.Order = Key(orderID(i))
	e.Kind = ledger.KindOrder
	e.Version = ledger.Version{Scheme: ledger.SchemeTimestamp, Parts: [3]int64{int64(at) * 1000}}
	for k := range claims {
		c := &claims[k]
		c.Object, c.Version, c.Earliest, c.Latest = e.Object, e.Version, at, at
		if c.Mode == 0 {
			c.Mode = ledger.Current
		}
	}
	e.Claims = claims
	if e.ReceivedAt = at.Add(ledger.Second); e.Feed == ERPOrders {
		e.AskedAt, e.PrevAsked = e.ReceivedAt, e.ReceivedAt.Add(-10*ledger.Second)
	}
	e.ID = e.ComputeID()
	return &e
}

func orderID(i int) string { return fmt.Sprint(1_000_000 + i) }

func (f flow) order(i int) *ledger.Event {
	return f.document(i, ledger.Event{Source: Shop, System: "shop", Feed: ShopOrders, Object: ledger.Object{Type: "order", ID: orderID(i)}}, f.placed(i),
		ledger.Claim{Axis: ledger.AxisOrder, Mode: ledger.Created, Native: "created_at"}, ledger.Claim{Axis: ledger.AxisOrder, Native: "open"})
}

func (f flow) paid(i int) *ledger.Event {
	return f.document(i, ledger.Event{Source: Payments, System: "gateway", Feed: PayEvents, Object: ledger.Object{Type: "payment", ID: "pay-" + orderID(i)}},
		f.placed(i).Add(5*ledger.Second), ledger.Claim{Axis: ledger.AxisPayment, Native: "captured"})
}

func (f flow) erp(i int, at ledger.Instant, claims ...ledger.Claim) *ledger.Event {
	return f.document(i, ledger.Event{Source: ERP, System: "erp", Feed: ERPOrders, Object: ledger.Object{Type: "sales_order", ID: "so-" + orderID(i)}}, at, claims...)
}

func (f flow) copied(i int) *ledger.Event {
	at := f.placed(i).Add(39 * ledger.Second)
	if f.late(i) {
		at = f.placed(i).Add(194 * ledger.Second)
	}
	return f.erp(i, at, ledger.Claim{Axis: ledger.AxisOrder, Native: "approved"}, ledger.Claim{Axis: ledger.AxisFulfilment, Native: "pending"})
}

func (f flow) shipped(i int) *ledger.Event {
	return f.erp(i, f.placed(i).Add(119*ledger.Second), ledger.Claim{Axis: ledger.AxisFulfilment, Native: "shipped"})
}

func (f flow) told(i int) *ledger.Event {
	return f.document(i, ledger.Event{Source: Shop, System: "shop", Feed: ShopOrders, Object: ledger.Object{Type: "order", ID: orderID(i)}},
		f.placed(i).Add(lifetime), ledger.Claim{Axis: ledger.AxisFulfilment, Native: "fulfilled"})
}
