package ledger_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// edited is the shop's policy with one more rule, which reads a sum.
func edited() *ledger.Policy {
	p := Policy()
	is := func(a ledger.Axis, s ledger.State) *ledger.Predicate {
		return &ledger.Predicate{Op: ledger.OpIn, Cell: ledger.CellRef{Role: ledger.RoleStorefront, Axis: a}, States: ledger.StateSet(s)}
	}
	large := &ledger.Predicate{Op: ledger.OpAmount, Amount: ledger.AmountRef{Role: ledger.RoleStorefront, Kind: ledger.AmountOrdered}, Cmp: ledger.CmpGt,
		Minor: 1500, Currency: "EUR"}
	r := p.Rules[0]
	r.Name, r.From = "large", &ledger.Predicate{Op: ledger.OpAnd, Args: []*ledger.Predicate{is(ledger.AxisPayment, ledger.PaymentCaptured), large}}
	p.Rules = slices.Insert(p.Rules, 1, r)
	return p
}

// TestWalkingOnIsWalkingAnew: after every record, the history that a document
// extended is the one derived from all documents (S-8, S-42). Arrivals are
// mostly in order, as they are in life, so that most of them extend.
func TestWalkingOnIsWalkingAnew(t *testing.T) {
	for seed := range seeds(t, 300) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 3))
		w := NewWorld(rnd, 5+rnd.IntN(25))
		events := w.Shuffled(rnd)
		if rnd.IntN(3) > 0 {
			slices.SortStableFunc(events, func(a, b *ledger.Event) int {
				return int(a.ReceivedAt/ledger.Instant(ledger.Second) - b.ReceivedAt/ledger.Instant(ledger.Second))
			})
		}
		l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: []int{1000, 6}[rnd.IntN(2)]})
		l.Append(edited())
		for i, x := range interleave(rnd, events, w.Ticks(rnd)) {
			l.Append(x)
			if err := ledger.Rewalk(l.P); err != nil {
				t.Fatalf("seed %d, record %d: %v", seed, i, err)
			}
		}
	}
}
