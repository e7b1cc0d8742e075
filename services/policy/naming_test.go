package policy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
)

func declares(file string, line int, spec ledger.AliasSpec) catalog.AliasType {
	return catalog.AliasType{AliasSpec: spec, Place: catalog.Place{File: file, Line: line, Column: 3}}
}

func joins(file string, line int, typ string) catalog.AliasUse {
	return catalog.AliasUse{Type: typ, Place: catalog.Place{File: file, Line: line, Column: 7}}
}

// named are two systems that know one order by names, and a third that nobody
// configured.
func named() []policy.Vocabulary {
	number := ledger.AliasSpec{Type: "order-number", Single: true}
	return []policy.Vocabulary{
		{System: "shop", AliasTypes: []catalog.AliasType{
			declares("shop.yaml", 90, number), declares("shop.yaml", 91, ledger.AliasSpec{Type: "tracking-number", Recycle: 30 * ledger.Day, OrphanAfter: ledger.Day}),
			declares("shop.yaml", 92, ledger.AliasSpec{Type: "checkout"}),
		}},
		{System: "box", AliasTypes: []catalog.AliasType{declares("box.yaml", 70, number)},
			JoinsBy: []catalog.AliasUse{joins("box.yaml", 20, "tracking-number"), joins("box.yaml", 30, "order-number"), joins("box.yaml", 40, "order-number")}},
		{System: "elsewhere", JoinsBy: []catalog.AliasUse{joins("elsewhere.yaml", 1, "checkout")}},
	}
}

func namedOptions(words []policy.Vocabulary) policy.Options {
	shop, box := origin("shop-eu", ledger.RoleStorefront), source("box-eu", ledger.RoleWMS)
	shop.System = "shop"
	return policy.Options{Version: 1, Sources: []ledger.SourceSpec{shop, box}, Vocabularies: words}
}

// What configured systems join by is in the policy, once and in order, however
// the systems are listed; what nobody joins by is not.
func TestPolicyHoldsTheNamesThatAreJoined(t *testing.T) {
	want := []ledger.AliasSpec{{Type: "order-number", Single: true}, {Type: "tracking-number", Recycle: 30 * ledger.Day}}
	words := named()
	first, problems := compileText(t, "settings: {hold_max: 1h}", namedOptions(words))
	if first == nil || !slices.Equal(first.Aliases, want) {
		t.Fatalf("%+v, %v", first, problems)
	}
	slices.Reverse(words)
	words = append(words, words[1]) // a system that is configured twice
	second, problems := compileText(t, "settings: {hold_max: 1h}", namedOptions(words))
	if second == nil || !bytes.Equal(ledger.EncodePolicy(first), ledger.EncodePolicy(second)) {
		t.Errorf("in another order it is %+v, %v", second, problems)
	}
	lines := policy.AliasTable(first)
	if want := []string{"joined by order-number: never recycled, one per order, orphaned after 24h0m0s",
		"joined by tracking-number: recycled 720h0m0s after the order's end, orphaned after 24h0m0s"}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
	again, err := ledger.DecodePolicy(ledger.EncodePolicy(first))
	if err != nil || !slices.Equal(again.Aliases, want) {
		t.Errorf("read back: %+v, %v", again, err)
	}
}

func TestNamesDeclaredInTwoWaysAreRefused(t *testing.T) {
	words := named()
	words[1].AliasTypes[0].Single = false
	want := `shop.yaml:90:3: alias type "order-number" is declared in two ways: never recycled, one per order, orphaned after 24h0m0s here, never recycled, orphaned after 24h0m0s at box.yaml:70; make them agree`
	p, problems := compileText(t, "settings: {hold_max: 1h}", namedOptions(words))
	if p != nil || len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("%v, want %s", problems, want)
	}
	words[1].AliasTypes[0].Single, words[1].AliasTypes[0].OrphanAfter = true, ledger.Day // the default, spelt out
	if p, problems = compileText(t, "settings: {hold_max: 1h}", namedOptions(words)); p == nil {
		t.Errorf("the same in other words: %v", problems)
	}
}

func TestNamesDeclaredNowhereAreRefused(t *testing.T) {
	words := named()
	words[1].JoinsBy = append(words[1].JoinsBy, joins("box.yaml", 50, "order-numer"))
	want := `box.yaml:50:7: documents are joined by "order-numer", which no configured system declares; write alias_types: [{type: order-numer, recycle: never}]; did you mean "order-number"?`
	p, problems := compileText(t, "settings: {hold_max: 1h}", namedOptions(words))
	if p != nil || len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("%v, want %s", problems, want)
	}
}

func TestParkSettle(t *testing.T) {
	p, problems := compileText(t, "settings: {park_settle: 45s}", namedOptions(nil))
	if p == nil || p.Settings.ParkSettle != 45*ledger.Second {
		t.Fatalf("%+v, %v", p, problems)
	}
	if p, _ = compileText(t, "settings: {hold_max: 1h}", namedOptions(nil)); p.Settings.ParkSettle != 0 {
		t.Errorf("by default %s", p.Settings.ParkSettle)
	}
	if _, problems := policy.Load([]policy.File{{Name: "own.yaml", Data: []byte("settings: {park_settle: soon}")}}); !policy.Failed(problems) ||
		!strings.Contains(problems[0].Error(), "own.yaml:1:25") {
		t.Errorf("%v", problems)
	}
}

// Where no system joins by a name the policy is, byte for byte, what it was
// before names were joined at all: the digests in logs stay.
func TestPoliciesWithoutNamesStay(t *testing.T) {
	sources, words := shopSources(t)
	sources, words = sources[:2], words[:2] // Shopify and NetSuite, whose documents carry order ids
	p, problems := shippedDraft(t).Compile(policy.Options{Version: 1, Sources: sources, Vocabularies: words})
	if p == nil {
		t.Fatal(problems)
	}
	sum := sha256.Sum256(ledger.EncodePolicy(p))
	if got := hex.EncodeToString(sum[:]); len(p.Aliases) != 0 || got != shippedDigest {
		t.Errorf("%d names, digest %s, want none and %s", len(p.Aliases), got, shippedDigest)
	}
}

// shippedDigest is the digest of the shipped policy for Shopify and NetSuite.
const shippedDigest = "8c13f3b31f0e0687c39440dbbf2c54df4a33591cf747d46edc0b05dd3d339f2a"
