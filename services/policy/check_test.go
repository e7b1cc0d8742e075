package policy_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

func texts(list []policy.Problem) string {
	var out []string
	for i := range list {
		out = append(out, list[i].Error())
	}
	return strings.Join(out, "\n")
}

// With Shopify, NetSuite and a gateway that only pushes, every shipped rule can
// open and be proven, and the matrix knows every declared word.
func TestShippedPolicyIsClean(t *testing.T) {
	_, words := shopSources(t)
	d, p := shippedDraft(t), shippedPolicy(t)
	if got := texts(d.Check(p)); got != "" {
		t.Errorf("rules:\n%s", got)
	}
	if got := texts(d.CheckMatrix(p, words)); got != "" {
		t.Errorf("matrix:\n%s", got)
	}
	for i := range p.Rules {
		for _, s := range p.Rules[i].Steps {
			if s.After > 15*ledger.Minute {
				t.Errorf("%s after %s: no shipped span is longer than 15 minutes", p.Rules[i].Name, s.After)
			}
		}
	}
}

func checked(t *testing.T, text string, sources ...ledger.SourceSpec) string {
	t.Helper()
	d, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte(text)}})
	if d == nil {
		t.Fatal(problems)
	}
	p, problems := d.Compile(policy.Options{Version: 1, Sources: sources})
	if p == nil {
		t.Fatal(problems)
	}
	return texts(d.Check(p))
}

