package avroevent

import (
	"bytes"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// typicalEvent is an order document as a storefront's webhook brings it: three
// claims, two lines, two sums and a compressed body of 900 bytes.
func typicalEvent() *ledger.Event {
	const at = ledger.Instant(1_790_000_000_000_000)
	order := ledger.Object{Type: "order", ID: "5678901234567"}
	version := ledger.Version{Scheme: ledger.SchemeTimestamp, Parts: [3]int64{int64(at) * 1000}}
	claim := func(axis ledger.Axis, mode ledger.Mode, word string) ledger.Claim {
		return ledger.Claim{
			Axis: axis, Object: order, Mode: mode, Native: word, Version: version,
			Earliest: at, Latest: at.Add(ledger.Second),
		}
	}
	e := &ledger.Event{
		Source: "shop-eu", System: "shopify", Feed: "orders", Direction: ledger.DirectionOutgoing,
		Order: "shop-eu~5678901234567",
		Aliases: []ledger.Alias{
			{Scope: "shop-eu", Type: "order-number", Value: "#10457"},
			{Scope: "shop-eu", Type: "checkout", Value: "c1f0e2d49a8b4c57"},
		},
		Kind: ledger.KindOrder, NativeKind: "orders/updated", Object: order, Version: version,
		Claims: []ledger.Claim{
			claim(ledger.AxisOrder, ledger.Created, "created"),
			claim(ledger.AxisPayment, ledger.Current, "paid"),
			claim(ledger.AxisFulfilment, ledger.Current, ledger.NativeNull),
		},
		Lines: []ledger.LineSet{{Object: order, Kind: ledger.LineOrdered, Complete: true, Lines: []ledger.Line{
			{ID: "14001", SKU: "MUG-BLUE", Quantity: 2}, {ID: "14002", SKU: "TEE-M-BLACK", Quantity: 1},
		}}},
		Amounts: []ledger.AmountSet{
			{Object: order, Kind: ledger.AmountOrdered, Complete: true, Amounts: []ledger.Amount{{ID: "total", Minor: 5980, Currency: "EUR"}}},
			{Object: order, Kind: ledger.AmountCaptured, Complete: true, Amounts: []ledger.Amount{{ID: "t-1", Minor: 5980, Currency: "EUR"}}},
		},
		ReceivedAt: at.Add(2 * ledger.Second),
		Delivery:   ledger.Delivery{Topic: "orders/updated", ID: "d-8f2b7c1e", Attempt: 1},
		TraceID:    "4bf92f3577b34da6a3ce929d0e0e4736",
		Body:       ledger.Body{Codec: "zstd", Bytes: bytes.Repeat([]byte{7}, 900)},
	}
	e.ID = e.ComputeID()
	return e
}

func BenchmarkDecodeEvent(b *testing.B) {
	c := testCodec(b)
	e := typicalEvent()
	value, err := c.Encode(nil, e)
	if err != nil {
		b.Fatal(err)
	}
	d := c.NewDecoder()
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		rec := ledger.Record{Key: []byte(e.Order)}
		if d.Decode(value, &rec); rec.Event == nil {
			b.Fatal(rec.Poison.Reason)
		}
	}
}

// BenchmarkReadEvent is decoding without recomputing the event's id.
func BenchmarkReadEvent(b *testing.B) {
	c := testCodec(b)
	value, err := c.Encode(nil, typicalEvent())
	if err != nil {
		b.Fatal(err)
	}
	in := newReader()
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		in.reset(value[headerLen:])
		in.event(new(ledger.Event))
		if in.verdict() != "" {
			b.Fatal(in.verdict())
		}
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	c := testCodec(b)
	e := typicalEvent()
	var dst []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = c.Encode(dst[:0], e); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkComputeID(b *testing.B) {
	e := typicalEvent()
	b.ReportAllocs()
	for b.Loop() {
		if e.ComputeID() != e.ID {
			b.Fatal("another id")
		}
	}
}
