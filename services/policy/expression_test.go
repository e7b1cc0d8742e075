package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

// ruleFile is a file with one drift rule of the given expression, which
// stands at line 5, column 11.
func ruleFile(expr string) policy.File {
	return policy.File{Name: "own.yaml", Data: []byte("groups:\n- name: trial\n  rules:\n  - rule: trial\n    expr: " + expr + "\n    for: 1m\n    exception: Trial\n")}
}

func lowered(t *testing.T, expr string) (*ledger.Predicate, []policy.Problem) {
	t.Helper()
	d, problems := policy.Load([]policy.File{ruleFile(expr)})
	if d == nil {
		return nil, problems
	}
	p, problems := d.Compile(policy.Options{Version: 1})
	if p == nil {
		t.Fatal(problems)
	}
	return p.Rules[0].Expr, problems
}

// facts are one order at one instant.
type facts struct {
	states map[string]ledger.State
	since  map[string]ledger.Instant
	sums   map[string]int64
}

func (f facts) CellState(c ledger.CellRef) ledger.State {
	return f.states[c.Role.String()+"."+c.Axis.String()]
}

func (f facts) CellSince(c ledger.CellRef) (ledger.Instant, bool) {
	v, ok := f.since[c.Role.String()+"."+c.Axis.String()]
	return v, ok
}

func (f facts) Sum(a ledger.AmountRef) (int64, string, bool) {
	v, ok := f.sums[a.Role.String()+"."+a.Kind.String()]
	return v, "EUR", ok
}

