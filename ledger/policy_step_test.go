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
