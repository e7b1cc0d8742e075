package policy_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

func TestLoadProblems(t *testing.T) {
	head := "groups:\n- name: trial\n  rules:\n  - "
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key", "grups: []", `own.yaml:1:1: unknown key "grups"; did you mean "groups"?`},
		{"never", head + "{rule: a, never: shipped before paid, exception: A, within: 1m}", "own.yaml:4:22: not yet"},
		{"both forms", head + "{rule: a, expr: erp.order == HOLD, from: erp.order == HOLD, for: 1m, exception: A}", "either expr (it drifts) or from and until"},
		{"no form", head + "{rule: a, from: erp.order == HOLD, within: 1m, exception: A}", "needs either expr, or both from and until"},
		{"no span", head + "{rule: a, expr: erp.order == HOLD, exception: A}", "write for, or steps"},
		{"within for drift", head + "{rule: a, expr: erp.order == HOLD, for: 1m, within: 1m, exception: A}", "within belongs to from and until"},
		{"steps back", head + "{rule: a, expr: erp.order == HOLD, steps: [{after: 5m, exception: A}, {after: 5m, exception: B}]}", "steps must come later"},
		{"steps and single", head + "{rule: a, expr: erp.order == HOLD, for: 1m, steps: [{after: 5m, exception: A}]}", "steps say it all"},
		{"lower exception", head + "{rule: a, expr: erp.order == HOLD, for: 1m, exception: lag}", `an exception needs a name LikeThis, found "lag"`},
		{"reserved exception", head + "{rule: a, expr: erp.order == HOLD, for: 1m, exception: SourceSilent}", "is an exception of the ledger itself"},
		{"severity", head + "{rule: a, expr: erp.order == HOLD, for: 1m, exception: A, severity: critcal}", `"critcal" is no severity; did you mean "critical"?`},
		{"depends", head + "{rule: a, expr: erp.order == HOLD, for: 1m, exception: A, depends_on: [netsuite]}", "is no role"},
		{"twice", head + "{rule: a, expr: erp.order == HOLD, for: 1m, exception: A}\n  - {rule: a, expr: erp.order == HOLD, for: 1m, exception: A}", `own.yaml:5:12: rule "a" stands twice; the first is at line 4`},
		{"axis", "matrix: {shop: {ordr: {a: PLACED}}}", `own.yaml:1:17: "ordr" is no axis; did you mean "order"?`},
		{"state of another axis", "matrix: {shop: {order: {a: SHIPPED}}}", `own.yaml:1:28: "SHIPPED" is a state of fulfilment, not of order`},
		{"absent", "matrix: {shop: {order: {a: ABSENT}}}", "a word it says cannot mean that"},
		{"row key", "matrix: {shop: {order: {a: {stat: PLACED}}}}", `unknown key "stat"; did you mean "state"?`},
		{"row without state", "matrix: {shop: {order: {a: {target: x}}}}", "names no state"},
		{"row twice", "matrix: {shop: {order: {a: PLACED, a: HOLD}}}", "own.yaml:1:36:"},
		{"roll-up", "rollups: [{system: shop, axis: order, how: first, objects: [x]}]", `"first" is no way to roll up`},
		{"roll-up bare", "rollups: [{system: shop, axis: order, how: lead}]", "needs its objects"},
		{"binding role", "bindings: {shop: {paymnt: stripe}}", `own.yaml:1:19: "paymnt" is no role; did you mean "payment"?`},
		{"operators", "settings: {reset_operators: 3}", "must be 1 or 2"},
	} {
		_, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte(c.yaml)}})
		if !policy.Failed(problems) {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if got := problems[0].Error(); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got  %s\n want %s", c.name, got, c.want)
		}
	}
}

func TestProblemsComeSortedAndWhole(t *testing.T) {
	_, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte(`matrix:
  shop:
    order: {b: SHIPPED, c: ABSENT}
groups:
- name: trial
  rules:
  - rule: a
    from: erp.order == SHIPPED || epr.order == PLACED
    until: storefront.order == NONE
    exception: a
`)}})
	want := []string{"own.yaml:3:16:", "own.yaml:3:28:", "own.yaml:7:11:", "own.yaml:8:24:", "own.yaml:8:35:", "own.yaml:9:32:", "own.yaml:10:16:"}
	if len(problems) != len(want) {
		t.Fatalf("%d problems, want %d: %v", len(problems), len(want), problems)
	}
	for i := range want {
		if got := problems[i].Error(); !strings.HasPrefix(got, want[i]) {
			t.Errorf("problem %d is %s, want it at %s", i, got, want[i])
		}
	}
}

// A later layer replaces single rows, rules and settings of an earlier one, and
// may drop a rule.
func TestLayers(t *testing.T) {
	files, err := policy.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	own := policy.File{Name: "own.yaml", Data: []byte(`groups:
- name: ours
  rules:
  - {rule: return-disconnect, disabled: true}
  - rule: shipment-lag
    expr: storefront.fulfilment >= SHIPPED && erp.fulfilment == PENDING
    for: 1h
    exception: ShipmentLag
matrix: {shopify: {payment: {pending: AUTHORISED}}}
settings: {reset_operators: 1}
`)}
	d, problems := policy.Load(files, []policy.File{own})
	if d == nil {
		t.Fatal(problems)
	}
	sources, words := shopSources(t)
	p, problems := d.Compile(policy.Options{Version: 1, Sources: sources, Vocabularies: words})
	if p == nil {
		t.Fatal(problems)
	}
	if len(p.Rules) != 6 || p.Rules[5].Name != "silent-cancellation" {
		t.Errorf("%d rules, want six", len(p.Rules))
	}
	for i := range p.Rules {
		if r := &p.Rules[i]; r.Name == "shipment-lag" && r.Steps[0].After != ledger.Hour {
			t.Errorf("shipment-lag after %s, want our hour", r.Steps[0].After)
		}
	}
	if p.Settings.ResetOperators != 1 || p.Settings.ReopenWindow != ledger.Hour {
		t.Errorf("settings %+v", p.Settings)
	}
	if s := rowState(p, "shopify", ledger.AxisPayment, "pending"); s != ledger.PaymentAuthorised {
		t.Errorf("pending is %d, want our state", s)
	}
	if s := rowState(p, "shopify", ledger.AxisPayment, "paid"); s != ledger.PaymentCaptured {
		t.Errorf("paid is %d, want the shipped state", s)
	}
}

func rowState(p *ledger.Policy, system string, a ledger.Axis, native string) ledger.State {
	for _, r := range p.Rows {
		if r.System == system && r.Axis == a && r.Native == native {
			return r.State
		}
	}
	return ledger.Unmapped
}
