package policy_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
)

// shopSources are the sources of the shipped example: Shopify, NetSuite and a
// payment gateway that only pushes.
func shopSources(t *testing.T) ([]ledger.SourceSpec, []policy.Vocabulary) {
	t.Helper()
	cat, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	var specs []ledger.SourceSpec
	var words []policy.Vocabulary
	for _, src := range []connector.Source{
		{Name: "shopify-eu", System: "shopify", Origin: true},
		{Name: "netsuite-main", System: "netsuite"},
		{Name: "demopay-eu", System: "demopay"},
	} {
		sys, err := cat.System(src.System)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, sys.SourceSpec(&src))
		words = append(words, policy.VocabularyOf(sys))
	}
	return specs, words
}

func shippedDraft(t *testing.T) *policy.Draft {
	t.Helper()
	files, err := policy.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	d, problems := policy.Load(files)
	for i := range problems {
		t.Error(problems[i].Error())
	}
	if d == nil {
		t.FailNow()
	}
	return d
}

func shippedPolicy(t *testing.T) *ledger.Policy {
	t.Helper()
	sources, words := shopSources(t)
	p, problems := shippedDraft(t).Compile(policy.Options{Version: 1, Sources: sources, Vocabularies: words})
	for i := range problems {
		t.Error(problems[i].Error())
	}
	if p == nil {
		t.FailNow()
	}
	return p
}

func TestShippedPolicyCompiles(t *testing.T) {
	p := shippedPolicy(t)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(p.Rules) != 7 {
		t.Errorf("%d rules, want the seven shipped ones", len(p.Rules))
	}
	want := []ledger.Binding{
		{Origin: "shopify-eu", Role: ledger.RolePayment, Source: "demopay-eu"},
		{Origin: "shopify-eu", Role: ledger.RoleERP, Source: "netsuite-main"},
	}
	if len(p.Bindings) != len(want) || p.Bindings[0] != want[0] || p.Bindings[1] != want[1] {
		t.Errorf("bindings %v, want %v", p.Bindings, want)
	}
}

func splitLines(s string) []string { return strings.Split(s, "\n") }

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}
