package role_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// receiver is an OTLP collector in this process.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracev1.Span
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var got collector.ExportTraceServiceRequest
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil || req.URL.Path != "/v1/traces" {
			http.Error(w, "not as agreed", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range got.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				r.spans = append(r.spans, ss.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// named are the spans of a name that were received.
func (r *receiver) named(name string) (out []*tracev1.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.GetName() == name {
			out = append(out, s)
		}
	}
	return out
}

// tracedShop runs everything for a source that posts and one that is polled.
func tracedShop(t *testing.T, otlp string) *role.Instance {
	t.Helper()
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"orders":[]}`) }))
	t.Cleanup(list.Close)
	t.Setenv("TRACED_SECRET", "secret")
	t.Setenv("TRACED_TOKEN", "token")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	cfg := config.Default()
	cfg.Ephemeral, cfg.Partitions, cfg.OTLP = true, 1, otlp
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.ClickHouse = config.ClickHouse{Disabled: true}
	cfg.Sources = []connector.Source{
		{Name: "own", System: "generic", Role: "storefront", Origin: true, SecretEnv: []string{"TRACED_SECRET"}},
		{Name: "shop", System: "shopify", Origin: true, BaseURL: list.URL, Since: connector.Moment(time.Now().UnixMicro()), Tokens: map[string]connector.SecretRef{"access_token": {Env: "TRACED_TOKEN"}}},
	}
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{Version: "test"}, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

// deliver posts an order, under a trace of the sender's if there is one.
func deliver(t *testing.T, i *role.Instance, parent string) {
	t.Helper()
	body := `{"id":"e1","order_id":"1001","axis":"order","status":"unheard-of","at":"2026-03-02T09:00:00Z","sequence":1}`
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(body))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+i.Endpoints.Webhooks+"/webhooks/own", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	if parent != "" {
		req.Header.Set("Traceparent", parent)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
}

// eventually polls a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); !met(); {
		select {
		case <-ctx.Done():
			t.Fatalf("in time, no %s", what)
		case <-tick.C:
		}
	}
}

// delivered is the record of the posted order.
func delivered(t *testing.T, i *role.Instance) kafkalog.Record {
	t.Helper()
	var found kafkalog.Record
	eventually(t, "record", func() bool {
		ends, err := i.Stack.Log.EndOffsets(t.Context(), kafkalog.TopicEvents)
		if err != nil {
			t.Fatal(err)
		}
		records, err := kafkalog.ReadRange(t.Context(), i.Stack.Log, kafkalog.Position{Topic: kafkalog.TopicEvents}, ends[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if strings.HasPrefix(string(r.Key), "own~") {
				found = r
			}
		}
		return found.Key != nil
	})
	return found
}

// One delivery is one trace: accepted, appended, and linked to from the batch in
// which it was folded. Pages, inserts and calls have spans as well.
func TestTraces(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r := receive(t)
	i := tracedShop(t, r.URL)
	deliver(t, i, parent)
	eventually(t, "webhook span", func() bool { return len(r.named("webhook")) == 1 && len(r.named("append")) == 1 })
	hook, app := r.named("webhook")[0], r.named("append")[0]
	if hex.EncodeToString(hook.GetTraceId()) != trace || hex.EncodeToString(hook.GetParentSpanId()) != "00f067aa0ba902b7" || string(app.GetParentSpanId()) != string(hook.GetSpanId()) {
		t.Errorf("webhook %v, append %v", hook, app)
	}
	rec := delivered(t, i)
	if h, _ := rec.Header(kafkalog.HeaderTraceParent); string(h) != "00-"+trace+"-"+hex.EncodeToString(app.GetSpanId())+"-01" {
		t.Errorf("the record carries %q", h)
	}
	eventually(t, "fold span that links to the delivery", func() bool {
		for _, s := range r.named("fold") {
			for _, l := range s.GetLinks() {
				if string(l.GetSpanId()) == string(app.GetSpanId()) && hex.EncodeToString(l.GetTraceId()) == trace {
					return true
				}
			}
		}
		return false
	})
	eventually(t, "polled page", func() bool { return len(r.named("poll page")) > 0 })
	eventually(t, "insert", func() bool { return len(r.named("insert")) > 0 }) // the word that nobody mapped
	res, err := http.Get(i.Endpoints.API + "/v1/orders/own~1001")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	eventually(t, "call", func() bool { return len(r.named("orderledger.v1.OrderService/GetOrder")) > 0 })

	read := engine.Decode(i.Stack.Codec.NewDecoder(), &rec)
	if e := read.Record.Event; e == nil || e.TraceID != trace {
		t.Errorf("the event is %+v", e)
	}
}

// Without a collector nothing is traced, and records carry nothing; one that is
// away delays nothing.
func TestUntraced(t *testing.T) {
	i := tracedShop(t, "")
	deliver(t, i, "")
	if rec := delivered(t, i); len(rec.Headers) > 0 {
		t.Errorf("headers %v", rec.Headers)
	}
	away := tracedShop(t, "http://127.0.0.1:1")
	deliver(t, away, "")
	if rec := delivered(t, away); len(rec.Headers) != 1 {
		t.Errorf("headers %v", rec.Headers)
	}
	if err := away.Node.WaitFor(t.Context(), 0, delivered(t, away).Offset); err != nil {
		t.Error(err)
	}
}
