package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// plain is a correct system; the table below breaks it one line at a time.
const plain = `system: acme
role: wms
precision: 1s
skew: 1s
feeds:
- name: webhooks
  documents: [parcel]
  settle: 60s
  coverage: assumed
  proves: [{axis: fulfilment, object: parcel}]
  webhook: {verify: {scheme: bearer}}
documents:
- name: parcel
  kind: shipment
  shape: has(it.id)
  order: it.order
  object: {type: parcel, id: text(it.id)}
  version: {scheme: sequence, parts: [it.rev]}
  claims:
  - {axis: fulfilment, native: it.status, stamp: it.at}
words:
- {axis: fulfilment, words: [packed]}
matrix:
- {axis: fulfilment, word: packed, state: PACKED, target: Fulfilled}
`

func TestProblemsNameTheirPlace(t *testing.T) {
	if _, err := catalog.Parse("acme.yaml", []byte(plain)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ from, to, want string }{
		"unknown key":        {"precision: 1s", "precison: 1s", `acme.yaml:3:1: unknown key "precison"; did you mean "precision"?`},
		"key twice":          {"precision: 1s", "skew: 2s", `key "skew" stands twice`},
		"bad span":           {"precision: 1s", "precision: soon", `acme.yaml:3:12: "soon": want a span`},
		"bad role":           {"role: wms", "role: whs", `acme.yaml:2:7: role: "whs" is no role; did you mean "wms"?`},
		"bad axis":           {"- {axis: fulfilment, native", "- {axis: fulfilments, native", `acme.yaml:20:12: documents[parcel].claims[0].axis: "fulfilments" is no axis; did you mean "fulfilment"?`},
		"bad kind":           {"kind: shipment", "kind: shippment", `did you mean "shipment"?`},
		"bad state":          {"state: PACKED", "state: PAKED", `"PAKED" is no state of axis fulfilment; did you mean "PACKED"?`},
		"unknown variable":   {"order: it.order", "order: itt.order", `acme.yaml:16:10: documents[parcel].order: undeclared reference to 'itt'`},
		"unknown function":   {"id: text(it.id)}", "id: txt(it.id)}", `did you mean "text"?`},
		"broken expression":  {"shape: has(it.id)", "shape: has(it.id", `acme.yaml:15:`},
		"missing shape":      {"  shape: has(it.id)\n", "", `documents[parcel].shape: an expression is missing`},
		"no order nor alias": {"  order: it.order\n", "", `give order:`},
		"joined by person":   {"  order: it.order\n", "  by: {type: email, value: it.mail}\n", `many orders share one email`},
		"no version nor id":  {"  version: {scheme: sequence, parts: [it.rev]}\n", "", `needs a version: or a native_id:`},
		"four version parts": {"parts: [it.rev]", "parts: [it.rev, it.a, it.b, it.c]", `want one to three, found 4`},
		"no stamp":           {", stamp: it.at", "", `say when the state began`},
		"unknown document":   {"documents: [parcel]", "documents: [parcl]", `no document "parcl"; did you mean "parcel"?`},
		"proves nothing":     {"object: parcel}]", "object: order}]", `none of its documents claims fulfilment on an object "order"`},
		"webhook proves":     {"  coverage: assumed\n", "", `deliveries prove that a source lives`},
		"assumed, no settle": {"  settle: 60s\n", "", `assumed coverage needs a settle time`},
		"no scheme":          {"scheme: bearer", "scheme: rot13", `"rot13" is none of shopify`},
		"words missing":      {"words:\n- {axis: fulfilment, words: [packed]}\n", "", `the words of axis fulfilment are not listed`},
		"no feed":            {"  webhook: {verify: {scheme: bearer}}\n", "", `give poll:, webhook:, files: or kafka:, exactly one of them`},
		"tab":                {"role: wms", "role:\twms\n\tx: y", `acme.yaml:2`},
	} {
		if !strings.Contains(plain, tc.from) {
			t.Fatalf("%s: the case no longer applies", name)
		}
		_, err := catalog.Parse("acme.yaml", []byte(strings.Replace(plain, tc.from, tc.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, tc.want)
		}
	}
}

// TestAllProblemsAtOnce: a person mends a file once, not once per problem.
func TestAllProblemsAtOnce(t *testing.T) {
	broken := strings.NewReplacer("kind: shipment", "kind: x", "order: it.order", "order: nope", "role: wms", "role: y").Replace(plain)
	_, err := catalog.Parse("acme.yaml", []byte(broken))
	if err == nil || strings.Count(err.Error(), "acme.yaml:") != 3 {
		t.Errorf("want three problems:\n%v", err)
	}
}

func TestUserFilesReplaceShippedOnes(t *testing.T) {
	c, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	mine := strings.Replace(plain, "system: acme", "system: generic", 1)
	if err := c.Add(fstest.MapFS{"mine.yaml": {Data: []byte(mine)}}); err != nil {
		t.Fatal(err)
	}
	s, err := c.System("generic")
	if err != nil || s.Role != ledger.RoleWMS || len(s.Matrix) != 1 || s.Matrix[0].State != ledger.FulfilmentPacked || s.Matrix[0].Target != "Fulfilled" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := c.System("shopfy"); err == nil || !strings.Contains(err.Error(), `did you mean "shopify"?`) {
		t.Errorf("unknown system: %v", err)
	}
	if err := c.Add(fstest.MapFS{}); err == nil {
		t.Error("an empty folder was taken for a catalog")
	}
}

func TestSpecs(t *testing.T) {
	s, _ := mapperOf(t, "netsuite")
	src := sourceOf("netsuite")
	minute := connector.Span(60e9)
	src.Poll.Disabled, src.Precision, src.Feeds = false, &minute, map[string]connector.FeedSettings{"invoices": {Disabled: true}, "sales-orders": {Settle: &minute}}
	spec := s.SourceSpec(src)
	if spec.Name != "netsuite-test" || spec.Role != ledger.RoleERP || spec.Precision != ledger.Minute || spec.Skew != ledger.Second || len(spec.Feeds) != 3 {
		t.Fatalf("%+v", spec)
	}
	if !slices.IsSortedFunc(spec.Feeds, func(a, b ledger.FeedSpec) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("feeds are not sorted")
	}
	for _, f := range spec.Feeds {
		want := 30 * ledger.Second
		if f.Name == "sales-orders" {
			want = ledger.Minute
		}
		if f.Settle != want || f.Coverage != ledger.CoverageProven || len(f.Proves) == 0 {
			t.Errorf("%+v", f)
		}
	}
	err := s.Check(&connector.Source{Name: "n", System: "netsuite", Feeds: map[string]connector.FeedSettings{"invoice": {}}})
	for _, want := range []string{`did you mean "invoices"`, "base_url", "tokens.consumer_key", "origin_source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check does not mention %s: %v", want, err)
		}
	}
}

