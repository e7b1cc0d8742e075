package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/role"
)

// courierSystem is a courier that knows nothing but its own tracking numbers.
const courierSystem = `system: hedgecourier
title: Hedge Courier
role: carrier
precision: 1s
skew: 2s

feeds:
- name: webhooks
  documents: [parcel]
  settle: 5m
  expected_every: 1h
  coverage: assumed
  proves:
  - {axis: fulfilment, object: parcel}
  webhook:
    verify: {scheme: hmac-sha256, header: X-Courier-Seal, encoding: base64}

documents:
- name: parcel
  kind: shipment
  direction: outgoing
  shape: has(it.parcel) && has(it.state) && has(it.at)
  by: {type: tracking-number, value: it.parcel}
  object: {type: parcel, id: it.parcel}
  version: {scheme: timestamp, parts: [it.at]}
  claims:
  - {axis: fulfilment, native: it.state}

alias_types:
- {type: tracking-number, recycle: 2160h}

words:
- axis: fulfilment
  words: [handed-over, delivered]

matrix:
- {axis: fulfilment, word: handed-over, state: IN_TRANSIT}
- {axis: fulfilment, word: delivered, state: DELIVERED}
`

// fulfilment is the storefront's fulfilment of an order, with the courier's number.
func fulfilment(order int64, tracking string) string {
	return fmt.Sprintf(`{"id":%d,"order_id":%d,"status":"success","created_at":"2026-03-02T11:00:00Z","updated_at":"2026-03-02T11:00:00Z",
"tracking_company":"Hedge Courier","tracking_number":%q,"tracking_numbers":[%q],"shipment_status":null,"line_items":[]}`, 9_000_000+order, order, tracking, tracking)
}

// TestACourierIsJoinedByItsTrackingNumber: parcels that the courier told of
// before the shop named them reach their orders, and what comes after a restart
// does too; a parcel that nobody names waits (S-35, S-36, P2).
func TestACourierIsJoinedByItsTrackingNumber(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hedgecourier.yaml"), []byte(courierSystem), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *desk {
		return newDesk(t, func(cfg *config.Config) {
			cfg.DataDir, cfg.Ephemeral, cfg.CatalogDirs = data, false, []string{dir}
			cfg.Sources = append(cfg.Sources, connector.Source{Name: "courier", System: "hedgecourier", OriginSource: "shop", SecretFiles: cfg.Sources[0].SecretFiles})
		})
	}
	d := open()
	tell := func(parcel, state, at string) {
		t.Helper()
		body := fmt.Sprintf(`{"parcel":%q,"state":%q,"at":%q}`, parcel, state, at)
		if a := d.post("courier", body, map[string]string{"Content-Type": "application/json", "X-Courier-Seal": seal(body)}); a.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", body, a.Code, a.Body)
		}
	}
	joined := func(order int64, want ...string) {
		t.Helper()
		await(t, 30*time.Second, func() error {
			if got := d.claims(orderKey(order), "courier"); !slices.Equal(got, want) {
				return yet("order %d has %q of the courier, want %q", order, got, want)
			}
			return nil
		})
	}
	tell("HC1001", "handed-over", "2026-03-02T12:00:00Z")
	tell("HC1002", "handed-over", "2026-03-02T12:00:00Z")
	tell("HC9999", "handed-over", "2026-03-02T12:00:00Z")
	for _, id := range []int64{1001, 1002} {
		d.accept("shop", "orders/create", order(id, "paid"))
		d.accept("shop", "fulfillments/create", fulfilment(id, fmt.Sprint("HC", id)))
	}
	joined(1001, "fulfilment parcel handed-over IN_TRANSIT")
	joined(1002, "fulfilment parcel handed-over IN_TRANSIT")
	d.close()
	d = open()
	tell("HC1001", "delivered", "2026-03-02T18:00:00Z")
	tell("HC1001", "delivered", "2026-03-02T18:00:00Z")
	joined(1001, "fulfilment parcel delivered DELIVERED", "fulfilment parcel handed-over IN_TRANSIT")
	a := do(t, http.MethodGet, d.Endpoints.API+"/v1/orders:lookup?alias=tracking-number:HC1001", nil, nil)
	if a.Code != http.StatusOK || !strings.Contains(a.Body, string(orderKey(1001))) {
		t.Errorf("looked up by the tracking number: %d %s", a.Code, a.Body)
	}
	var told strings.Builder
	if err := role.ProveReplay(t.Context(), d.Stack, &told); err != nil {
		t.Errorf("%v\n%s", err, told.String())
	}
	if err := role.ProveConservation(t.Context(), d.Stack, &told); err != nil {
		t.Errorf("%v\n%s", err, told.String())
	}
}

// TestKillsOfTheAliasStoreLoseNothing: parcels and orders arrive in any order
// while the process is killed with -9; in the end every parcel stands once in
// its own order, and both topics are proven (P2, P5).
func TestKillsOfTheAliasStoreLoseNothing(t *testing.T) {
	const orders, kills = 60, 5
	d, port := courierDev(t)
	var sent atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range int64(orders) {
			id := 2000 + i
			parcel := fmt.Sprintf(`{"parcel":"HC%d","state":"handed-over","at":"2026-03-02T12:00:00Z"}`, id)
			for _, x := range []struct{ source, topic, body string }{
				{"courier", "", parcel}, {"shop", "orders/create", order(id, "paid")},
				{"shop", "fulfillments/create", fulfilment(id, fmt.Sprint("HC", id))}, {"courier", "", parcel},
			} {
				header := signed(x.source, x.topic, x.body)
				header["X-Courier-Seal"] = seal(x.body)
				insist(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/webhooks/%s", port, x.source), x.body, header)
				sent.Add(1)
			}
		}
	}()
	for n := range int64(kills) {
		d.start()
		await(t, 60*time.Second, func() error {
			if got := sent.Load(); got < (n+1)*4*orders*8/10/kills {
				return yet("%d deliveries acknowledged", got)
			}
			return nil
		})
		d.kill()
	}
	d.start()
	d.ready()
	<-done
	for i := range int64(orders) {
		await(t, 60*time.Second, func() error {
			a := do(t, http.MethodGet, fmt.Sprintf("%s/v1/orders/shop~%d/timeline", d.ends.API, 2000+i), nil, nil)
			if n := strings.Count(a.Body, "Joined by tracking-number HC"); n != 1 || !strings.Contains(a.Body, fmt.Sprint("Joined by tracking-number HC", 2000+i)) {
				return yet("order %d names %d joined documents: %d", 2000+i, n, a.Code)
			}
			return nil
		})
	}
	d.stop()
	proveBoth(t, d)
}

// insist delivers a webhook until it is acknowledged.
func insist(ctx context.Context, url, body string, header map[string]string) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return
		}
		for k, v := range header {
			req.Header.Set(k, v)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
