package catalog_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

func stripeMapper(t *testing.T, options map[string]string) (*catalog.System, *catalog.Mapper) {
	t.Helper()
	s, _ := mapperOf(t, "stripe")
	src := sourceOf("stripe")
	src.Options = options
	m, err := s.NewMapper(catalog.MapperOptions{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestOneEventInTwoRenderings: the version of the API in which an event is
// written, and whether it was pushed or listed, do not make it another event.
func TestOneEventInTwoRenderings(t *testing.T) {
	s, m := stripeMapper(t, nil)
	ids := map[ledger.EventID]bool{}
	for _, name := range []string{"stripe/payment_intent", "stripe/payment_intent.old"} {
		for _, feed := range []string{"webhooks", "payment-intents"} {
			res := m.Map(catalog.Input{Feed: s.Feed(feed), Raw: fixture(t, name), ReceivedAt: receivedAt, AskedAt: receivedAt})
			ids[res.Unkeyed.Event.ID] = true
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d events of one", len(ids))
	}
}

// TestMetadataNamesTheOrder: the configured key files a payment under its
// order at once, if what stands there is an order id.
func TestMetadataNamesTheOrder(t *testing.T) {
	raw := string(fixture(t, "stripe/payment_intent.keyed"))
	for name, tc := range map[string]struct {
		options map[string]string
		raw     string
		want    ledger.OrderKey
	}{
		"not configured": {nil, raw, ""},
		"configured":     {map[string]string{"order_metadata": "order_id"}, raw, "shopify-test~5012345678901"},
		"another key":    {map[string]string{"order_metadata": "order"}, raw, ""},
		"of another form": {
			map[string]string{"order_metadata": "order_id", "order_form": "[0-9]{13}"},
			strings.Replace(raw, "5012345678901", "#EU2041", 1), "",
		},
		"of the form": {map[string]string{"order_metadata": "order_id", "order_form": "[0-9]{13}"}, raw, "shopify-test~5012345678901"},
	} {
		s, m := stripeMapper(t, tc.options)
		res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: []byte(tc.raw), ReceivedAt: receivedAt})
		switch {
		case tc.want != "" && (res.Event == nil || res.Event.Order != tc.want || len(res.Event.Aliases) != 2):
			t.Errorf("%s: %+v", name, res)
		case tc.want == "" && (res.Unkeyed == nil || res.Unkeyed.By != ledger.Alias{Scope: "stripe-test", Type: "payment-id", Value: "pi_3LedgerA"}):
			t.Errorf("%s: %+v", name, res)
		}
	}
}

// TestModesAreKeptApart: the test half of an account never reaches the live
// source, nor the other way round.
func TestModesAreKeptApart(t *testing.T) {
	for _, tc := range []struct{ mode, file, reason string }{
		{"live", "stripe/charge", ""},
		{"live", "stripe/charge.test", "test-mode"},
		{"test", "stripe/charge.test", ""},
		{"test", "stripe/charge", "live-mode"},
	} {
		s, m := stripeMapper(t, map[string]string{"mode": tc.mode})
		res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: fixture(t, tc.file), ReceivedAt: receivedAt})
		if got := res.Quarantined; (tc.reason == "") != (got == nil) || got != nil && got.Reason != tc.reason {
			t.Errorf("%s at %s: %+v", tc.file, tc.mode, got)
		}
	}
	s, _ := mapperOf(t, "stripe")
	src := sourceOf("stripe")
	src.Options = map[string]string{"mode": "both", "metadata": "x"}
	err := s.Check(src)
	for _, want := range []string{`options.mode: "both" does not have the form`, `options.metadata: system stripe has no such option`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

// TestNoRenderingIsGuessed: an event in a version of the API that the file was not
// checked with, or without any, is set aside until somebody has checked it and
// says so; one that does not carry its object is set aside whatever is said.
func TestNoRenderingIsGuessed(t *testing.T) {
	everything := map[string]string{"api_versions": ".*"}
	for _, tc := range []struct {
		file, reason string
		options      map[string]string
	}{
		{"stripe/charge", "", nil},
		{"stripe/charge.tomorrow", "api-version", nil},
		{"stripe/charge.unversioned", "api-version", nil},
		{"stripe/charge.tomorrow", "", everything},
		{"stripe/event.thin", "thin-event", nil},
		{"stripe/event.thin", "thin-event", everything},
	} {
		s, m := stripeMapper(t, tc.options)
		for _, feed := range []string{"webhooks", "charges"} {
			res := m.Map(catalog.Input{Feed: s.Feed(feed), Raw: fixture(t, tc.file), ReceivedAt: receivedAt, AskedAt: receivedAt})
			q := res.Quarantined
			switch {
			case tc.reason == "" && (res.Unkeyed == nil || res.Unkeyed.By.Type != "payment-id"):
				t.Errorf("%s at %s with %v: %+v", tc.file, feed, tc.options, res)
			case tc.reason != "" && (q == nil || q.Reason != tc.reason || len(q.Body.Bytes) == 0):
				t.Errorf("%s at %s with %v: %+v", tc.file, feed, tc.options, res)
			}
		}
	}
}

// TestListedObjectsAreNoNewerThanEvents: an object that a list shows is as it
// was when we asked; whatever an event says of the last minute counts more.
func TestListedObjectsAreNoNewerThanEvents(t *testing.T) {
	s, m := stripeMapper(t, nil)
	asked := ledger.Instant(1_772_446_600_000_000)
	raw := []byte(`{"id":"ch_3LedgerA","object":"charge","amount":8000,"amount_captured":8000,"amount_refunded":0,"captured":true,"created":1772446500,
"currency":"eur","livemode":true,"metadata":{},"payment_intent":"pi_3LedgerA","refunded":false,"status":"succeeded"}`)
	res := m.Map(catalog.Input{Feed: s.Feed("charges-of-old"), Raw: raw, ReceivedAt: asked, AskedAt: asked})
	e := res.Unkeyed
	if e == nil || e.Event.Version.Parts[0] != 1772446540 || e.Event.Claims[1].Native != "charge:captured" || e.Event.Claims[1].Earliest != asked {
		t.Fatalf("%+v %+v", res.Unkeyed, res.Quarantined)
	}
	if pushed := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: asked}); pushed.Quarantined == nil {
		t.Error("a bare object without an instant was taken")
	}
}