// TestWordsAreDeclared: every word that a fixture gives is one the system
// declares, so that a total matrix covers what really comes.
func TestWordsAreDeclared(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		s, m := mapperOf(t, filepath.Base(filepath.Dir(file)))
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		document, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		res := m.Map(catalog.Input{Feed: feedOf(t, s, document), Raw: raw, ReceivedAt: receivedAt})
		e := res.Event
		if res.Unkeyed != nil {
			e = &res.Unkeyed.Event
		}
		if e == nil {
			continue
		}
		for _, c := range e.Claims {
			if !slices.Contains(s.Words[c.Axis], c.Native) {
				t.Errorf("%s: word %q on axis %s is not declared", file, c.Native, c.Axis)
			}
		}
	}
}

func TestMinor(t *testing.T) {
	for _, tc := range []struct {
		amount, currency string
		want             int64
	}{
		{"12.30", "USD", 1230},
		{"12.3", "eur", 1230},
		{"0.1", "EUR", 10},
		{"20", "VND", 20},
		{"20.00", "JPY", 20},
		{"1.234", "KWD", 1234},
		{"-5.5", "GBP", -550},
		{"1e2", "USD", 10000},
		{"1.5E1", "USD", 1500},
		{"92233720368547758.07", "USD", 9223372036854775807},
		{".5", "USD", 50},
		{"12.3000000", "USD", 1230},
	} {
		if got, err := catalog.Minor(tc.amount, tc.currency); err != nil || got != tc.want {
			t.Errorf("%s %s = %d, %v; want %d", tc.amount, tc.currency, got, err, tc.want)
		}
	}
	for _, bad := range [][2]string{
		{"12.305", "USD"},
		{"20.5", "JPY"},
		{"1", "XYZ"},
		{"1", ""},
		{"1", "US"},
		{"", "USD"},
		{"1/2", "USD"},
		{"0x10", "USD"},
		{"1e999999999", "USD"},
		{"NaN", "USD"},
		{"1_000", "USD"},
		{"12,30", "USD"},
		{"92233720368547758.08", "USD"},
		{"--1", "USD"},
		{"e5", "USD"},
		{" 1", "USD"},
		{"1", "D E"},
	} {
		if got, err := catalog.Minor(bad[0], bad[1]); err == nil {
			t.Errorf("%q %q = %d; want a refusal", bad[0], bad[1], got)
		}
	}
}

// TestMinorAgreesWithItself: the short way and the long one, which an exponent
// takes, give the same.
func TestMinorAgreesWithItself(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	const letters = "0123456789900000...--+ e"
	converted := 0
	for range 200_000 {
		b := make([]byte, 1+rnd.IntN(17))
		for i := range b {
			b[i] = letters[rnd.IntN(len(letters)-4*min(i, 1))]
		}
		amount, currency := string(b), []string{"EUR", "JPY", "KWD", "UYW"}[rnd.IntN(4)]
		if strings.Contains(amount, "e") {
			continue
		}
		got, err := catalog.Minor(amount, currency)
		want, wrong := catalog.Minor(amount+"e0", currency)
		if got != want || (err == nil) != (wrong == nil) {
			t.Fatalf("%s %s is %d, %v; with an exponent %d, %v", amount, currency, got, err, want, wrong)
		}
		if err == nil {
			converted++
		}
	}
	if converted < 10_000 {
		t.Errorf("only %d were amounts", converted)
	}
}

// TestNumbersKeepTheirDigits: nothing passes through floating point.
func TestNumbersKeepTheirDigits(t *testing.T) {
	s, err := catalog.Parse("acme.yaml", []byte(strings.Replace(plain, "native: it.status", "native: text(it.status)", 1)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: &connector.Source{Name: "acme", System: "acme", OriginSource: "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"9007199254740993", "0.1000000000000000055511151231257827", "12345678901234567890", "1e400", "-0.0"} {
		raw := fmt.Sprintf(`{"id":9007199254740993,"order":"7","rev":1,"status":%s,"at":1772446530}`, n)
		res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: []byte(raw), ReceivedAt: receivedAt})
		if res.Event == nil || res.Event.Claims[0].Native != n || res.Event.Object.ID != "9007199254740993" {
			t.Errorf("%s: %+v %+v", n, res.Event, res.Quarantined)
		}
	}
}