func TestCheckFindsWhatCannotWork(t *testing.T) {
	const matrix = "matrix: {box: {order: {placed: PLACED, held: HOLD}}}\n"
	rule := func(s string) string {
		return matrix + "groups: [{name: g, labels: {hop: h, owner: o}, rules: [{rule: a, " + s +
			", exception: A, annotations: {impact: i, remedy: r}}]}]\n"
	}
	proves := func(s ledger.SourceSpec, mode ledger.CoverageMode) ledger.SourceSpec {
		s.Feeds = []ledger.FeedSpec{{Name: "orders", Coverage: mode, Proves: []ledger.Proof{{Axis: ledger.AxisOrder, Object: "order"}}}}
		return s
	}
	shop, erp := origin("shop", ledger.RoleStorefront), source("erp-main", ledger.RoleERP)
	for _, c := range []struct {
		name, text, want string
		sources          []ledger.SourceSpec
	}{
		{
			"fine", rule("from: storefront.order == PLACED, until: erp.order == PLACED, within: 1m, depends_on: [erp]"), "",
			[]ledger.SourceSpec{shop, proves(erp, ledger.CoverageProven)},
		},
		{
			"nobody plays it", rule("from: storefront.order == PLACED, until: erp.order != ABSENT, within: 1m, depends_on: [erp]"),
			"until can never be true for orders of shop: no source plays the role erp",
			[]ledger.SourceSpec{shop},
		},
		{
			"no proof", rule("from: storefront.order == PLACED, until: erp.order == PLACED, within: 1m, depends_on: [erp]"),
			"can never be proven for orders of shop: no feed of erp-main proves what the rule reads of erp",
			[]ledger.SourceSpec{shop, erp},
		},
		{
			"no such feed", rule("from: storefront.order == PLACED, until: erp.order == PLACED, within: 1m, depends_on: [erp/order]"),
			`erp-main has no feed "order"; did you mean "orders"?`,
			[]ledger.SourceSpec{shop, proves(erp, ledger.CoverageProven)},
		},
		{
			"assumed", rule("from: storefront.order == PLACED, until: erp.order == PLACED, within: 1m, depends_on: [erp]"),
			"will be assumed and never proven for orders of shop: erp-main/orders only pushes",
			[]ledger.SourceSpec{shop, proves(erp, ledger.CoverageAssumed)},
		},
		{
			"not listened", rule("from: storefront.order == PLACED, until: erp.order == PLACED, within: 1m, depends_on: [storefront]"),
			"until reads erp, which depends_on leaves out",
			[]ledger.SourceSpec{proves(shop, ledger.CoverageProven), erp},
		},
		{
			"no word means it", rule("expr: erp.order == REJECTED, for: 1m"),
			"never opens for orders of shop: no word of box means erp.order == REJECTED",
			[]ledger.SourceSpec{shop, proves(erp, ledger.CoverageProven)},
		},
		{
			"no remedy", strings.Replace(rule("expr: erp.order == HOLD, for: 1m"), ", remedy: r", "", 1), "no annotations.remedy",
			[]ledger.SourceSpec{shop, proves(erp, ledger.CoverageProven)},
		},
	} {
		got := checked(t, c.text, c.sources...)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCheckMatrixFindsHoles(t *testing.T) {
	declared := []policy.Vocabulary{{System: "box", Words: map[ledger.Axis][]string{ledger.AxisPayment: {"paid", "partially_paid", "(null)"}}}}
	sources := []ledger.SourceSpec{origin("shop", ledger.RoleStorefront)}
	for text, want := range map[string]string{
		"matrix: {box: {payment: {paid: CAPTURED, partialy_paid: PARTIALLY_CAPTURED, (null): PENDING}}}":      `box says "partially_paid" on payment, and no row says what it means; did you mean "partialy_paid"?`,
		"matrix: {box: {payment: {paid: CAPTURED, Paid: PENDING, partially_paid: PENDING, (null): PENDING}}}": "are one word and mean two states",
		"matrix: {box: {payment: {paid: CAPTURED, partially_paid: PENDING, (null): CAPTURED}}}":               "silence must not read as progress",
		"matrix: {box: {payment: {paid: CAPTURED, partially_paid: PARTIALLY_CAPTURED, (null): PENDING}}}":     "",
	} {
		d, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte(text)}})
		if d == nil {
			t.Fatal(problems)
		}
		p, problems := d.Compile(policy.Options{Version: 1, Sources: sources})
		if p == nil {
			t.Fatal(problems)
		}
		got := texts(d.CheckMatrix(p, declared))
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// The first matrix anybody wrote down is part of ours, unchanged: one row each
// of storefront word, marketplace word, canonical state, ERP target.
func TestSeedRowsAreAGoldenSubset(t *testing.T) {
	p := shippedPolicy(t)
	for _, row := range []struct {
		id, storefront, marketplace string
		axis                        ledger.Axis
		state                       ledger.State
		target                      string
	}{
		{"MAP-1", "paid", "Shipped", ledger.AxisPayment, ledger.PaymentCaptured, "Invoice Created"},
		{"MAP-2", "unfulfilled", "Pending", ledger.AxisFulfilment, ledger.FulfilmentPending, "Sales Order Approved"},
		{"MAP-3", "fulfilled", "Shipped", ledger.AxisFulfilment, ledger.FulfilmentShipped, "Item Fulfillment Created"},
		{"MAP-4", "cancelled", "Cancelled", ledger.AxisOrder, ledger.OrderCancelled, "Order Closed"},
	} {
		for system, word := range map[string]string{"shopify": row.storefront, "marketplace": row.marketplace} {
			found := false
			for _, r := range p.Rows {
				if r.System == system && r.Axis == row.axis && r.Native == word {
					found = r.State == row.state && r.Target == row.target
				}
			}
			if !found {
				t.Errorf("%s: %s %q is not %s with target %q", row.id, system, word, row.axis.StateName(row.state), row.target)
			}
		}
		lines := policy.MatrixTable(p.Rows, map[string]ledger.Role{"shopify": ledger.RoleStorefront, "marketplace": ledger.RoleMarketplace})
		found := false
		for _, l := range lines {
			found = found || l.Axis == row.axis && l.State == row.state && l.Target == row.target &&
				contains(l.Storefront, row.storefront) && contains(l.Marketplace, row.marketplace)
		}
		if !found {
			t.Errorf("%s is no line of the four columns", row.id)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
