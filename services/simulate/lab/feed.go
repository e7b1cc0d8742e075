package lab

import (
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// feed is one polled feed.
type feed struct {
	spec     ledger.FeedSpec
	source   *source
	catalog  *catalog.Feed
	follower *shop.Follower
	from     ledger.Instant // where its coverage begins
	asked    ledger.Instant // the last poll, 0 before the first
	coverage ledger.FeedCoverage
	polls    []ledger.Instant // when it was read
	// again are the items to be taken once more when their read is definite, in
	// the order in which they were seen first.
	again []seen
}

// seen is an item that was taken at first sight.
type seen struct {
	entry shop.Entry
	res   *catalog.Result
	due   ledger.Instant
}

// followed says what each polled feed of a system lists.
func followed(system, feed string) shop.Followed {
	switch system + "/" + feed {
	case "shopify/orders":
		return shop.Followed{Collection: shop.Orders}
	case "shipstation/orders":
		return shop.Followed{Collection: shop.WarehouseOrders}
	case "shipstation/shipments":
		return shop.Followed{Collection: shop.Shipments, By: shop.Created}
	case "shipstation/shipment-voids":
		return shop.Followed{Collection: shop.Shipments, By: shop.Voided}
	case "netsuite/item-fulfillments":
		return shop.Followed{Collection: shop.ItemFulfillments}
	case "netsuite/invoices":
		return shop.Followed{Collection: shop.Invoices}
	case "netsuite/credit-memos":
		return shop.Followed{Collection: shop.CreditMemos}
	case "stripe/payment-intents":
		return shop.Followed{Collection: shop.PaymentEvents, Family: "payment_intent."}
	case "stripe/charges":
		return shop.Followed{Collection: shop.PaymentEvents, Family: "charge."}
	case "stripe/refunds":
		return shop.Followed{Collection: shop.PaymentEvents, Family: "refund."}
	default:
		return shop.Followed{Collection: shop.SalesOrders}
	}
}

func newFeed(w *shop.World, s *source, f *catalog.Feed, spec ledger.FeedSpec) *feed {
	return &feed{
		spec: spec, source: s, catalog: f, follower: w.Follow(followed(s.system.Name, spec.Name)), from: s.cfg.LiveFrom.Instant(),
		coverage: ledger.FeedCoverage{Source: s.spec.Name, Feed: spec.Name, Epoch: ledger.Epoch{Number: 1, OpenedBy: "lab"}},
	}
}

// sampled is how many records pass until a document that is read again is mapped
// again, too.
const sampled = 64

// poll reads what is new, and once more what has become definite.
func (e *ear) poll(f *feed, now time.Time) error {
	at := ledger.At(now)
	in := catalog.Input{Feed: f.catalog, ReceivedAt: at, AskedAt: at, PrevAsked: f.asked}
	n := 0
	for ; n < len(f.again) && f.again[n].due <= at; n++ {
		s := &f.again[n]
		if f.follower.Listed(&s.entry, now) {
			in.Raw = nil
			if e.counts.Records%sampled == 0 { // and take compares
				raw, err := s.entry.Body()
				if err != nil {
					return err
				}
				in.Raw = raw
			}
			if err := e.take(&arrival{source: f.source, in: in, order: s.entry.Order, feed: f, again: s.res}, now); err != nil {
				return err
			}
		}
	}
	f.again = slices.Delete(f.again, 0, n)
	for _, entry := range f.follower.Next(now) {
		raw, err := entry.Body()
		if err != nil {
			return err
		}
		in.Raw = raw
		f.again = append(f.again, seen{entry: entry})
		if err := e.take(&arrival{source: f.source, in: in, order: entry.Order, at: entry.At, feed: f}, now); err != nil {
			return err
		}
	}
	return nil
}

// first notes what the newest item said at first sight.
func (f *feed) first(res *catalog.Result, now time.Time) {
	s := &f.again[len(f.again)-1]
	s.res, s.due = res, ledger.At(now).Add(f.spec.Settle+f.source.spec.Precision)
}

// appended notes that a record of the feed that names no order was acknowledged.
func (f *feed) appended(partition int32, offset int64) {
	list := f.coverage.Unkeyed
	at, ok := slices.BinarySearchFunc(list, partition, func(u ledger.UnkeyedOffset, p int32) int { return int(u.Partition - p) })
	list = slices.Clone(list)
	if !ok {
		list = slices.Insert(list, at, ledger.UnkeyedOffset{Partition: partition})
	}
	list[at].Offset = max(list[at].Offset, offset)
	f.coverage.Unkeyed = list
}

// acknowledge lets the poll under way count, now that all of it was appended.
func (f *feed) acknowledge(asked ledger.Instant) {
	covers := f.from
	if f.asked != 0 {
		covers = f.asked.Add(-f.spec.Settle)
	}
	f.asked, f.coverage.LastHeard = asked, asked
	f.polls = append(f.polls, asked)
	f.coverage.Intervals = ledger.AddInterval(slices.Clone(f.coverage.Intervals), ledger.Interval{From: covers, Until: asked.Add(-f.spec.Settle)})
}

// poisoned is the order of bytes that are no document.
const poisoned = "(poison)"

// delivered lists the webhooks that reach the edge up to an instant.
func (e *ear) delivered(now time.Time) []arrival {
	for _, d := range e.world.Due(now) {
		if d.Place != "" || (chance(e.rnd, e.noise.Lost) && e.repeated(d)) {
			continue // what a notice names is read by the polls
		}
		e.sent(d, d.Send)
		if chance(e.rnd, e.noise.Duplicate) {
			e.sent(d, d.Send.Add(time.Duration(e.rnd.Int64N(int64(20*time.Second)))))
		}
		if chance(e.rnd, e.noise.Poison) {
			e.counts.Poisoned++
			s := e.sources[d.Source]
			e.held = append(e.held, arrival{source: s, order: poisoned, at: d.Send, in: catalog.Input{Feed: s.system.WebhookFeed(), Raw: []byte("\x00{\"id\":"), ReceivedAt: ledger.At(d.Send)}})
		}
	}
	var out, kept []arrival
	for _, a := range e.held {
		if a.in.ReceivedAt > ledger.At(now) {
			kept = append(kept, a)
		} else {
			out = append(out, a)
		}
	}
	e.held = kept
	return out
}

// repeated reports whether a poll shows what a webhook tells. To lose one that
// nothing repeats is no noise: nobody could ever know what it said.
func (e *ear) repeated(d *shop.Delivery) bool {
	return d.Source == e.world.Config().Sources.Payment || strings.HasPrefix(d.Topic, "orders/") || strings.HasPrefix(d.Topic, "fulfillments/")
}

// sent puts a webhook on its way.
func (e *ear) sent(d *shop.Delivery, at time.Time) {
	if chance(e.rnd, e.noise.Late) {
		at = at.Add(time.Duration(e.rnd.Int64N(int64(e.noise.LateBy))))
	}
	body, err := d.Body("")
	if err != nil {
		body = nil // and the mapper says so
	}
	s := e.sources[d.Source]
	e.held = append(e.held, arrival{source: s, order: d.Order, at: d.Triggered, in: catalog.Input{
		Feed: s.system.WebhookFeed(), Raw: body, ReceivedAt: ledger.At(at), Delivery: ledger.Delivery{Topic: d.Topic, ID: d.ID},
	}})
}
