package ledger_test

import (
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestSumOfALongOrder: a sum that changes after the order's older documents were
// folded away changes what a rule made of them, too.
func TestSumOfALongOrder(t *testing.T) {
	p := Policy()
	p.Rules = []ledger.Rule{{Name: "underpaid", Steps: []ledger.Step{{After: 2 * ledger.Minute, Exception: "Underpaid", Severity: ledger.SeverityWarning}},
		Expr: &ledger.Predicate{Op: ledger.OpAnd, Args: []*ledger.Predicate{
			{Op: ledger.OpNotIn, Cell: ledger.CellRef{Role: ledger.RoleERP, Axis: ledger.AxisOrder}, States: ledger.StateSet(ledger.Absent)},
			{Op: ledger.OpAmount, Amount: ledger.AmountRef{Role: ledger.RoleStorefront, Kind: ledger.AmountOrdered}, Cmp: ledger.CmpLt, Minor: 2000, Currency: "EUR"},
		}}}}
	l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: 3, CacheOrders: 1}).Append(p)
	at := Clock(10, 0, 0)
	l.Append(ShopEvent("1", at, at, Words{Order: "open", Created: at, Minor: 1000}))
	for i := range 12 {
		at = at.Add(10 * ledger.Second)
		l.Append(ERPEvent("1", at, at.Add(ledger.Second), at.Add(-10*ledger.Second), Words{Order: "approved", Fulfilment: []string{"pending", "shipped"}[i%2], Created: Clock(10, 0, 5)}))
	}
	covered := func(until ledger.Instant) []ledger.FeedCoverage {
		return []ledger.FeedCoverage{Covered(ERP, ERPOrders, Clock(9, 0, 0), until), Covered(Shop, ShopOrders, Clock(9, 0, 0), until)}
	}
	l.Append(Tick(Clock(10, 6, 0), covered(Clock(10, 5, 0))...))
	if got := l.Open(); !slices.Contains(got, "Underpaid") {
		t.Fatalf("open: %v, want Underpaid", got)
	}
	l.Append(ShopEvent("1", Clock(10, 6, 30), Clock(10, 6, 31), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 2500}))
	l.Append(Tick(Clock(10, 7, 0), covered(Clock(10, 6, 0))...))
	if got := l.Open(); slices.Contains(got, "Underpaid") {
		t.Errorf("the sum is enough now, and still open: %v", got)
	}
}