// TestWithinTheSourceOnly: what a delivery names is read only where the source
// itself lives.
func TestWithinTheSourceOnly(t *testing.T) {
	s, _ := mapperOf(t, "shipstation")
	f := s.WebhookFeed()
	for _, tc := range []struct {
		base, url string
		ok        bool
	}{
		{"https://ss.test", "https://ss.test/orders?importBatch=1", true},
		{"https://ss.test", "HTTPS://SS.test/shipments", true},
		{"https://ss.test/", "https://ss.test/fulfillments", true},
		{"https://ss.test/api", "https://ss.test/api/orders", true},
		{"http://127.0.0.1:81", "http://127.0.0.1:81/orders", true},
		{"https://ss.test", "http://ss.test/orders", false},
		{"http://ss.test", "http://ss.test/orders", false},
		{"https://ss.test", "https://ss.test:8443/orders", false},
		{"https://ss.test", "https://ss.test.evil.test/orders", false},
		{"https://ss.test", "https://evil.test/orders?https://ss.test/orders", false},
		{"https://ss.test", "https://ss.test@evil.test/orders", false},
		{"https://ss.test", "https://u:p@ss.test/orders", false},
		{"https://ss.test", "//evil.test/orders", false},
		{"https://ss.test", "/orders", false},
		{"https://ss.test", "https://ss.test/accounts/listtags", false},
		{"https://ss.test", "https://ss.test/orders/../accounts", false},
		{"https://ss.test", "https://ss.test/orders%2f..%2faccounts", false},
		{"https://ss.test/api", "https://ss.test/orders", false},
		{"https://ss.test", "file:///etc/passwd", false},
		{"https://ss.test", "https://169.254.169.254/orders", false},
		{"https://ss.test", "https://ss.test/orders#x", false},
		{"", "https://ss.test/orders", false},
	} {
		if _, _, err := f.Within(tc.base, tc.url); (err == nil) != tc.ok {
			t.Errorf("%s within %s: %v", tc.url, tc.base, err)
		}
	}
	src := sourceOf("shipstation")
	src.BaseURL, src.SecretEnv = "", []string{"X"}
	if err := s.Check(src); err == nil || !strings.Contains(err.Error(), "base_url") || !strings.Contains(err.Error(), "tokens.api_key") {
		t.Errorf("%v", err)
	}
}
