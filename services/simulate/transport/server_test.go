package transport_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// TestPollersReadManyPages: more orders than a page of the storefront holds.
func TestPollersReadManyPages(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 600, Every: time.Second})
	if faults := w.pull(); len(faults) != 0 {
		t.Fatal(faults)
	}
	orders := map[ledger.OrderKey]bool{}
	for _, e := range w.log.Outgoing().Events {
		if e.Feed == "orders" {
			orders[e.Order] = true
		}
	}
	if len(orders) != 600 {
		t.Errorf("%d orders were read, want 600", len(orders))
	}
}

// TestTroublesAreWaitedOut: 429 and slowness cost time, and lose nothing.
func TestTroublesAreWaitedOut(t *testing.T) {
	from := opening.Add(time.Hour)
	w := newWire(t, shop.Config{Seed: 4, Orders: 20, Every: time.Second}, func(_ *wire, c *transport.ServerConfig) {
		c.Troubles = []transport.Trouble{
			{Kind: transport.Throttled, Source: shop.DefaultSources().ERP, From: from, Until: from.Add(4 * time.Minute)},
			{Kind: transport.Slow, Source: shop.DefaultSources().Storefront, From: from, Until: from.Add(time.Hour), Delay: 3 * time.Second},
		}
	})
	w.push()
	faults := w.pull()
	throttled := 0
	for _, err := range faults {
		var f *poll.Fault
		if errors.As(err, &f) && f.Outcome == connector.OutcomeThrottled && f.After >= time.Second {
			throttled++
		}
	}
	if throttled == 0 {
		t.Errorf("nobody was throttled: %v", faults)
	}
	if missing, _ := w.missing(); len(missing) != 0 {
		t.Errorf("lost: %v", missing)
	}
}

// TestSilenceAnswersErrors: the API of a silent source is out of order, its
// webhooks go on.
func TestSilenceAnswersErrors(t *testing.T) {
	from := opening.Add(time.Hour)
	w := newWire(t, shop.Config{Seed: 4, Orders: 3, Silences: []shop.Silence{{Source: shop.DefaultSources().Storefront, Feeds: transport.StorefrontFeeds(), From: from, Until: from.Add(15 * time.Second)}}})
	w.push()
	if n := w.sender.Stats.Failed.Load(); n != 0 {
		t.Errorf("%d webhooks failed", n)
	}
	faults := w.pull()
	var f *poll.Fault
	if len(faults) == 0 || !errors.As(faults[0], &f) || f.Status != http.StatusInternalServerError {
		t.Fatalf("faults %v, want 500", faults)
	}
	if missing, _ := w.missing(); len(missing) != 0 {
		t.Errorf("lost: %v", missing)
	}
}

// TestRefusals: the APIs let in only what the real ones let in.
func TestRefusals(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 3})
	get := func(method, path string, h map[string]string) int {
		req, err := http.NewRequestWithContext(context.Background(), method, w.api.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range h {
			req.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	token := map[string]string{"X-Shopify-Access-Token": transport.NewCredentials(7).StorefrontToken}
	const list = "/admin/api/2026-07/orders.json?order=updated_at+asc&status=any&updated_at_min="
	for name, c := range map[string]struct {
		method, path string
		header       map[string]string
		want         int
	}{
		"no token":             {"GET", list + "2026-03-02T09:00:00Z", nil, http.StatusUnauthorized},
		"a list":               {"GET", list + "2026-03-02T09:00:00Z", token, http.StatusOK},
		"a bad date":           {"GET", list + "yesterday", token, http.StatusBadRequest},
		"page_info and filter": {"GET", list + "2026-03-02T09:00:00Z&page_info=e30", token, http.StatusBadRequest},
		"a bad page_info":      {"GET", "/admin/api/2026-07/orders.json?page_info=!", token, http.StatusBadRequest},
		"a page too large":     {"GET", list + "2026-03-02T09:00:00Z&limit=251", token, http.StatusBadRequest},
		"no signature":         {"POST", "/services/rest/query/v1/suiteql", nil, http.StatusUnauthorized},
		"a wrong signature": {"POST", "/services/rest/query/v1/suiteql", map[string]string{
			"Prefer":        "transient",
			"Authorization": `OAuth realm="123456_SB1", oauth_consumer_key="x", oauth_signature="eA=="`,
		}, http.StatusUnauthorized},
	} {
		if got := get(c.method, c.path, c.header); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	// The bucket holds forty requests; the clock stands still.
	last := 0
	for range 45 {
		last = get("GET", list+"2026-03-02T09:00:00Z", token)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the bucket did not fill: %d", last)
	}
}

// TestTamperedTokenSecretIsNoticed: the signature is verified, not only its form.
func TestTamperedTokenSecretIsNoticed(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 3})
	src := &w.sources[2]
	src.Tokens["token_secret"] = src.Tokens["consumer_secret"]
	_, err := w.poller(src, "sales-orders").Step(context.Background())
	var f *poll.Fault
	if !errors.As(err, &f) || f.Outcome != connector.OutcomeDenied {
		t.Errorf("%v, want denied", err)
	}
}

// TestLoopbackOnly: nothing is offered to a network.
func TestLoopbackOnly(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 1})
	s, err := transport.NewServer(transport.ServerConfig{Shop: w.shared, Credentials: transport.NewCredentials(7), Clock: w.clock, Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "shop"} {
		if l, err := s.Listen(addr); err == nil {
			t.Errorf("listens on %s", addr)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
