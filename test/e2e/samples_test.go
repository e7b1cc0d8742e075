package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
)

// samples says of real Shopify bodies by which topic they come, whose timeline
// they must reach, and with which claims: axis, object, word.
var samples = []struct {
	file, topic string
	order       int64
	claims      []string
	polled      bool
}{
	{"order.json", "orders/updated", 123456, cancelledOrder, true},
	{"order_with_transaction.json", "orders/updated", 123456, cancelledOrder, true},
	{"fulfillment.json", "fulfillments/create", 450789469, []string{"fulfilment fulfillment status:success"}, false},
	{"fulfillment_event.json", "fulfillment_events/create", 450789469, []string{"fulfilment fulfillment in_transit"}, false},
	{"fulfillment_order.json", "fulfillment_orders/order_routing_complete", 3183479, []string{"unspecified fulfillment_order "}, false},
	{"transaction.json", "order_transactions/create", 450789469, []string{"payment transaction authorization:success"}, false},
}

var cancelledOrder = []string{
	"fulfilment order pending", "order order cancelled", "order order cancelled_at",
	"order order created_at", "payment order voided",
}

// unwrapped reads the document inside a REST answer, as a webhook carries it.
func unwrapped(t *testing.T, file string) json.RawMessage {
	t.Helper()
	var wrapped map[string]json.RawMessage
	if err := json.Unmarshal([]byte(readFile(t, file)), &wrapped); err != nil || len(wrapped) != 1 {
		t.Fatalf("%s: %d keys, %v", file, len(wrapped), err)
	}
	for _, inner := range wrapped {
		return inner
	}
	return nil
}

// TestRealBodiesReachTheTimeline: bodies that Shopify itself sent, pushed with
// their signature and, where there is a list of them, polled.
func TestRealBodiesReachTheTimeline(t *testing.T) {
	dir := os.Getenv("ORDERLEDGER_SAMPLES")
	if dir == "" {
		t.Log("not run: ORDERLEDGER_SAMPLES not set")
		return
	}
	for _, s := range samples {
		body := unwrapped(t, filepath.Join(dir, "shopify", s.file))
		t.Run(s.file+" pushed", func(t *testing.T) {
			d := newDesk(t, nil)
			d.accept("shop", s.topic, string(body))
			if got := stateless(d.claims(orderKey(s.order), "shop")); !slices.Equal(got, s.claims) {
				t.Errorf("claims %q, want %q", got, s.claims)
			}
			for _, e := range d.quarantine() {
				if e.Reason != "unmapped-status" { // which words mean what is the policy's business
					t.Errorf("set aside: %+v", e)
				}
			}
		})
		if !s.polled {
			continue
		}
		t.Run(s.file+" polled", func(t *testing.T) {
			d := newDesk(t, func(cfg *config.Config) {
				polled(t, cfg, body)
				cfg.Sources[0].Since = connector.Moment(ledger.At(time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)))
			})
			await(t, 20*time.Second, func() error {
				a := do(t, "GET", d.Endpoints.API+"/v1/orders/"+string(orderKey(s.order)), nil, nil)
				if a.Code != 200 {
					return yet("%d %s", a.Code, a.Body)
				}
				return nil
			})
			if got := stateless(d.claims(orderKey(s.order), "shop")); !slices.Equal(got, s.claims) {
				t.Errorf("claims %q, want %q", got, s.claims)
			}
		})
	}
}

// stateless leaves away what the policy makes of the claims' words.
func stateless(claims []string) []string {
	for i, c := range claims {
		claims[i] = c[:strings.LastIndexByte(c, ' ')]
	}
	return claims
}
