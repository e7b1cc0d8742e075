package catalog_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// TestPushedAndPolledAreOneEvent: one state of one document is one event,
// whichever way and however spelt it came (S-4).
func TestPushedAndPolledAreOneEvent(t *testing.T) {
	s, m := mapperOf(t, "shopify")
	raw, err := os.ReadFile("testdata/shopify/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact json.RawMessage
	if err := json.Unmarshal(raw, &compact); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(compact)
	if err != nil {
		t.Fatal(err)
	}
	pushed := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: receivedAt, Delivery: ledger.Delivery{Topic: "orders/paid", ID: "x"}, SignedAt: 5}).Event
	polled := m.Map(catalog.Input{Feed: s.Feed("orders"), Raw: again, ReceivedAt: receivedAt + 99, AskedAt: receivedAt + 50, PrevAsked: receivedAt}).Event
	if pushed.ID != polled.ID {
		t.Error("pushed and polled differ")
	}
	if pushed.Feed == polled.Feed || polled.AskedAt == 0 {
		t.Error("the two did not come different ways")
	}
}

// TestEmbeddedAndOwnDocumentAgree: a refund inside an order claims what the
// refund's own document claims, so that both fill one register alike.
func TestEmbeddedAndOwnDocumentAgree(t *testing.T) {
	s, m := mapperOf(t, "shopify")
	read := func(name string) *ledger.Event {
		raw, err := os.ReadFile("testdata/shopify/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: receivedAt}).Event
	}
	order := read("order.json")
	for _, name := range []string{"refund.json", "fulfillment.json"} {
		own := read(name)
		for _, c := range own.Claims {
			found := false
			for _, d := range order.Claims {
				found = found || c == d
			}
			if !found {
				t.Errorf("%s claims %+v, the order does not", name, c)
			}
		}
	}
}

// TestShapesAreDisjoint: the topic, which nobody signed, never has to decide
// what a shipped document is.
func TestShapesAreDisjoint(t *testing.T) {
	s, m := mapperOf(t, "shopify")
	for _, name := range []string{"order", "fulfillment", "fulfillment_event", "fulfillment_order", "refund", "transaction", "return"} {
		raw, err := os.ReadFile("testdata/shopify/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"", "orders/create", "fulfillments/create", "fulfillment_events/create", "fulfillment_orders/moved", "refunds/create", "order_transactions/create", "returns/update"} {
			e := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: receivedAt, Delivery: ledger.Delivery{Topic: topic}}).Event
			if e == nil || e.Object.Type != name {
				t.Errorf("%s under topic %q became %+v", name, topic, e)
			}
		}
	}
}

// TestAReturnWithoutAnyStampIsSetAside: what the returns topics are documented
// to push cannot be placed in time. It is neither guessed nor lost.
func TestAReturnWithoutAnyStampIsSetAside(t *testing.T) {
	s, m := mapperOf(t, "shopify")
	approved := m.Map(catalog.Input{
		Feed: s.WebhookFeed(), ReceivedAt: receivedAt, Delivery: ledger.Delivery{Topic: "returns/approve"},
		Raw: []byte(`{"id":3304,"admin_graphql_api_id":"gid://shopify/Return/3304","status":"open","order":{"id":5012345678901},"total_return_line_items":1,"return_line_items":[]}`),
	})
	if approved.Quarantined == nil || approved.Quarantined.Reason != catalog.ReasonUnmappable {
		t.Errorf("approved: %+v", approved)
	}
	closed := m.Map(catalog.Input{
		Feed: s.WebhookFeed(), ReceivedAt: receivedAt, Delivery: ledger.Delivery{Topic: "returns/close"},
		Raw: []byte(`{"id":3304,"admin_graphql_api_id":"gid://shopify/Return/3304","order_id":5012345678901,"status":"closed"}`),
	})
	if e := closed.Event; e == nil || e.Kind != ledger.KindUnknown || e.Order != "shopify-test~5012345678901" || len(e.Claims) != 0 {
		t.Errorf("closed: %+v", closed)
	}
}
