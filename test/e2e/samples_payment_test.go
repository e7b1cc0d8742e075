package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Every Stripe sample speaks of the same charge and the same intent.
const (
	sampleCharge = "ch_000000000000000000000000"
	sampleIntent = "pi_000000000000000000000000"
)

// paymentSamples says of real Stripe bodies under which name they wait, with
// which claims (object, word) and which further names. All are of the test mode,
// so a live source sets every one of them aside.
var paymentSamples = []struct {
	file    string
	by      string
	claims  []string
	aliases []string
}{
	{"charge.succeeded.json", sampleCharge, []string{"charge charge:captured", "charge charge:created"}, []string{"payment-id:" + sampleCharge, "payment-id:" + sampleIntent}},
	{"charge.captured.json", sampleCharge, []string{"charge charge:captured", "charge charge:created"}, []string{"payment-id:" + sampleCharge}},
	{"charge.failed.json", sampleCharge, []string{"charge charge:created", "charge charge:failed"}, []string{"payment-id:" + sampleCharge, "payment-id:" + sampleIntent}},
	{"charge.refunded.json", sampleCharge, []string{"charge charge:created", "charge charge:refunded"}, []string{"payment-id:" + sampleCharge}},
	{"charge.dispute.created.json", sampleCharge, []string{"dispute dispute:created", "dispute dispute:warning_needs_response"},
		[]string{"dispute-id:dp_000000000000000000000000", "payment-id:" + sampleCharge}},
	{"payment_intent.amount_capturable_updated.json", sampleIntent, []string{"payment_intent payment_intent:created", "payment_intent payment_intent:requires_capture"},
		[]string{"payment-id:" + sampleCharge, "payment-id:" + sampleIntent}},
	{"payment_intent.payment_failed.json", sampleIntent, []string{"payment_intent payment_intent:created", "payment_intent payment_intent:failed"},
		[]string{"payment-id:" + sampleCharge, "payment-id:" + sampleIntent}},
	{"payment_intent.succeeded.json", sampleIntent, []string{"payment_intent payment_intent:created", "payment_intent payment_intent:succeeded"},
		[]string{"payment-id:" + sampleCharge, "payment-id:" + sampleIntent}},
}

// withCards puts Stripe in the place of the desk's gateway, in a mode.
func withCards(mode string) func(*config.Config) {
	return func(cfg *config.Config) {
		cfg.Sources[1] = connector.Source{
			Name: "cards", System: "stripe", OriginSource: "shop", SecretFiles: cfg.Sources[0].SecretFiles,
			Options: map[string]string{"mode": mode}, Poll: connector.PollSettings{Disabled: true},
		}
	}
}

// acceptCards delivers an event as Stripe signs it.
func (d *desk) acceptCards(body string) {
	d.t.Helper()
	at := time.Now().Unix()
	header := map[string]string{
		"Content-Type":     "application/json",
		"Stripe-Signature": fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac(fmt.Sprintf("%d.%s", at, body)))),
	}
	if a := d.post("cards", body, header); a.Code != http.StatusOK {
		d.t.Fatalf("signed event: %d %s", a.Code, a.Body)
	}
}

// unkeyed reads what waits for its order, or waited.
func (d *desk) unkeyed() (out []*ledger.Unkeyed) {
	d.t.Helper()
	d.each(kafkalog.TopicUnkeyed, func(rec *ledger.Record) {
		if rec.Unkeyed != nil {
			out = append(out, rec.Unkeyed)
		}
	})
	return out
}

// eventsOf counts a source's events that name their order.
func (d *desk) eventsOf(source ledger.Source) (n int) {
	d.t.Helper()
	d.each(kafkalog.TopicEvents, func(rec *ledger.Record) {
		if rec.Event != nil && rec.Event.Source == source {
			n++
		}
	})
	return n
}

// each shows every record of a topic.
func (d *desk) each(topic string, show func(*ledger.Record)) {
	d.t.Helper()
	ends, err := d.Stack.Log.EndOffsets(d.t.Context(), topic)
	if err != nil {
		d.t.Fatal(err)
	}
	dec := d.Stack.Codec.NewDecoder()
	for p, end := range ends {
		list, err := kafkalog.ReadRange(d.t.Context(), d.Stack.Log, kafkalog.Position{Topic: topic, Partition: p}, end)
		if err != nil {
			d.t.Fatal(err)
		}
		for i := range list {
			rec := engine.Decode(dec, &list[i]).Record
			show(&rec)
		}
	}
}

func words(e *ledger.Event) (out []string) {
	for _, c := range e.Claims {
		out = append(out, c.Object.Type+" "+c.Native)
	}
	slices.Sort(out)
	return out
}

func names(e *ledger.Event) (out []string) {
	for _, a := range e.Aliases {
		out = append(out, a.String())
	}
	slices.Sort(out)
	return out
}

