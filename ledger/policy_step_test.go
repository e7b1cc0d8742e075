package ledger_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestPolicyRewordsAnOpenException: a policy that gives a step another span,
// name or severity, and judges the same anchor, is seen on the exception that
// stands open, not only on its verdict (S-32).
func TestPolicyRewordsAnOpenException(t *testing.T) {
	l := NewLog().Append(Policy())
	l.Append(ShopEvent("1", Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0)}))
	l.Append(Tick(Clock(10, 6, 0), Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(10, 5, 0))))
	next := Policy()
	next.Version, next.EffectiveAt = 2, Clock(9, 0, 0) // in force before the order began
	next.Rules[0].Steps[0] = ledger.Step{After: 3 * ledger.Minute, Exception: "HandoffLate", Severity: ledger.SeverityCritical}
	l.Append(next).Append(Tick(Clock(10, 7, 0), Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(10, 6, 0))))
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	var open []ledger.Exception
	if err := r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		if x.Subject.OfOrder() {
			open = append(open, *x)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if len(open) != 1 {
		t.Fatalf("%d exceptions are open, want one", len(open))
	}
	x, v := &open[0], l.Verdict("1", "ingestion", 0)
	if v.State != ledger.VerdictBreached || x.Deadline != v.Deadline || x.Deadline != Clock(10, 3, 0) {
		t.Errorf("its deadline is %s, its verdict %s at %s", x.Deadline, v.State, v.Deadline)
	}
	if x.Name != "HandoffLate" || x.Severity != ledger.SeverityCritical {
		t.Errorf("it is still told as %s %s", x.Severity, x.Name)
	}
	last := l.Exceptions[len(l.Exceptions)-1]
	if last.Change != ledger.FactExceptionStepped || last.Exception.Name != "HandoffLate" {
		t.Errorf("the last thing told of it is %s %s", last.Change, last.Exception.Name)
	}
}

// TestPolicyMeetsAnOrderWithoutDocuments: an order that was only asked about
// holds no document; a policy with more rules than the ones before it must not
// leave it walked by theirs, or the first document breaks the fold.
func TestPolicyMeetsAnOrderWithoutDocuments(t *testing.T) {
	asked := func(at ledger.Instant) *ledger.Looked {
		return &ledger.Looked{Source: ERP, Feed: ERPOrders, Order: Key("1"), AskedAt: at}
	}
	version := func(n int, rules int) *ledger.Policy {
		p := Policy()
		p.Version, p.EffectiveAt, p.Rules = uint64(n), Clock(10, n, 0), p.Rules[:rules]
		return p
	}
	l := NewLog().Append(version(1, 1)).Append(asked(Clock(10, 1, 0)))
	l.Append(version(2, 1)).Append(Tick(Clock(10, 2, 0))).Append(asked(Clock(10, 2, 1)))
	l.Append(version(3, 2)).Append(Tick(Clock(10, 3, 0)))
	l.Append(ShopEvent("1", Clock(10, 3, 0), Clock(10, 3, 1), Words{Order: "open", Fulfilment: "fulfilled", Created: Clock(10, 3, 0)}))
	l.Append(ERPEvent("1", Clock(10, 3, 30), Clock(10, 3, 40), Clock(10, 3, 30), Words{Order: "approved", Fulfilment: "pending", Created: Clock(10, 3, 30)}))
	if v := l.Verdict("1", "shipment-lag", 0); v.State != ledger.VerdictPending {
		t.Errorf("the rule that came with the third policy says %s, want PENDING", v.State)
	}
}
