package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestMergedAndNeverHeardOf: what is stored of orders that somebody merged and
// nobody ever told of does not depend on whether they are still in memory when
// the policy changes (I-1).
func TestMergedAndNeverHeardOf(t *testing.T) {
	first, second := Policy(), Policy()
	second.Version, second.EffectiveAt = 2, Clock(10, 1, 0)
	records := []ledger.Record{
		{Policy: PolicyRecord(first)},
		{Tick: Tick(Clock(10, 0, 0))},
		{Merge: &ledger.Merge{Number: 1, A: Key("1"), B: Key("2"), Actor: "ops", Reason: "the same"}},
		{Event: ShopEvent("3", Clock(10, 0, 1), Clock(10, 0, 2), Words{Order: "open", Created: Clock(10, 0, 0)})},
		{Event: ShopEvent("4", Clock(10, 0, 1), Clock(10, 0, 2), Words{Order: "open", Created: Clock(10, 0, 0)})},
		{Policy: PolicyRecord(second)},
		{Tick: Tick(Clock(10, 2, 0), Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(10, 1, 0)))},
		{Tick: Tick(Clock(10, 3, 0), Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(10, 2, 0)))},
	}
	fold := func(cache int) *ledger.MemStore {
		store := ledger.NewMemStore()
		p, err := ledger.Open(store, ledger.Options{Partitions: 1, CacheOrders: cache})
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			r := records[i]
			r.Offset = int64(i)
			if r.Event != nil {
				c := *r.Event
				r.Event = &c
			}
			if err := p.Apply(&r); err != nil {
				t.Fatal(err)
			}
			p.Flush(store)
			for p.Continuing() {
				if err := p.Continue(); err != nil {
					t.Fatal(err)
				}
				p.Flush(store)
			}
		}
		return store
	}
	if m, err := ledger.FirstMismatch(fold(1), fold(1000)); err != nil || m != nil {
		t.Errorf("with one order in memory and with a thousand: %s (%v)", m, err)
	}
}