func TestExpressionsMean(t *testing.T) {
	f := facts{
		states: map[string]ledger.State{
			"storefront.order": ledger.OrderPlaced, "erp.fulfilment": ledger.FulfilmentShipped,
			"erp.order": ledger.OrderHold, "wms.fulfilment": ledger.Unmapped, "erp.return": ledger.ReturnCredited,
		},
		since: map[string]ledger.Instant{"storefront.order": 10, "erp.order": 20},
		sums:  map[string]int64{"payment.captured": 1250, "storefront.ordered": 1200},
	}
	for _, c := range []struct {
		expr string
		want ledger.Truth
	}{
		{"storefront.order == PLACED", ledger.True},
		{"PLACED == storefront.order", ledger.True},
		{"storefront.order != PLACED", ledger.False},
		{"storefront.order in [DRAFT, PLACED]", ledger.True},
		{"!(storefront.order in [DRAFT, CONFIRMED])", ledger.True},
		{"erp.fulfilment >= SHIPPED", ledger.True},
		{"erp.fulfilment > SHIPPED", ledger.False},
		{"erp.fulfilment <= SHIPPED", ledger.True},
		{"SHIPPED <= erp.fulfilment", ledger.True},
		{"erp.fulfilment < SHIPPED", ledger.False},
		{"PICKED < erp.fulfillment", ledger.True},
		{"SHIPPED < erp.fulfilment", ledger.False},
		{"SHIPPED > erp.fulfilment", ledger.False},
		{"SHIPPED >= erp.fulfilment", ledger.True},
		{"erp.order >= RECEIVED", ledger.False}, // a hold has no place on the line
		{"erp.order < CLOSED", ledger.False},
		{"carrier.fulfilment < DELIVERED", ledger.False}, // nor has what was never heard
		{"carrier.fulfilment == ABSENT", ledger.True},
		{"wms.fulfilment == SHIPPED", ledger.Unknown},
		{"wms.fulfilment < SHIPPED", ledger.Unknown},
		{"wms.fulfilment != ABSENT", ledger.True},
		{"erp.return == CREDITED && erp.returns == CREDITED", ledger.True},
		{"since(storefront.order) < since(erp.order)", ledger.True},
		{"since(erp.order) <= since(storefront.order)", ledger.False},
		{"since(erp.payment) < since(storefront.order)", ledger.Unknown},
		{"amount(payment, captured) > amount(storefront, ordered)", ledger.True},
		{`amount(payment, captured) == money("EUR", "12.50")`, ledger.True},
		{`money("EUR", "12.49") < amount(payment, captured)`, ledger.True},
		{`amount(payment, captured) > money("USD", "1")`, ledger.Unknown},
		{"amount(payment, authorized) > amount(storefront, ordered)", ledger.Unknown},
		{"storefront.order == DRAFT || erp.order == HOLD && erp.fulfilment == SHIPPED", ledger.True},
	} {
		p, problems := lowered(t, quoteYAML(c.expr))
		if p == nil {
			t.Errorf("%s: %v", c.expr, problems)
			continue
		}
		if got := p.Eval(f); got != c.want {
			t.Errorf("%s is %d, want %d", c.expr, got, c.want)
		}
		again, _ := lowered(t, quoteYAML(policy.Expression(p)))
		if again == nil || fmt.Sprint(policy.Expression(again)) != policy.Expression(p) {
			t.Errorf("%s is written %s, which does not read back", c.expr, policy.Expression(p))
		}
	}
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func TestExpressionProblems(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"erp.order == SHIPPED", `own.yaml:5:24: "SHIPPED" is a state of fulfilment, not of order; order knows ABSENT, DRAFT, RECEIVED`},
		{"'erp.fulfilment == SHIPED'", `own.yaml:5:30: "SHIPED" is no state`},
		{"erp.fulfilment == SHIPED", `own.yaml:5:29: "SHIPED" is no state of fulfilment; did you mean "SHIPPED"?`},
		{"storfront.order == PLACED", `own.yaml:5:11: "storfront" is no role; did you mean "storefront"?`},
		{"erp.ordr == PLACED", `own.yaml:5:14: "ordr" is no axis; did you mean "order"?`},
		{"erp.order == UNMAPPED", "UNMAPPED cannot be compared"},
		{"erp.order >= CANCELLED", "own.yaml:5:24: CANCELLED stands beside the lifecycle of order"},
		{"erp.order > CLOSED", "this could never be true"},
		{"erp.order in []", "the list behind in is empty"},
		{"erp.order == storefront.order", "two cells cannot be compared"},
		{"erp.order", `"erp.order" is not true or false by itself; allowed are`},
		{"PLACED", `"PLACED" is not true or false by itself`},
		{"erp.order == 'PLACED'", "want a state of order here, not the value PLACED"},
		{"'erp.order == PLACED ? true : false'", "is not known here; allowed are"},
		{"erp.order == PLACED + 1", `want a state of order here, not "+"`},
		{"has(erp.order)", `"has" is not known here`},
		{"'[1].exists(x, x > 0)'", `"exists" is not known here`},
		{"erp.order ==", "own.yaml:5:23: not an expression: Syntax error"},
		{"since(erp.order) < PLACED", "since() compares with another since() only"},
		{"amount(payment, captured) > 12", "amount() compares with another amount() or with money"},
		{`amount(payment, captured) > money("EUR", "12.505")`, "more than 2 digits"},
		{`amount(payment, capturd) > money("EUR", "12")`, `"capturd" is no kind of amount; did you mean "captured"?`},
		{"count(orders) over 1h > 5", "not yet: the forms"},
		{"!(erp.order == PLACED)", "own.yaml:5:11: put quotes around it"},
		{quoteYAML(strings.Repeat("!(", 40) + "erp.order == PLACED" + strings.Repeat(")", 40)), "nested deeper than 30 levels"},
	} {
		p, problems := lowered(t, c.expr)
		if p != nil || len(problems) == 0 {
			t.Errorf("%s was accepted", c.expr)
			continue
		}
		if got := problems[0].Error(); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got  %s\n want %s", c.expr, got, c.want)
		}
	}
}

// Places inside a literal block count from the block's own lines.
func TestExpressionPlaceInBlock(t *testing.T) {
	_, problems := lowered(t, "|-\n      erp.order == PLACED &&\n      erp.fulfilment == SHIPED")
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "own.yaml:7:25: ") {
		t.Fatalf("problems %v, want one at own.yaml:7:25", problems)
	}
}
