// Package projectiontest is the suite that every sink passes.
package projectiontest

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
)

// Rows are the rows of a small story: an order that is never exported, a word
// nobody mapped, and a payment.
func Rows() *ledger.Rows {
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	at := ledgertest.Clock(9, 59, 59)
	l.Append(ledgertest.ShopEvent("1001", at, ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 4990}))
	l.Append(ledgertest.ShopEvent("1002", at, ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Payment: "mystery", Created: at, Minor: 100}))
	l.Append(ledgertest.PayEvent("1001", at, ledgertest.Clock(10, 0, 1), "captured"))
	l.Append(ledgertest.Tick(ledgertest.Clock(10, 2, 45), ledgertest.Covered(ledgertest.ERP, ledgertest.ERPOrders, ledgertest.Clock(9, 0, 0), ledgertest.Clock(10, 2, 1))))
	return &ledger.Rows{History: l.History, Exceptions: l.Exceptions, Orders: l.Orders, Quarantine: l.Quarantine,
		Outgoing: []ledger.Outgoing{{Seq: 1, Bound: &ledger.Bound{Order: ledgertest.Key("1001"), Version: 1}}, {Seq: 2, Bound: &ledger.Bound{Order: ledgertest.Key("1001"), Version: 2}}}}
}

// block cuts rows [from, to] of a table.
func block(rows *ledger.Rows, p int32, t projections.Table, from, to uint64) *projections.Block {
	b := &projections.Block{Partition: p, Table: t, From: from, To: to, Rows: &ledger.Rows{}}
	projections.Append(b.Rows, rows, t, from, to)
	return b
}

// Run runs the suite on an empty sink.
func Run(t *testing.T, s projections.Sink) {
	ctx, rows := t.Context(), Rows()
	held := func(p int32) projections.Held {
		t.Helper()
		h, err := s.Held(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := held(0); h != (projections.Held{}) {
		t.Fatalf("an empty sink holds %v", h)
	}
	for tab := range projections.Table(projections.Tables) {
		if !s.Wants(tab) {
			continue
		}
		n := projections.Last(rows, tab)
		if n < 2 && tab != projections.Quarantine {
			t.Fatalf("the story tells %d rows of %s, too few to cut", n, tab)
		}
		cut := max(n/2, 1)
		for _, b := range []*projections.Block{block(rows, 0, tab, 1, cut), block(rows, 0, tab, 1, cut)} { // a repeat is harmless
			if err := s.Insert(ctx, b); err != nil {
				t.Fatalf("insert %s: %v", b.Token(), err)
			}
		}
		if h := held(0); h[tab] != cut {
			t.Fatalf("%s: holds %d after a block to %d", tab, h[tab], cut)
		}
		if cut < n {
			if err := s.Insert(ctx, block(rows, 0, tab, cut+1, n)); err != nil {
				t.Fatal(err)
			}
		}
		if h := held(0); h[tab] != n {
			t.Fatalf("%s: holds %d of %d", tab, h[tab], n)
		}
	}
	if h := held(1); h != (projections.Held{}) {
		t.Fatalf("partition 1 holds %v of partition 0's rows", h)
	}
}
