package poll_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// TestSamplesPolled reads real Shopify orders through the poller, as the list
// endpoint would answer them, where a folder of bodies is at hand.
func TestSamplesPolled(t *testing.T) {
	dir := os.Getenv("ORDERLEDGER_SAMPLES")
	if dir == "" {
		t.Log("not run: ORDERLEDGER_SAMPLES not set")
		return
	}
	var list []json.RawMessage
	for _, name := range []string{"order.json", "order_with_transaction.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, "shopify", name))
		if err != nil {
			t.Fatal(err)
		}
		var wrapped struct{ Order json.RawMessage }
		if err := json.Unmarshal(raw, &wrapped); err != nil || wrapped.Order == nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, wrapped.Order)
	}
	body, err := json.Marshal(map[string]any{"orders": list})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, "shopify", "orders")
	b.source.script = []func() *http.Response{answer(200, string(body))}
	b.pollOnce(b.poller())
	out := b.log.Outgoing()
	if len(out.Quarantined) != 0 || len(out.Events) != 2 {
		t.Fatalf("%d events, quarantined %+v", len(out.Events), out.Quarantined)
	}
	for _, e := range out.Events {
		if e.Kind != ledger.KindOrder || e.AskedAt == 0 || len(e.Claims) != 5 {
			t.Errorf("%+v", e)
		}
	}
}
