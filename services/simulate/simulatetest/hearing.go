package simulatetest

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
	from     ledger.Instant // where its coverage begins
	asked    ledger.Instant // the last poll, 0 before the first
	covers   ledger.Instant // since when the poll under way reads
	coverage ledger.FeedCoverage
	// seen are the items that were read: like a poller, a feed takes an item at
	// first sight, once more when the read is definite, and then no more.
	seen map[string]ledger.Instant
}

// definite is what seen holds of an item that is not taken any more.
const definite ledger.Instant = -1

// fresh reports whether an item is to be taken.
func (f *feed) fresh(item string, now ledger.Instant) bool {
	first, known := f.seen[item]
	switch {
	case !known:
		f.seen[item] = now
		return true
	case first == definite || now < first.Add(f.spec.Settle+f.source.spec.Precision):
		return false
	default:
		f.seen[item] = definite
		return true
	}
}

// arrival is one document that reaches the edge.
type arrival struct {
	source *source
	in     catalog.Input
	order  string // whose it is in truth
	feed   *feed  // that read it
	at     time.Time
}

// listed says what each polled feed of a system lists.
func listed(system, feed string) shop.Query {
	switch system + "/" + feed {
	case "shopify/orders":
		return shop.Query{Collection: shop.Orders}
	case "shipstation/orders":
		return shop.Query{Collection: shop.WarehouseOrders}
	case "shipstation/shipments":
		return shop.Query{Collection: shop.Shipments, By: shop.Created}
	case "shipstation/shipment-voids":
		return shop.Query{Collection: shop.Shipments, By: shop.Voided}
	case "netsuite/item-fulfillments":
		return shop.Query{Collection: shop.ItemFulfillments}
	case "netsuite/invoices":
		return shop.Query{Collection: shop.Invoices}
	case "netsuite/credit-memos":
		return shop.Query{Collection: shop.CreditMemos}
	default:
		return shop.Query{Collection: shop.SalesOrders}
	}
}

// families are the events that the account's feeds list.
var families = map[string]string{"payment-intents": "payment_intent.", "charges": "charge.", "refunds": "refund."}

// delivered lists what webhooks brought up to an instant.
func (l *Ledger) delivered(now, from time.Time) ([]arrival, error) {
	for _, d := range l.cfg.World.Due(now) {
		received := later(d.Send, from)
		if l.cfg.Hold > 0 {
			received = received.Add(time.Duration(l.cfg.Shuffle.Int64N(int64(l.cfg.Hold))))
		}
		list, err := l.carried(d, received)
		if err != nil {
			return nil, err
		}
		l.held = append(l.held, list...)
	}
	var out, kept []arrival
	for _, a := range l.held {
		if a.at.After(now) && l.cfg.Hold > 0 {
			kept = append(kept, a)
		} else {
			out = append(out, a)
		}
	}
	l.held = kept
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// carried lists the documents that a webhook carries, or names.
func (l *Ledger) carried(d *shop.Delivery, received time.Time) ([]arrival, error) {
	s := l.sources[d.Source]
	in := catalog.Input{Feed: s.system.WebhookFeed(), ReceivedAt: ledger.At(received), Delivery: ledger.Delivery{Topic: d.Topic, ID: d.ID}}
	if d.Place == "" {
		body, err := d.Body("")
		in.Raw = body
		return []arrival{{source: s, in: in, order: d.Order, at: received}}, err
	}
	path, batch, _ := strings.Cut(d.Place, "?importBatch=")
	q := shop.Query{Collection: shop.WarehouseOrders, At: received, Batch: batch}
	if path == "/shipments" {
		q.Collection = shop.Shipments
	}
	page, err := l.cfg.World.List(q)
	in.AskedAt, in.Delivery = ledger.At(received), ledger.Delivery{}
	var out []arrival
	for i, item := range page.Items {
		in.Raw = item
		out = append(out, arrival{source: s, in: in, order: page.Orders[i], at: received})
	}
	return out, err
}

// poll reads what changed since the last poll, as S-17 asks for.
func (l *Ledger) poll(f *feed, now time.Time) ([]arrival, error) {
	f.covers = f.from
	if f.asked != 0 {
		f.covers = f.asked.Add(-f.spec.Settle)
	}
	since := f.covers.Add(-f.source.spec.Precision - f.spec.Settle).Time()
	var page shop.Page
	var err error
	if family, ok := families[f.spec.Name]; ok && f.source.system.Name == "stripe" {
		page, err = l.cfg.World.Newest(shop.Newest{Collection: shop.PaymentEvents, At: now, Since: since, Family: family})
	} else {
		q := listed(f.source.system.Name, f.spec.Name)
		q.At, q.Since = now, since
		page, err = l.cfg.World.List(q)
	}
	var out []arrival
	for i, item := range page.Items {
		if !f.fresh(string(item), ledger.At(now)) {
			continue
		}
		in := catalog.Input{Feed: f.catalog, Raw: item, ReceivedAt: ledger.At(now), AskedAt: ledger.At(now), PrevAsked: f.asked}
		out = append(out, arrival{source: f.source, in: in, order: page.Orders[i], feed: f, at: now})
	}
	return out, err
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
	f.asked, f.coverage.LastHeard = asked, asked
	f.coverage.Intervals = ledger.AddInterval(slices.Clone(f.coverage.Intervals), ledger.Interval{From: f.covers, Until: asked.Add(-f.spec.Settle)})
}
