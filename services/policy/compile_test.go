package policy_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

func source(name ledger.Source, role ledger.Role) ledger.SourceSpec {
	return ledger.SourceSpec{Name: name, System: "box", Role: role}
}

func origin(name ledger.Source, role ledger.Role) ledger.SourceSpec {
	s := source(name, role)
	s.Origin = true
	return s
}

func compileText(t *testing.T, text string, opt policy.Options) (*ledger.Policy, []policy.Problem) {
	t.Helper()
	d, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte(text)}})
	if d == nil {
		t.Fatal(problems)
	}
	return d.Compile(opt)
}

const oneRule = "groups: [{name: g, rules: [{rule: a, expr: erp.order == HOLD, for: 1m, exception: A}]}]\n"

func TestAmbiguousRolesAreRefused(t *testing.T) {
	sources := []ledger.SourceSpec{
		origin("shop", ledger.RoleStorefront), source("erp-a", ledger.RoleERP), source("erp-b", ledger.RoleERP),
		source("dhl", ledger.RoleCarrier), source("dpd", ledger.RoleCarrier),
	}
	_, problems := compileText(t, oneRule, policy.Options{Version: 1, Sources: sources})
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "erp-a and erp-b could each play the role erp; write bindings: {shop: {erp: …}}, or none") {
		t.Fatalf("problems %v, want one about erp; no rule reads the carriers", problems)
	}
	p, problems := compileText(t, oneRule+"bindings: {shop: {erp: erp-b}}", policy.Options{Version: 1, Sources: sources})
	if p == nil || !slices.Equal(p.Bindings, []ledger.Binding{{Origin: "shop", Role: ledger.RoleERP, Source: "erp-b"}}) {
		t.Fatalf("policy %v, problems %v", p, problems)
	}
	p, problems = compileText(t, oneRule+"bindings: {shop: {erp: none}}", policy.Options{Version: 1, Sources: sources})
	if p == nil || len(p.Bindings) != 0 {
		t.Fatalf("policy %v, problems %v", p, problems)
	}
}

func TestBindingsNameWhatThereIs(t *testing.T) {
	sources := []ledger.SourceSpec{origin("shop", ledger.RoleStorefront), source("erp-main", ledger.RoleERP)}
	for text, want := range map[string]string{
		"bindings: {shop: {erp: erp-man}}":       `no source is named "erp-man"; did you mean "erp-main"?`,
		"bindings: {erp-main: {erp: erp-main}}":  `"erp-main" is not an origin`,
		"bindings: {elsewhere: {erp: erp-main}}": `"elsewhere" is not an origin`,
	} {
		_, problems := compileText(t, text, policy.Options{Version: 1, Sources: sources})
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%s: %v, want %s", text, problems, want)
		}
	}
}

// Since is the effective_at of the first version that had the rule, and only
// that (S-28).
func TestSinceComesFromHistory(t *testing.T) {
	sources := []ledger.SourceSpec{origin("shop", ledger.RoleStorefront), source("erp-main", ledger.RoleERP)}
	first, _ := compileText(t, oneRule, policy.Options{Version: 1, EffectiveAt: 1000, Sources: sources})
	two := strings.Replace(oneRule, "exception: A}", "exception: A}, {rule: b, expr: erp.order == HOLD, for: 1m, exception: B}", 1)
	second, _ := compileText(t, two, policy.Options{Version: 2, EffectiveAt: 2000, Sources: sources, History: []*ledger.Policy{first}})
	third, problems := compileText(t, two, policy.Options{Version: 3, EffectiveAt: 3000, Sources: sources, History: []*ledger.Policy{second}})
	if third == nil {
		t.Fatal(problems)
	}
	if a, b := third.Rules[0].Since, third.Rules[1].Since; a != 1000 || b != 2000 {
		t.Errorf("since %d and %d, want 1000 and 2000", a, b)
	}
	_, problems = compileText(t, two, policy.Options{Version: 3, EffectiveAt: 1500, Sources: sources, History: []*ledger.Policy{second}})
	if !policy.Failed(problems) {
		t.Error("an effective_at that decreases was accepted")
	}
}

// The record is the same whatever the order of files, sources and words.
func TestRecordIsDeterministic(t *testing.T) {
	files, err := policy.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	sources, words := shopSources(t)
	var trees [][]byte
	for range 8 {
		d, _ := policy.Load(files)
		p, problems := d.Compile(policy.Options{Version: 1, Sources: sources, Vocabularies: words})
		if p == nil {
			t.Fatal(problems)
		}
		rec := d.Record(p, "tests")
		if !bytes.Contains(rec.YAML, []byte("# file: shipped/rules.yaml")) {
			t.Fatal("the record lacks the files it was made of")
		}
		trees = append(trees, rec.Tree)
		slices.Reverse(files)
		slices.Reverse(sources)
	}
	for i := range trees {
		if !bytes.Equal(trees[0], trees[i]) {
			t.Fatal("the same policy has two encodings")
		}
	}
	back, err := ledger.DecodePolicy(trees[0])
	if err != nil || !bytes.Equal(ledger.EncodePolicy(back), trees[0]) {
		t.Fatalf("the tree does not survive its codec: %v", err)
	}
}

