package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// namedSystem is a system whose documents are known by names alone.
func namedSystem(name, role, by, aliases, types string) string {
	return fmt.Sprintf(`system: %s
role: %s
precision: 1s
skew: 1s
feeds:
- name: webhooks
  documents: [thing]
  settle: 60s
  coverage: assumed
  webhook: {verify: {scheme: bearer}}
documents:
- name: thing
  kind: order
  shape: has(it.id)
  by: %s
  object: {type: thing, id: text(it.id)}
  version: {scheme: sequence, parts: [it.rev]}
  aliases: [%s]
alias_types: [%s]
`, name, role, by, aliases, types)
}

// names maps a document of a source and lists by which names it is known.
func names(t *testing.T, c *catalog.Catalog, sources []connector.Source, name string) (by ledger.Alias, all []string) {
	t.Helper()
	if err := c.Bind(sources); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sources, func(s connector.Source) bool { return s.Name == name })
	sys, err := c.System(sources[i].System)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: &sources[i]})
	if err != nil {
		t.Fatal(err)
	}
	u := m.Map(catalog.Input{Feed: sys.WebhookFeed(), Raw: []byte(`{"id":"7","rev":1,"number":"1001","payment":"pi_1","parcel":"1Z"}`), ReceivedAt: receivedAt}).Unkeyed
	if u == nil {
		t.Fatalf("a document of %s names its order", name)
	}
	for _, a := range u.Event.Aliases {
		all = append(all, string(a.Scope)+"/"+a.String())
	}
	return u.By, all
}

func namedCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	const number, payment = "{type: order-number, value: it.number, scope: {role: storefront}}", "{type: payment-id, value: it.payment, scope: {role: payment}}"
	const parcel = "{type: tracking-number, value: it.parcel, scope: {role: carrier}}"
	err = c.Add(fstest.MapFS{
		"shop.yaml":   {Data: []byte(namedSystem("shop", "storefront", "{type: order-id, value: it.id}", number+", "+payment+", "+parcel, ""))},
		"pay.yaml":    {Data: []byte(namedSystem("pay", "payment", payment, number+", "+payment, ""))},
		"box.yaml":    {Data: []byte(namedSystem("box", "wms", number, parcel, ""))},
		"van.yaml":    {Data: []byte(namedSystem("van", "carrier", parcel, parcel, ""))},
		"origin.yaml": {Data: []byte(namedSystem("depot", "wms", "{type: order-number, value: it.number, scope: origin}", "", ""))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func src(name, system, origin string) connector.Source {
	s := connector.Source{Name: name, System: system, OriginSource: origin}
	if origin == name {
		s.Origin, s.OriginSource = true, ""
	}
	return s
}

// Two systems name one thing alike only if both know who issued the name
// (S-35): the storefront its numbers, the provider its payments.
func TestNamesCarryTheScopeOfTheirIssuer(t *testing.T) {
	c := namedCatalog(t)
	shops := []connector.Source{
		src("shop-eu", "shop", "shop-eu"), src("pay-eu", "pay", "shop-eu"), src("box-eu", "box", "shop-eu"), src("depot-eu", "depot", "shop-eu"),
		src("shop-us", "shop", "shop-us"), src("pay-us", "pay", "shop-us"),
	}
	for name, want := range map[string][]string{
		"shop-eu":  {"shop-eu/order-id:7", "shop-eu/order-number:1001", "pay-eu/payment-id:pi_1", "carrier/tracking-number:1Z"},
		"shop-us":  {"shop-us/order-id:7", "shop-us/order-number:1001", "pay-us/payment-id:pi_1", "carrier/tracking-number:1Z"},
		"pay-eu":   {"pay-eu/payment-id:pi_1", "shop-eu/order-number:1001", "pay-eu/payment-id:pi_1"},
		"box-eu":   {"shop-eu/order-number:1001", "carrier/tracking-number:1Z"},
		"depot-eu": {"shop-eu/order-number:1001"},
	} {
		by, all := names(t, c, shops, name)
		if got := append([]string{string(by.Scope) + "/" + by.String()}, all...); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A courier that is a source of ours issues its numbers itself, and everyone
// who carries them knows that; of several, each could have.
func TestNamesThatSeveralCouldHaveIssued(t *testing.T) {
	c := namedCatalog(t)
	shops := []connector.Source{src("shop-eu", "shop", "shop-eu"), src("van-a", "van", "shop-eu"), src("van-b", "van", "shop-eu"), src("van-us", "van", "shop-us"), src("shop-us", "shop", "shop-us")}
	_, all := names(t, c, shops, "shop-eu")
	if want := []string{"shop-eu/order-number:1001", "payment/payment-id:pi_1", "van-a/tracking-number:1Z", "van-b/tracking-number:1Z"}; !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
	if by, _ := names(t, c, shops, "van-b"); by.Scope != "van-b" {
		t.Errorf("its own numbers have the scope %s", by.Scope)
	}
	shops[0].Issuers = map[string]string{"carrier": "van-b"}
	if _, all = names(t, c, shops, "shop-eu"); all[2] != "van-b/tracking-number:1Z" || len(all) != 3 {
		t.Errorf("with an issuer: %q", all)
	}
}

func TestBindRefusesIssuersThatCannotBe(t *testing.T) {
	c := namedCatalog(t)
	shops := []connector.Source{src("shop-eu", "shop", "shop-eu"), src("pay-eu", "pay", "shop-eu")}
	for want, issuers := range map[string]map[string]string{
		`sources[shop-eu].issuers.payment: no source is named "pay-ue"; did you mean "pay-eu"?`: {"payment": "pay-ue"},
		`sources[shop-eu].issuers.payement: "payement" is no role; did you mean "payment"?`:     {"payement": "pay-eu"},
		`sources[shop-eu].issuers.carrier: pay-eu plays the role payment`:                       {"carrier": "pay-eu"},
	} {
		shops[0].Issuers = issuers
		if err := c.Bind(shops); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A document is parked under one name: who issued it must be certain.
func TestCheckRefusesNamesOfNobody(t *testing.T) {
	c := namedCatalog(t)
	shops := []connector.Source{src("box-1", "box", ""), src("shop-a", "shop", "shop-a"), src("shop-b", "shop", "shop-b"), src("depot-1", "depot", "")}
	if err := c.Bind(shops); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{
		0: "sources[box-1].issuers: documents are joined by order-number of role storefront, which shop-a and shop-b could have issued; write issuers: {storefront: shop-a}, or the other",
		3: "sources[depot-1].origin_source: documents of depot are joined by a name (order-number) that their origin issued; say which source that is",
	} {
		sys, err := c.System(shops[i].System)
		if err != nil {
			t.Fatal(err)
		}
		if err := sys.Check(&shops[i]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAliasTypesAreDeclared(t *testing.T) {
	s, err := catalog.Parse("van.yaml", []byte(namedSystem("van", "carrier", "{type: tracking-number, value: it.parcel}", "",
		"{type: tracking-number, recycle: 720h, single: true, orphan_after: 24h}, {type: order-id, recycle: never}")))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.AliasTypes) != 2 || s.AliasTypes[0].AliasSpec != (ledger.AliasSpec{Type: "order-id"}) ||
		s.AliasTypes[1].AliasSpec != (ledger.AliasSpec{Type: "tracking-number", Recycle: 30 * ledger.Day, Single: true, OrphanAfter: ledger.Day}) {
		t.Errorf("%+v", s.AliasTypes)
	}
	if len(s.JoinsBy) != 1 || s.JoinsBy[0].Type != "tracking-number" || s.JoinsBy[0].File != "van.yaml" || s.JoinsBy[0].Line != 15 {
		t.Errorf("%+v", s.JoinsBy)
	}
	for types, want := range map[string]string{
		"{type: a, recycle: sometimes}":    `alias_types[a].recycle: "sometimes": want a span`,
		"{type: a, orphan_after: -1h}":     `alias_types[a].orphan_after: `,
		"{type: a}, {type: a}":             `alias_types[a].type: must be given and unique`,
		"{recycle: 1h}":                    `alias_types[].type: must be given and unique`,
		"{type: a, recyle: 1h}":            `unknown key "recyle"; did you mean "recycle"?`,
		"{type: a, recycle: {never: yes}}": `want a single value`,
	} {
		if _, err := catalog.Parse("van.yaml", []byte(namedSystem("van", "carrier", "{type: a, value: it.parcel}", "", types))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", types, err, want)
		}
	}
	for by, want := range map[string]string{
		"{type: a, value: it.id, scope: orgin}":           `scope: "orgin" is neither own nor origin nor {role: …}; did you mean "origin"?`,
		"{type: a, value: it.id, scope: {role: shop}}":    `scope.role: "shop" is no role`,
		"{type: a, value: it.id, scope: {rule: payment}}": `want own, origin or {role: storefront}`,
	} {
		if _, err := catalog.Parse("van.yaml", []byte(namedSystem("van", "carrier", by, "", ""))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", by, err, want)
		}
	}
}