// TestRealPaymentsWaitForTheirOrder: bodies that Stripe itself sent name no
// order; they wait under the payment's id, and join the order whose storefront
// says that it was paid with it. At a live source they are set aside.
func TestRealPaymentsWaitForTheirOrder(t *testing.T) {
	dir := os.Getenv("ORDERLEDGER_SAMPLES")
	if dir == "" {
		t.Log("not run: ORDERLEDGER_SAMPLES not set")
		return
	}
	live := newDesk(t, withCards("live"))
	for _, s := range paymentSamples {
		body := readFile(t, filepath.Join(dir, "stripe", s.file))
		t.Run(s.file, func(t *testing.T) {
			d := newDesk(t, withCards("test"))
			d.acceptCards(body)
			list := d.unkeyed()
			if len(list) != 1 || len(d.quarantine()) != 0 {
				t.Fatalf("%d wait, set aside: %+v", len(list), d.quarantine())
			}
			u := list[0]
			if want := (ledger.Alias{Scope: "cards", Type: "payment-id", Value: s.by}); u.By != want {
				t.Errorf("waits under %+v, want %+v", u.By, want)
			}
			if got := words(&u.Event); !slices.Equal(got, s.claims) {
				t.Errorf("claims %q, want %q", got, s.claims)
			}
			if got := names(&u.Event); !slices.Equal(got, s.aliases) {
				t.Errorf("names %q, want %q", got, s.aliases)
			}
			d.accept("shop", "order_transactions/create", paidWith(s.by))
			var want []string
			for _, c := range s.claims {
				want = append(want, "payment "+c)
			}
			await(t, 20*time.Second, func() error {
				if got := stateless(d.claims(orderKey(123456), "cards")); !slices.Equal(got, want) {
					return yet("the order's claims are %q, want %q", got, want)
				}
				return nil
			})
		})
		live.acceptCards(body)
	}
	entries := live.quarantine()
	for _, e := range entries {
		if e.Reason != "test-mode" {
			t.Errorf("set aside as %s: %+v", e.Reason, e)
		}
	}
	if waiting, n := live.unkeyed(), live.eventsOf("cards"); len(entries) != len(paymentSamples) || len(waiting)+n != 0 {
		t.Errorf("%d of %d set aside, %d wait, %d events", len(entries), len(paymentSamples), len(waiting), n)
	}
}

// paidWith is a transaction of the storefront that names a payment.
func paidWith(payment string) string {
	return fmt.Sprintf(`{"id":1,"order_id":123456,"kind":"sale","gateway":"stripe","status":"success","amount":"20.00","currency":"USD",
"authorization":%q,"created_at":"2022-03-26T18:00:00Z"}`, payment)
}

// TestRealWarehouseOrder: the order that ShipStation answers with, in the list
// that is polled. The request that stands beside it in the sample is what
// somebody sends to ShipStation; nothing of ours ever receives it.
func TestRealWarehouseOrder(t *testing.T) {
	dir := os.Getenv("ORDERLEDGER_SAMPLES")
	if dir == "" {
		t.Log("not run: ORDERLEDGER_SAMPLES not set")
		return
	}
	var sample struct {
		Response struct{ Body json.RawMessage }
	}
	file := filepath.Join(dir, "shipstation", "shipstation-create-order-example.json")
	if err := json.Unmarshal([]byte(readFile(t, file)), &sample); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, withWarehouse(t, sample.Response.Body))
	await(t, 20*time.Second, func() error {
		if n := len(d.unkeyed()); n != 1 {
			return yet("%d records wait", n)
		}
		return nil
	})
	u := d.unkeyed()[0]
	if want := (ledger.Alias{Scope: "shop", Type: "order-number", Value: "ORD-2026-00123"}); u.By != want {
		t.Errorf("waits under %+v, want %+v", u.By, want)
	}
	if got, want := words(&u.Event), []string{"order awaiting_shipment", "order awaiting_shipment", "order createDate"}; !slices.Equal(got, want) {
		t.Errorf("claims %q, want %q", got, want)
	}
	if got, want := names(&u.Event), []string{"order-key:shop_order_98765", "order-number:ORD-2026-00123", "wms-order:1234567"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if entries := d.quarantine(); len(entries) != 0 {
		t.Errorf("set aside: %+v", entries)
	}
	d.accept("shop", "orders/create", strings.Replace(order(123456, "paid"), `"name":"#3456"`, `"name":"#ORD-2026-00123"`, 1))
	want := []string{"fulfilment order awaiting_shipment", "order order awaiting_shipment", "order order createDate"}
	await(t, 20*time.Second, func() error {
		if got := stateless(d.claims(orderKey(123456), "warehouse")); !slices.Equal(got, want) {
			return yet("the order's claims are %q, want %q", got, want)
		}
		return nil
	})
}

// withWarehouse puts ShipStation beside the storefront: an API that lists one
// order and no shipments.
func withWarehouse(t *testing.T, one json.RawMessage) func(*config.Config) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user+":"+password != secret+":" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		list, n := "[]", 0
		if r.URL.Path == "/orders" {
			list, n = string(one), 1
			list = "[" + list + "]"
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"%s":%s,"total":%d,"page":1,"pages":%d}`, strings.TrimPrefix(r.URL.Path, "/"), list, n, n)
	}))
	t.Cleanup(api.Close)
	return func(cfg *config.Config) {
		cfg.Sources = append(cfg.Sources, connector.Source{
			Name: "warehouse", System: "shipstation", OriginSource: "shop", BaseURL: api.URL,
			Tokens:   map[string]connector.SecretRef{"api_key": {File: cfg.Sources[0].SecretFiles[0]}},
			LiveFrom: connector.Moment(ledger.At(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))),
			Poll:     connector.PollSettings{Interval: connector.Span(time.Second)},
		})
	}
}
