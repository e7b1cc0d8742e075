package transport_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// ask asks an API and returns the answer with its body.
func (w *wire) ask(path string, header map[string]string) (*http.Response, map[string]json.RawMessage) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.api.URL+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if user, password, ok := strings.Cut(header["basic"], ":"); ok {
		req.Header.Del("basic")
		req.SetBasicAuth(user, password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var body map[string]json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		w.t.Fatal(err)
	}
	return res, body
}

// TestTheAccountLetsInWhoTheRealOneDoes: with the key and the pinned version,
// and only for lists that exist.
func TestTheAccountLetsInWhoTheRealOneDoes(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 3})
	c := transport.NewCredentials(7)
	good := map[string]string{"Authorization": "Bearer " + c.PaymentKey, "Stripe-Version": "2024-06-20"}
	for name, tt := range map[string]struct {
		path   string
		header map[string]string
		want   int
	}{
		"events":         {"/v1/events?type=charge.*&limit=100", good, 200},
		"objects":        {"/v1/payment_intents?limit=5", good, 200},
		"no key":         {"/v1/events", map[string]string{"Stripe-Version": "2024-06-20"}, 401},
		"no version":     {"/v1/events", map[string]string{"Authorization": good["Authorization"]}, 400},
		"too many":       {"/v1/events?limit=101", good, 400},
		"a bad since":    {"/v1/events?" + url.Values{"created[gte]": {"today"}}.Encode(), good, 400},
		"two families":   {"/v1/events?type=charge", good, 400},
		"a bad question": {"/v1/events?updated=1", good, 400},
	} {
		if res, body := w.ask(tt.path, tt.header); res.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", name, res.StatusCode, body["error"], tt.want)
		}
	}
	_, empty := w.ask("/v1/disputes", good)
	if string(empty["data"]) != "[]" || string(empty["has_more"]) != "false" {
		t.Errorf("disputes: %s", empty["data"])
	}
}

// TestOldObjectsAreMapped: what a list of objects shows is understood, and says
// of a payment what its events said.
func TestOldObjectsAreMapped(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 10, Every: 10 * time.Second})
	src := &w.sources[1]
	sys := w.system(src)
	m, err := sys.NewMapper(catalog.MapperOptions{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	for feed, collection := range map[string]shop.Collection{"payment-intents-of-old": shop.PaymentIntents, "charges-of-old": shop.Charges, "refunds-of-old": shop.Refunds} {
		page, err := w.shared.Newest(shop.Newest{Collection: collection, At: w.clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 0 {
			t.Errorf("%s: nothing is listed", feed)
		}
		for _, item := range page.Items {
			res := m.Map(catalog.Input{Feed: sys.Feed(feed), Raw: item, ReceivedAt: ledger.At(w.clock.Now()), AskedAt: ledger.At(w.clock.Now())})
			if res.Unkeyed == nil || res.Unkeyed.By.Type != "payment-id" {
				t.Errorf("%s: %s is not understood", feed, item)
			}
		}
	}
}

// TestTheWarehouseCountsRequests: forty a minute, whoever asks; its lists are
// sorted, paged and counted.
func TestTheWarehouseCountsRequests(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 40, Every: time.Second})
	key := map[string]string{"basic": transport.NewCredentials(7).WarehouseKey}
	list := "/orders?" + url.Values{"modifyDateStart": {"2026-03-01T00:00:00"}, "sortBy": {"ModifyDate"}, "sortDir": {"ASC"}, "pageSize": {"7"}, "page": {"2"}}.Encode()
	res, body := w.ask(list, key)
	var orders []struct {
		ModifyDate string
	}
	if err := json.Unmarshal(body["orders"], &orders); err != nil || len(orders) != 7 || orders[0].ModifyDate > orders[6].ModifyDate {
		t.Errorf("%v: %d orders: %s", err, len(orders), body["Message"])
	}
	if total := string(body["total"]); total < "40" || res.Header.Get("X-Rate-Limit-Remaining") != "39" {
		t.Errorf("total %s, %s left", total, res.Header.Get("X-Rate-Limit-Remaining"))
	}
	for path, want := range map[string]int{"/orders": 400, "/orders?pageSize=501&importBatch=x": 400, "/shipments?importBatch=x": 200, "/shipments?modifyDateStart=2026-03-01T00:00:00": 400} {
		if res, _ := w.ask(path, key); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	if res, _ := w.ask("/shipments?importBatch=x", map[string]string{"basic": "a:b"}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", res.StatusCode)
	}
	for range 36 {
		res, _ = w.ask(list, key)
	}
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("the 41st request: %d", res.StatusCode)
	}
	w.clock.Move(time.Minute)
	if res, _ = w.ask(list, key); res.StatusCode != http.StatusOK {
		t.Errorf("a minute later: %d", res.StatusCode)
	}
}
