package shop

import (
	"fmt"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// batch is everything that changed in one collection of the warehouse over one
// BatchSpan. Its notice leaves when the span is over.
type batch struct {
	of    Collection
	begun int64 // unix seconds
}

func batchOf(c Collection, at time.Time) batch {
	return batch{c, at.Truncate(BatchSpan).Unix()}
}

// id is the batch's name: nobody can tell its span from it.
func (b batch) id() string {
	x := uint64(b.begun)*0x9e3779b97f4a7c15 ^ uint64(len(b.of))<<56
	x = (x ^ x>>31) * 0xbf58476d1ce4e5b9
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", x>>32, x>>16&0xffff, x&0xfff, x>>52, x&0xffffffffffff)
}

// notice makes the warehouse's notices of a document's batches, each once.
func (w *World) notice(d *doc) {
	topic, path := "ORDER_NOTIFY", "/orders"
	switch d.collection {
	case WarehouseOrders:
	case Shipments:
		topic, path = "SHIP_NOTIFY", "/shipments"
	default:
		return
	}
	for _, v := range d.versions {
		b := batchOf(d.collection, v.at)
		if w.noticed[b] {
			continue
		}
		w.noticed[b] = true
		end := time.Unix(b.begun, 0).UTC().Add(BatchSpan)
		w.push(&Delivery{
			Source: w.cfg.Sources.Warehouse, Topic: topic, ID: b.id(), Action: b.id(), Triggered: end, Send: end.Add(time.Second),
			Place: path + "?importBatch=" + b.id(),
		})
	}
}

// collides notes that an order and the next carry one tracking number: from
// when both labels were printed at the earliest, and from when the storefront
// shows both at the latest.
func (l *life) collides(next *life) {
	if len(l.parcels) == 0 || len(next.parcels) == 0 {
		return
	}
	a, b := &l.parcels[0], &next.parcels[0]
	l.goesWrong(later(a.shown, b.shown), time.Time{})
	x := &l.wrongs[len(l.wrongs)-1]
	x.subject, x.begins = truth.AliasSubject(l.cfg.Sources.Courier, "tracking-number", a.tracking), later(a.labelled, b.labelled)
	waits := *x
	waits.claims, waits.anchor, waits.begins = []string{ledger.NameOrphan}, x.begins, a.labelled
	if b.labelled.Before(a.labelled) {
		waits.begins = b.labelled // what the courier told before waits again
	}
	waits.ripe = waits.anchor.Add(ledger.Day.Duration())
	l.wrongs = append(l.wrongs, waits)
}
