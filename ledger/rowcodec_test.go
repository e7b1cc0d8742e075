package ledger_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// TestRowsOfMergedOrdersSurviveTheOutbox: what rows say of merged orders comes
// out of the encoding as it went in, in every batch of a world of merges.
func TestRowsOfMergedOrdersSurviveTheOutbox(t *testing.T) {
	moved, merged := 0, 0
	for seed := range 6 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 38))
		w := newParcelWorld(rnd)
		w.regroup(rnd, true)
		for _, m := range w.live(t, rnd).Orders {
			rows := &ledger.Rows{Exceptions: m.Told, Orders: m.Summaries}
			got, err := ledger.DecodeRows(ledger.EncodeRows(nil, rows))
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows.Exceptions {
				if x := rows.Exceptions[i].Exception; x.MovedTo != "" {
					moved++
				}
				if got.Exceptions[i].Exception.MovedTo != rows.Exceptions[i].Exception.MovedTo {
					t.Fatalf("exception row %d moved to %q", i, got.Exceptions[i].Exception.MovedTo)
				}
			}
			for i := range rows.Orders {
				if rows.Orders[i].Summary.MergedInto != "" {
					merged++
				}
				if !reflect.DeepEqual(got.Orders[i].Summary.MergedInto, rows.Orders[i].Summary.MergedInto) {
					t.Fatalf("order row %d is merged into %q", i, got.Orders[i].Summary.MergedInto)
				}
			}
		}
	}
	if moved == 0 || merged == 0 {
		t.Fatalf("%d moved exceptions and %d merged orders: the worlds show nothing", moved, merged)
	}
}
