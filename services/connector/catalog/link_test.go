package catalog_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

func shippedLinks(t *testing.T, sources ...connector.Source) *catalog.Links {
	t.Helper()
	c, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return c.Links(sources)
}

func orderOf(t testing.TB, source, id string) ledger.OrderKey {
	t.Helper()
	k, err := ledger.NewOrderKey(ledger.Source(source), id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestShippedLinks(t *testing.T) {
	l := shippedLinks(t,
		connector.Source{Name: "shopify-eu", System: "shopify", Origin: true, BaseURL: "https://acme.myshopify.com"},
		connector.Source{Name: "shopify-new", System: "shopify", Origin: true, BaseURL: "https://acme.myshopify.com", AdminURL: "https://admin.shopify.com/store/acme/"},
		connector.Source{Name: "shopify-lab", System: "shopify", Origin: true, BaseURL: "http://127.0.0.1:8099"},
		connector.Source{Name: "netsuite-main", System: "netsuite", Account: "1234567_SB1", BaseURL: "https://1234567-sb1.suitetalk.api.netsuite.com"},
		connector.Source{Name: "netsuite-none", System: "netsuite"},
		connector.Source{Name: "netsuite-evil", System: "netsuite", Account: "evil.example/x"},
		connector.Source{Name: "stripe-eu", System: "stripe", BaseURL: "https://api.stripe.com"},
		connector.Source{Name: "stripe-test", System: "stripe", Options: map[string]string{"mode": "test"}},
		connector.Source{Name: "unheard", System: "nosuch", BaseURL: "https://x.example"},
	)
	const shop = "https://acme.myshopify.com/admin/orders/"
	for _, c := range []struct{ source, object, id, order, title, url string }{
		{"shopify-eu", "order", "450789469", "shopify-eu~450789469", "Shopify order", shop + "450789469"},
		{"shopify-eu", "refund", "509562969", "shopify-eu~450789469", "Shopify order", shop + "450789469"},
		{"shopify-eu", "fulfillment", "255858046", "shopify-eu~450789469", "Shopify order", shop + "450789469"},
		{"shopify-eu", "fulfillment", "255858046", "other~450789469", "", ""}, // its order has another origin
		{"shopify-eu", "unknown", "1", "shopify-eu~1", "", ""},
		{"shopify-new", "order", "1", "shopify-new~1", "Shopify order", "https://admin.shopify.com/store/acme/orders/1"},
		{"shopify-lab", "order", "1", "shopify-lab~1", "", ""}, // not https
		{"netsuite-main", "sales_order", "77", "shopify-eu~1", "NetSuite sales order", "https://1234567-sb1.app.netsuite.com/app/accounting/transactions/salesord.nl?id=77"},
		{"netsuite-main", "credit_memo", "78", "shopify-eu~1", "NetSuite credit memo", "https://1234567-sb1.app.netsuite.com/app/accounting/transactions/custcred.nl?id=78"},
		{"netsuite-none", "sales_order", "77", "shopify-eu~1", "", ""},
		{"netsuite-evil", "sales_order", "77", "shopify-eu~1", "", ""},
		{"stripe-eu", "payment_intent", "pi_1", "shopify-eu~1", "Stripe payment", "https://dashboard.stripe.com/payments/pi_1"},
		{"stripe-test", "charge", "ch_1", "shopify-eu~1", "Stripe test payment", "https://dashboard.stripe.com/test/payments/ch_1"},
		{"unheard", "order", "1", "unheard~1", "", ""},
		{"nobody", "order", "1", "nobody~1", "", ""},
	} {
		title, got, ok := l.Link(ledger.Source(c.source), ledger.Object{Type: c.object, ID: c.id}, ledger.OrderKey(c.order))
		if title != c.title || got != c.url || ok != (c.url != "") {
			t.Errorf("%s %s %s: %q %q, want %q %q", c.source, c.object, c.id, title, got, c.title, c.url)
		}
	}
}

// hostile are ids that would lead elsewhere if they were pasted into an address.
var hostile = []string{
	"../../etc", "..", ".", "...", "javascript:alert(1)", "@evil.example", "//evil.example", "/\\evil.example", "a b", "a\tb", "a\nb", "", "#x", "?x=1&y", "%2e%2e", "%2F..%2F",
	"1&id=2", "1;id=2", `"><script>`, "ü", "\xff\xfe", "\u202e1", "a:b", "a+b", strings.Repeat("9", 300), "\x00",
}

func TestLinksLeadNowhereElse(t *testing.T) {
	l := shippedLinks(t,
		connector.Source{Name: "shop", System: "shopify", Origin: true, BaseURL: "https://acme.myshopify.com"},
		connector.Source{Name: "erp", System: "netsuite", Account: "1"})
	for _, id := range hostile {
		leadsHome(t, l, id)
	}
	for id, want := range map[string]string{"../x": "..%2Fx", "a b": "a%20b", "@evil": "%40evil", "javascript:1": "javascript%3A1", "%2e": "%252e"} {
		if _, got, _ := l.Link("shop", ledger.Object{Type: "order", ID: id}, ""); got != "https://acme.myshopify.com/admin/orders/"+want {
			t.Errorf("%q gives %q", id, got)
		}
	}
	for _, id := range []string{"..", ".", "", "a\nb", "\x00", strings.Repeat("9", 300)} {
		if _, got, ok := l.Link("shop", ledger.Object{Type: "order", ID: id}, ""); ok {
			t.Errorf("%q gives %q, want no link", id, got)
		}
	}
}

func FuzzLinksLeadNowhereElse(f *testing.F) {
	for _, id := range hostile {
		f.Add(id)
	}
	c, err := catalog.Shipped()
	if err != nil {
		f.Fatal(err)
	}
	l := c.Links([]connector.Source{
		{Name: "shop", System: "shopify", Origin: true, BaseURL: "https://acme.myshopify.com"}, {Name: "erp", System: "netsuite", Account: "1"}})
	f.Fuzz(func(t *testing.T, id string) { leadsHome(t, l, id) })
}

// leadsHome checks where links with an id lead: to the page that the catalog
// names, with the id as its last segment or its one parameter.
func leadsHome(t *testing.T, l *catalog.Links, id string) {
	t.Helper()
	order := ledger.OrderKey("shop~1")
	if k, err := ledger.NewOrderKey("shop", id); err == nil {
		order = k
	}
	for _, x := range []struct {
		source, object, path string
	}{{"shop", "order", "/admin/orders/"}, {"shop", "refund", "/admin/orders/"}, {"erp", "invoice", "/app/accounting/transactions/custinvc.nl"}} {
		_, got, ok := l.Link(ledger.Source(x.source), ledger.Object{Type: x.object, ID: id}, order)
		if !ok {
			continue
		}
		u, err := url.Parse(got)
		host := map[string]string{"shop": "acme.myshopify.com", "erp": "1.app.netsuite.com"}[x.source]
		if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q leads to %q (%v)", id, got, err)
		}
		if x.source == "erp" {
			if u.Path != x.path || len(u.Query()) != 1 || u.Query().Get("id") != id {
				t.Fatalf("%q gives %q", id, got)
			}
			continue
		}
		if seg, ok := strings.CutPrefix(u.EscapedPath(), x.path); !ok || seg == "" || seg == "." || seg == ".." || strings.ContainsAny(seg, "/\\ ") || u.RawQuery != "" {
			t.Fatalf("%q gives %q", id, got)
		}
	}
}

func TestLinksAreChecked(t *testing.T) {
	good := plain + "admin_url: https://admin.acme.example\nlinks:\n- {object: parcel, title: Acme parcel, path: \"/p/{id}\"}\n"
	if _, err := catalog.Parse("acme.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"http":                {"https://admin", "http://admin", "acme.yaml:25:12: admin_url"},
		"another placeholder": {"https://admin", "https://{id}", "admin_url"},
		"a user":              {"https://admin", "https://me@admin", "admin_url"},
		"an unknown object":   {"object: parcel, title", "object: parcl, title", `did you mean "parcel"?`},
		"no title":            {"title: Acme parcel, ", "", "links[0].title"},
		"a host in the path":  {`"/p/{id}"`, `"//evil.example/{id}"`, "links[0].path"},
		"no path":             {`"/p/{id}"`, `"{id}"`, "links[0].path"},
		"a wrong placeholder": {`"/p/{id}"`, `"/p/{name}"`, "links[0].path"},
		"an unknown option":   {"title: Acme", "when: {mode: x}, title: Acme", `"mode" is no option`},
	} {
		_, err := catalog.Parse("acme.yaml", []byte(strings.Replace(good, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAdminURLIsChecked(t *testing.T) {
	for address, want := range map[string]bool{
		"https://admin.example/x": true, "": true, "http://admin.example": false, "javascript:alert(1)": false, "https://me@admin.example": false,
		"https://admin.example?x=1": false, "https://admin.example#x": false, "//admin.example": false,
	} {
		s := connector.Source{Name: "shop", System: "shopify", Origin: true, AdminURL: address}
		if err := s.Validate(); (err == nil) != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}
