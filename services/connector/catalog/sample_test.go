package catalog_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// samples says which claims real bodies must give: axis, object type, word.
var samples = map[string][]string{
	"order.json":                  {"order order created_at", "order order cancelled_at", "order order cancelled", "payment order voided", "fulfilment order pending"},
	"order_with_transaction.json": {"order order created_at", "order order cancelled_at", "order order cancelled", "payment order voided", "fulfilment order pending"},
	"fulfillment.json":            {"fulfilment fulfillment status:success"},
	"fulfillment_event.json":      {"fulfilment fulfillment in_transit"},
	"fulfillment_order.json":      {},
	"transaction.json":            {"payment transaction authorization:success"},
}

// TestSamples maps real Shopify bodies, where a folder of them is at hand
// (ORDERLEDGER_SAMPLES/shopify/*.json, each wrapped as the REST API answers).
func TestSamples(t *testing.T) {
	dir := os.Getenv("ORDERLEDGER_SAMPLES")
	if dir == "" {
		t.Log("not run: ORDERLEDGER_SAMPLES not set")
		return
	}
	s, m := mapperOf(t, "shopify")
	for name, want := range samples {
		raw, err := os.ReadFile(filepath.Join(dir, "shopify", name))
		if err != nil {
			t.Fatal(err)
		}
		var wrapped map[string]json.RawMessage
		if err := json.Unmarshal(raw, &wrapped); err != nil || len(wrapped) != 1 {
			t.Fatalf("%s: %d keys, %v", name, len(wrapped), err)
		}
		for _, inner := range wrapped {
			e := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: inner, ReceivedAt: receivedAt})
			if e.Event == nil {
				t.Errorf("%s: %+v", name, e.Quarantined)
				continue
			}
			checkSample(t, name, e.Event, want)
			if e.Event.Object.Type != "order" {
				continue
			}
			polled := m.Map(catalog.Input{Feed: s.Feed("orders"), Raw: inner, ReceivedAt: receivedAt, AskedAt: receivedAt})
			if polled.Event == nil || polled.Event.ID != e.Event.ID {
				t.Errorf("%s: polled it is another event", name)
			}
		}
	}
}

func checkSample(t *testing.T, name string, e *ledger.Event, want []string) {
	t.Helper()
	got := []string{}
	for _, c := range e.Claims {
		got = append(got, fmt.Sprintf("%s %s %s", c.Axis, c.Object.Type, c.Native))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s claims %q, want %q", name, got, want)
	}
}
