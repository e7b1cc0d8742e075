package e2e_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
)

// lockerSystem describes a system that nobody has heard of: a parcel locker
// that posts when a compartment is filled or emptied.
const lockerSystem = `system: hedgelocker
title: Hedge Locker
role: carrier
precision: 1s
skew: 2s

feeds:
- name: webhooks
  documents: [stay]
  settle: 5m
  expected_every: 1h
  coverage: assumed
  proves:
  - {axis: fulfilment, object: stay}
  webhook:
    verify: {scheme: hmac-sha256, header: X-Locker-Seal, encoding: base64}

documents:
- name: stay
  kind: shipment
  direction: outgoing
  shape: has(it.stay) && has(it.door) && has(it.at)
  order: it.?merchant_order
  by: {type: stay-id, value: it.stay}
  object: {type: stay, id: it.stay}
  version: {scheme: timestamp, parts: [it.at]}
  aliases:
  - {type: stay-id, value: it.stay}
  claims:
  - {axis: fulfilment, native: "word(it.door).lowerAscii()"}

unknown:
  order: it.?merchant_order

alias_types:
- {type: stay-id, recycle: never, single: true}

words:
- axis: fulfilment
  words: [filled, emptied]

matrix:
- {axis: fulfilment, word: filled, state: OUT_FOR_DELIVERY}
- {axis: fulfilment, word: emptied, state: DELIVERED}

personal:
  remove: ["**.visitor"]
`

// seal is the locker's signature.
func seal(body string) string { return base64.StdEncoding.EncodeToString(mac(body)) }

// TestASystemOfOnesOwn: a YAML file and a source are all it takes until the
// claims of a system stand in the timeline of its orders.
func TestASystemOfOnesOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hedgelocker.yaml"), []byte(lockerSystem), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *config.Config) {
		cfg.CatalogDirs = []string{dir}
		cfg.Sources = append(cfg.Sources, connector.Source{Name: "lockers", System: "hedgelocker", OriginSource: "shop", SecretFiles: cfg.Sources[0].SecretFiles})
	})
	d.accept("shop", "orders/create", order(1001, "paid"))
	send := func(body string) answer {
		return d.post("lockers", body, map[string]string{"Content-Type": "application/json", "X-Locker-Seal": seal(body)})
	}
	for _, body := range []string{
		`{"stay":"st-4","merchant_order":"1001","door":"FILLED","at":"2026-03-02T12:00:00Z","visitor":"canary-visitor"}`,
		`{"stay":"st-4","merchant_order":"1001","door":"EMPTIED","at":"2026-03-02T18:00:00Z","visitor":"canary-visitor"}`,
		`{"stay":"st-4","merchant_order":"1001","door":"EMPTIED","at":"2026-03-02T18:00:00Z","visitor":"canary-visitor"}`,
		`{"stay":"st-4","merchant_order":"1001","door":"HAUNTED","at":"2026-03-02T19:00:00Z"}`,
	} {
		if a := send(body); a.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", body, a.Code, a.Body)
		}
	}
	want := []string{"fulfilment stay emptied DELIVERED", "fulfilment stay filled OUT_FOR_DELIVERY", "fulfilment stay haunted UNMAPPED"}
	if got := d.claims(orderKey(1001), "lockers"); !slices.Equal(got, want) {
		t.Errorf("claims %q, want %q", got, want)
	}
	a := do(t, http.MethodGet, d.Endpoints.API+"/v1/orders:lookup?alias=stay-id:st-4", nil, nil)
	if a.Code != http.StatusOK || !strings.Contains(a.Body, string(orderKey(1001))) {
		t.Errorf("looked up by its alias: %d %s", a.Code, a.Body)
	}
	if a := d.post("lockers", `{"stay":"st-5"}`, map[string]string{"Content-Type": "application/json", "X-Locker-Seal": seal("another")}); a.Code != http.StatusUnauthorized {
		t.Errorf("forged: %d", a.Code)
	}
}

// TestAnOwnSystemThatIsWrongIsRefused: with file and line, before anything
// starts.
func TestAnOwnSystemThatIsWrongIsRefused(t *testing.T) {
	dir := t.TempDir()
	wrong := strings.Replace(strings.Replace(lockerSystem, "personal:", "personel:", 1), "role: carrier", "role: hedge", 1)
	if err := os.WriteFile(filepath.Join(dir, "hedgelocker.yaml"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := loopback()
	cfg.CatalogDirs = []string{dir}
	lacks(t, refusedStart(t, cfg), "hedgelocker.yaml:46:1", `"personel"`, `"personal"`)
}
