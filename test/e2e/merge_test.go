package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/role"
)

// TestKillsOfMergedOrders: two orders of one customer are merged, more is heard of
// both, they are split again, with kill -9 after every step; nothing is lost or
// doubled, and a replay of both topics gives the same (S-38, P5).
func TestKillsOfMergedOrders(t *testing.T) {
	d, port := courierDev(t)
	tell := func(source, topic, body string) {
		header := signed(source, topic, body)
		header["X-Courier-Seal"] = seal(body)
		insist(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/webhooks/%s", port, source), body, header)
	}
	timeline := func(order int64) string {
		return do(t, http.MethodGet, fmt.Sprintf("%s/v1/orders/shop~%d/timeline", d.ends.API, order), nil, nil).Body
	}
	shows := func(order int64, parcels ...string) {
		t.Helper()
		await(t, 60*time.Second, func() error {
			body := timeline(order)
			for _, id := range []string{"HC3001", "HC3002"} {
				if want, got := slices.Contains(parcels, id), strings.Contains(body, `"id":"`+id+`"`); got != want {
					return yet("order %d names parcel %s: %v, want %v", order, id, got, want)
				}
			}
			return nil
		})
	}
	regroup := func(verb, with, request string) {
		t.Helper()
		await(t, 60*time.Second, func() error {
			a := do(t, http.MethodPost, fmt.Sprintf("%s/v1/orders/shop~3002:%s", d.ends.API, verb),
				strings.NewReader(fmt.Sprintf(`{"%s":"shop~3001","reason":"one customer","request_id":%q}`, with, request)), map[string]string{"Content-Type": "application/json"})
			if a.Code != http.StatusOK {
				return yet("%s: %d %s", verb, a.Code, a.Body)
			}
			return nil
		})
	}
	again := func() {
		t.Helper()
		if d.Running() {
			d.kill()
		}
		d.start()
		d.ready()
	}
	again()
	for _, id := range []int64{3001, 3002} {
		tell("shop", "orders/create", order(id, "paid"))
		tell("shop", "fulfillments/create", fulfilment(id, fmt.Sprint("HC", id)))
		tell("courier", "", fmt.Sprintf(`{"parcel":"HC%d","state":"handed-over","at":"2026-03-02T12:00:00Z"}`, id))
	}
	shows(3001, "HC3001")
	regroup("merge", "with", "6a1f3f0e-5a36-4c1b-9a55-0d8a3f2b7c11")
	again()
	regroup("merge", "with", "6a1f3f0e-5a36-4c1b-9a55-0d8a3f2b7c11") // the same request
	tell("courier", "", `{"parcel":"HC3002","state":"delivered","at":"2026-03-02T18:00:00Z"}`)
	again()
	shows(3001, "HC3001", "HC3002")
	regroup("split", "from", "8c0d2c9a-13c7-4f0b-8a21-7be0a1f6d922")
	again()
	shows(3001, "HC3001")
	shows(3002, "HC3002")
	if n := strings.Count(timeline(3002), "delivered"); n == 0 {
		t.Error("what came while they were merged is gone")
	}
	d.stop()
	proveBoth(t, d)
}

// courierDev is a process with a shop and a courier, not started yet, and the port
// of its webhooks.
func courierDev(t *testing.T) (*dev, int) {
	t.Helper()
	dir, own, port := t.TempDir(), t.TempDir(), freePort(t)
	for name, text := range map[string]string{"hedgecourier.yaml": courierSystem, "secret": secret} {
		if err := os.WriteFile(filepath.Join(own, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	more := fmt.Sprintf("catalog_dirs: [%s]\nlisten: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:%d, kafka_port: 0}\nclickhouse: {disabled: true}\n", own, port)
	sources := fmt.Sprintf("sources:\n- {name: shop, system: shopify, origin: true, poll: {disabled: true}, secret_files: [%[1]s]}\n"+
		"- {name: courier, system: hedgecourier, origin_source: shop, secret_files: [%[1]s]}\n", filepath.Join(own, "secret"))
	return newDev(t, dir, sources, more), port
}

// proveBoth proves a stopped process's log by replay and by counting.
func proveBoth(t *testing.T, d *dev) {
	t.Helper()
	cfg := config.Default()
	if err := cfg.Read(d.config); err != nil {
		t.Fatal(err)
	}
	cfg.Partitions, cfg.EndpointsFile = partitions, ""
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Parts{}, role.Watchers{}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	var told strings.Builder
	if err := errors.Join(role.ProveReplay(t.Context(), i.Stack, &told), role.ProveConservation(t.Context(), i.Stack, &told)); err != nil {
		t.Errorf("%v\n%s", err, told.String())
	}
}
