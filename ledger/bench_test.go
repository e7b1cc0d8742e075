package ledger_test

import (
	"fmt"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// mixed is a stream of n events over orders in flight: for each order a
// placement, a payment, the ERP's copy, the ERP's shipment and the storefront's.
func mixed(orders int) []*ledger.Event {
	var out []*ledger.Event
	for wave := range 5 {
		for i := range orders {
			id := fmt.Sprintf("%d", 100000+i)
			at := Clock(10, 0, 0).Add(ledger.Micros(i) * ledger.Millisecond)
			switch wave {
			case 0:
				out = append(out, ShopEvent(id, at, at.Add(ledger.Second), Words{Order: "open", Payment: "pending", Fulfilment: "(null)", Created: at, Minor: 1000}))
			case 1:
				out = append(out, PayEvent(id, at.Add(5*ledger.Second), at.Add(6*ledger.Second), "captured"))
			case 2:
				t := at.Add(40 * ledger.Second)
				out = append(out, ERPEvent(id, t, t.Add(10*ledger.Second), t, Words{Order: "approved", Fulfilment: "pending", Created: t}))
			case 3:
				t := at.Add(400 * ledger.Second)
				out = append(out, ERPEvent(id, t, t.Add(10*ledger.Second), t, Words{Order: "approved", Fulfilment: "shipped", Created: at.Add(40 * ledger.Second)}))
			case 4:
				t := at.Add(420 * ledger.Second)
				out = append(out, ShopEvent(id, t, t.Add(ledger.Second), Words{Order: "open", Payment: "paid", Fulfilment: "fulfilled", Created: at, Minor: 1000}))
			}
		}
	}
	return out
}

// discard is a batch that keeps nothing.
type discard struct{ bytes int }

func (d *discard) Put(k, v []byte) { d.bytes += len(k) + len(v) }
func (d *discard) Delete(k []byte) { d.bytes += len(k) }

// BenchmarkFold folds a mixed stream whose orders are all in memory, encoding
// every batch of 1,000 records. One iteration is one event.
func BenchmarkFold(b *testing.B) {
	const orders = 4000
	events := mixed(orders)
	b.ReportAllocs()
	b.ResetTimer()
	done := 0
	for done < b.N {
		b.StopTimer()
		store := ledger.NewMemStore()
		l := NewLog()
		l.Append(Policy())
		p, err := ledger.Open(l.Store, ledger.Options{Partitions: 1})
		if err != nil {
			b.Fatal(err)
		}
		_ = store
		copies := make([]ledger.Event, len(events))
		for i, e := range events {
			copies[i] = *e
		}
		var sink discard
		b.StartTimer()
		for i := range copies {
			if done++; done > b.N {
				break
			}
			if err := p.Apply(&ledger.Record{Offset: int64(i + 1), RecordedAt: Noon, Event: &copies[i]}); err != nil {
				b.Fatal(err)
			}
			if i%1000 == 999 {
				p.Flush(&sink)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkComputeID computes the identity of a typical order document.
func BenchmarkComputeID(b *testing.B) {
	e := ShopEvent("1001", Noon, Noon, Words{Order: "open", Payment: "paid", Fulfilment: "(null)", Created: Noon, Minor: 1000})
	b.ReportAllocs()
	for b.Loop() {
		if e.ComputeID() != e.ID {
			b.Fatal("another id")
		}
	}
}

// BenchmarkJoin parks unkeyed records under names of their own and releases each
// by a binding, encoding every batch of 1,000. One iteration is one record, in
// and out.
func BenchmarkJoin(b *testing.B) {
	const names = 5000
	records := make([]ledger.Record, 0, 2*names)
	for i := range names {
		a := ledger.Alias{Scope: Shop, Type: "order-number", Value: fmt.Sprint(i)}
		e := ERPEvent(fmt.Sprint(i), Clock(10, 0, 0), Clock(10, 0, 10), Clock(10, 0, 0), Words{Order: "approved", Fulfilment: "pending", Created: Clock(10, 0, 0)})
		e.Order = ""
		records = append(records, ledger.Record{Unkeyed: &ledger.Unkeyed{By: a, Event: *e}})
	}
	for i := range names {
		a := ledger.Alias{Scope: Shop, Type: "order-number", Value: fmt.Sprint(i)}
		records = append(records, ledger.Record{Binding: &ledger.AliasBinding{Alias: a, Order: Key(fmt.Sprint(i)), From: Clock(9, 0, 0), Until: ledger.Forever, Version: 1, Live: true}})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		p, err := ledger.Open(ledger.NewMemStore(), ledger.Options{Partition: ledger.AliasPartitions, Partitions: 1, OrderPartitions: 1})
		if err != nil {
			b.Fatal(err)
		}
		n := min(names, b.N-done)
		batch := make([]ledger.Record, 0, 2*n)
		for i := range n {
			u := *records[i].Unkeyed
			batch = append(batch, ledger.Record{Unkeyed: &u})
		}
		batch = append(batch, records[names:names+n]...)
		var sink discard
		b.StartTimer()
		for i := range batch {
			batch[i].Offset, batch[i].RecordedAt = int64(i), Noon
			if err := p.Apply(&batch[i]); err != nil {
				b.Fatal(err)
			}
			if i%1000 == 999 {
				p.Flush(&sink)
			}
		}
		done += n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
