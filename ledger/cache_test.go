package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestAPolicyTellsTheSameToWhoeverForgot: what a new policy makes the partition
// tell of an order does not depend on whether the order was still held decoded,
// or was read from the store again after a restart (I-1, I-20).
func TestAPolicyTellsTheSameToWhoeverForgot(t *testing.T) {
	p := Policy()
	p.Version, p.EffectiveAt = 2, Clock(10, 1, 5)
	records := NewLog().Append(Policy()).
		Append(ShopEvent("1", Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 1000})).
		Append(PayEvent("1", Clock(10, 0, 5), Clock(10, 0, 6), "pending")).Append(Tick(Clock(10, 1, 0))).Append(p).Append(Tick(Clock(10, 1, 10))).
		Append(ShopEvent("1", Clock(10, 0, 0), Clock(10, 0, 2), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 1000})).Records
	fold := func(restart int64) (*ledger.MemStore, ledger.Seqs) {
		store := ledger.NewMemStore()
		var part *ledger.Partition
		for i := range records {
			if part == nil || int64(i) == restart {
				var err error
				if part, err = ledger.Open(store, ledger.Options{Partitions: 1}); err != nil {
					t.Fatal(err)
				}
			}
			if err := part.Apply(&records[i]); err != nil {
				t.Fatal(err)
			}
			for part.Flush(store); part.Continuing(); part.Flush(store) {
				if err := part.Continue(); err != nil {
					t.Fatal(err)
				}
			}
		}
		return store, part.Seqs()
	}
	store, told := fold(-1)
	for at := range int64(len(records)) {
		other, seqs := fold(at)
		if seqs != told {
			t.Errorf("restarted before record %d: told %+v, without %+v", at, seqs, told)
		}
		if m, err := ledger.FirstMismatch(store, other); err != nil || m != nil {
			t.Errorf("restarted before record %d: %v, %v", at, m, err)
		}
	}
}

// TestPolicyTellsTheSameRows: what a newer policy tells of the orders that it
// visits does not depend on which of them are in memory: rows and their numbers
// are a function of the log (I-20).
func TestPolicyTellsTheSameRows(t *testing.T) {
	second := Policy()
	second.Version, second.EffectiveAt = 2, Clock(10, 1, 0)
	told := func(cache int) (rows []ledger.OrderRow) {
		l := NewLogWith(ledger.Options{Partitions: 1, CacheOrders: cache}).Append(Policy())
		for _, id := range []string{"1", "2", "3", "4"} {
			for n := range 2 {
				l.Append(ShopEvent(id, Clock(10, 0, n), Clock(10, 0, n+1), Words{Order: "open", Fulfilment: "fulfilled", Created: Clock(10, 0, 0)}))
			}
		}
		l.Append(second).Append(Tick(Clock(10, 2, 0))).Append(Tick(Clock(10, 9, 0)))
		return l.Orders
	}
	one, many := told(1), told(1000)
	if len(one) != len(many) {
		t.Fatalf("%d rows of orders with one order in memory, %d with a thousand", len(one), len(many))
	}
	for i := range one {
		if a, b := one[i].Summary, many[i].Summary; one[i].Seq != many[i].Seq || a.Key != b.Key || a.Policy != b.Policy || a.Open != b.Open {
			t.Errorf("row %d: %+v against %+v", i, one[i], many[i])
		}
	}
}