// A word that only lost underscores is read as its system spells it (TRP-3).
func TestWordsAreReadAsTheSystemSpellsThem(t *testing.T) {
	words := []policy.Vocabulary{{System: "box", Words: map[ledger.Axis][]string{ledger.AxisPayment: {"partially_refunded", "paid"}}}}
	opt := policy.Options{Version: 1, Sources: []ledger.SourceSpec{origin("shop", ledger.RoleStorefront)}, Vocabularies: words}
	p, problems := compileText(t, "matrix: {box: {payment: {partiallyrefunded: PARTIALLYREFUNDED, paid: PAYMENTCAPTURED}}}", opt)
	if p == nil || policy.Failed(problems) || len(problems) != 1 {
		t.Fatalf("problems %v, want one warning", problems)
	}
	if s := rowState(p, "box", ledger.AxisPayment, "partially_refunded"); s != ledger.PaymentPartiallyRefunded {
		t.Errorf("rows %v", p.Rows)
	}
	_, problems = compileText(t, "matrix: {box: {payment: {partiallyrefunded: CAPTURED, partially_refunded: REFUNDED}}}", opt)
	if !policy.Failed(problems) {
		t.Error("one word with two states was accepted")
	}
}

// Every key of a rule reaches the policy.
func TestRuleKeysReachThePolicy(t *testing.T) {
	p, problems := compileText(t, `groups:
- name: g
  labels: {hop: a→b, owner: us}
  rules:
  - rule: deadline
    from: storefront.order == PLACED
    until: erp.order != ABSENT
    unless: erp.order == HOLD
    fresh: true
    within: 90s
    exception: Late
    severity: info
    grace: 7s
    depends_on: [erp, storefront/orders]
    labels: {owner: them}
    annotations: {impact: i, remedy: r, runbook: b}
    money: {role: payment, amount: authorized}
  - rule: drift
    expr: erp.order == HOLD
    bridge: 5s
    steps: [{after: 1m, exception: A}, {after: 1d, exception: B, severity: critical}]
`, policy.Options{Version: 1, EffectiveAt: 5})
	if p == nil {
		t.Fatal(problems)
	}
	d := p.Rules[0]
	if !d.Fresh || d.Grace != 7*ledger.Second || d.Hop != "a→b" || d.Owner != "them" || d.Impact != "i" || d.Remedy != "r" || d.Runbook != "b" ||
		d.Money != ledger.AmountAuthorised || d.MoneyRole != ledger.RolePayment || d.Since != 5 || d.NoDefaultUnless ||
		policy.Expression(d.Unless) != "erp.order == HOLD" || policy.Expression(d.Until) != "erp.order != ABSENT" {
		t.Errorf("deadline %+v", d)
	}
	if want := []ledger.Step{{After: 90 * ledger.Second, Exception: "Late", Severity: ledger.SeverityInfo}}; !slices.Equal(d.Steps, want) {
		t.Errorf("steps %v", d.Steps)
	}
	if want := []ledger.FeedRef{{Role: ledger.RoleERP}, {Role: ledger.RoleStorefront, Feed: "orders"}}; !slices.Equal(d.DependsOn, want) {
		t.Errorf("depends on %v", d.DependsOn)
	}
	x := p.Rules[1]
	want := []ledger.Step{{After: ledger.Minute, Exception: "A", Severity: ledger.SeverityWarning}, {After: ledger.Day, Exception: "B", Severity: ledger.SeverityCritical}}
	if x.Bridge != 5*ledger.Second || !slices.Equal(x.Steps, want) || x.From != nil || x.Owner != "us" {
		t.Errorf("drift %+v", x)
	}
}

// A feed that proves nothing can be neither waited for nor silent.
func TestFeedsThatProveNothingAreLeftOut(t *testing.T) {
	shop := origin("shop", ledger.RoleStorefront)
	shop.Feeds = []ledger.FeedSpec{{Name: "webhooks"}, {Name: "orders", Proves: []ledger.Proof{{Axis: ledger.AxisOrder, Object: "order"}}}}
	p, problems := compileText(t, oneRule, policy.Options{Version: 1, Sources: []ledger.SourceSpec{shop}})
	if p == nil || len(p.Sources[0].Feeds) != 1 || p.Sources[0].Feeds[0].Name != "orders" {
		t.Fatalf("policy %+v, problems %v", p, problems)
	}
	if len(shop.Feeds) != 2 {
		t.Error("the caller's feeds were changed")
	}
}
