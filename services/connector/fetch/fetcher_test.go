package fetch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/fetch"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/connector/webhook"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

var shipped = sync.OnceValues(catalog.Shipped)

// warehouse answers lists of orders, two a page.
type warehouse struct {
	mu     sync.Mutex
	asked  []*http.Request
	script []func() *http.Response
}

func (w *warehouse) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r)
	if len(w.script) > 0 {
		next := w.script[0]
		w.script = w.script[1:]
		if next != nil {
			return next(), nil
		}
	}
	if user, password, _ := r.BasicAuth(); user != "key" || password != "s3cret" {
		return answer(401, `{}`), nil
	}
	batch, items := r.URL.Query().Get("importBatch"), []string{}
	for i := range 2 {
		id := batch + r.URL.Query().Get("page") + fmt.Sprint(i)
		items = append(items, fmt.Sprintf(`{"orderId":%s,"orderNumber":"N%s","orderStatus":"shipped","createDate":"2026-03-02T01:00:00.0000000","modifyDate":"2026-03-02T01:00:00.0000000"}`, id, id))
	}
	return answer(200, fmt.Sprintf(`{"orders":[%s],"total":4,"page":1,"pages":2}`, strings.Join(items, ","))), nil
}

func (w *warehouse) paths() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.asked {
		out = append(out, r.URL.Host+r.URL.Path+" "+r.URL.Query().Get("importBatch")+" "+r.URL.Query().Get("page"))
	}
	return out
}

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// bench is a source of which deliveries only name where to read.
type bench struct {
	t      *testing.T
	clock  *connectortest.Clock
	log    *connectortest.Log
	source *connector.Source
	system *catalog.System
	shop   *warehouse
	sink   connector.Sink
	store  connector.StatusStore
	doer   poll.Doer
	opts   func(*fetch.Options)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.System("shipstation")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, clock: connectortest.NewClock(start), log: &connectortest.Log{}, system: s, shop: &warehouse{}}
	b.sink, b.store, b.doer = b.log, b.log, b.shop
	b.source = &connector.Source{
		Name: "warehouse", System: "shipstation", OriginSource: "shop", BaseURL: "https://ss.test",
		Poll: connector.PollSettings{Disabled: true, PerSecond: 0.5, Burst: 1}, Tokens: map[string]connector.SecretRef{"api_key": {Env: "X"}},
	}
	return b
}

func (b *bench) fetcher() *fetch.Fetcher {
	b.t.Helper()
	o := fetch.Options{
		Source: b.source, System: b.system, Instance: "edge-0", Tokens: map[string]string{"api_key": "key:s3cret"},
		Sink: b.sink, Store: b.store, Clock: b.clock, Client: b.doer, Logger: slog.New(slog.DiscardHandler),
		Jitter: func() float64 { return 0.5 }, Nonce: func() string { return "n" },
	}
	if b.opts != nil {
		b.opts(&o)
	}
	f, err := fetch.New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// gate is a webhook server over the bench.
func (b *bench) gate(taker webhook.Taker) *webhook.Server {
	b.t.Helper()
	e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: b.source, System: b.system, Secrets: [][]byte{[]byte("letmein")}})
	if err != nil {
		b.t.Fatal(err)
	}
	if taker != nil {
		e.SetTaker(taker)
	}
	s, err := webhook.NewServer(b.t.Context(), webhook.Config{Endpoints: []*webhook.Endpoint{e}, Sink: b.sink, Clock: b.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func post(s *webhook.Server, place string) int {
	body, err := json.Marshal(map[string]string{"resource_url": place, "resource_type": "ORDER_NOTIFY"})
	if err != nil {
		return 0
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks/warehouse?token=letmein", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// drain steps until nothing waits.
func (b *bench) drain(f *fetch.Fetcher) (faults int) {
	b.t.Helper()
	for range 100 {
		done, err := f.Step(context.Background())
		if err != nil {
			faults++
		}
		if done && err == nil {
			return faults
		}
	}
	b.t.Fatal("the list has no end")
	return faults
}

func place(batch int) string { return fmt.Sprintf("https://ss.test/orders?importBatch=%d", batch) }

// TestWhatADeliveryNamesIsRead: durable before the sender hears of it, read
// page by page under the budget, mapped as the polled list is.
func TestWhatADeliveryNamesIsRead(t *testing.T) {
	b := newBench(t)
	f := b.fetcher()
	s := b.gate(f)
	if code := post(s, place(7)); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	if st := b.log.Status("warehouse", "webhooks"); st == nil || !strings.Contains(string(st.Cursor), "importBatch=7") || len(st.Intervals) != 0 || st.LastHeard == 0 {
		t.Fatalf("acknowledged what is not durable, or covered: %+v", st)
	}
	if code := post(s, place(7)); code != http.StatusOK {
		t.Fatalf("its retry was answered %d", code)
	}
	if faults := b.drain(f); faults != 0 {
		t.Errorf("%d faults", faults)
	}
	out := b.log.Outgoing()
	if got := b.shop.paths(); !slices.Equal(got, []string{"ss.test/orders 7 1", "ss.test/orders 7 2"}) || len(out.Unkeyed) != 4 {
		t.Errorf("asked %q, appended %d", got, len(out.Unkeyed))
	}
	if u := out.Unkeyed[0]; u.By != (ledger.Alias{Scope: "shop", Type: "order-number", Value: "N710"}) || u.Event.AskedAt == 0 {
		t.Errorf("%+v", u)
	}
	if waits := b.clock.Waits(); len(waits) != 2 || waits[1] != 2*time.Second {
		t.Errorf("the budget of one request in two seconds gave waits %v", waits)
	}
	if st := b.log.Status("warehouse", "webhooks"); strings.Contains(string(st.Cursor), "importBatch") {
		t.Errorf("what was read still stands in the list: %s", st.Cursor)
	}
}

// TestOnlyTheSourcesOwnPlaces: a stranger who knows the secret still cannot make
// us send credentials elsewhere.
func TestOnlyTheSourcesOwnPlaces(t *testing.T) {
	b := newBench(t)
	f := b.fetcher()
	s := b.gate(f)
	for _, at := range []string{"https://evil.test/orders", "http://ss.test/orders", "https://ss.test/accounts", "https://ss.test:444/orders", "https://ss.test@evil.test/orders", "http://127.0.0.1/orders"} {
		if code := post(s, at); code != http.StatusOK {
			t.Errorf("%s: %d", at, code)
		}
	}
	b.drain(f)
	if got := b.shop.paths(); len(got) != 0 {
		t.Errorf("asked %q", got)
	}
	q := b.log.Outgoing().Quarantined
	if len(q) != 6 || q[0].Reason != catalog.ReasonElsewhere {
		t.Errorf("%d set aside: %+v", len(q), q)
	}
	// A list that was tampered with is checked again.
	b.source.BaseURL = "https://moved.test"
	if err := f.Take(context.Background(), webhook.Trigger{URL: place(1)}); err != nil {
		t.Fatal(err)
	}
	b.drain(f)
	if got := b.shop.paths(); len(got) != 0 || len(b.log.Outgoing().Quarantined) != 7 {
		t.Errorf("asked %q, %d set aside", got, len(b.log.Outgoing().Quarantined))
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/orders", http.StatusFound))
	defer here.Close()
	b := newBench(t)
	b.source.BaseURL, b.doer = here.URL, poll.NewClient(http.DefaultTransport)
	b.opts = func(o *fetch.Options) { o.Tries = 2 }
	f := b.fetcher()
	if code := post(b.gate(f), here.URL+"/orders?importBatch=1"); code != http.StatusOK {
		t.Fatal(code)
	}
	if faults := b.drain(f); faults != 1 || reached {
		t.Errorf("%d faults, reached elsewhere: %t", faults, reached)
	}
	if q := b.log.Outgoing().Quarantined; len(q) != 1 || q[0].Reason != fetch.ReasonUnreadable {
		t.Errorf("%+v", q)
	}
}

// TestFaultsLoseNothing: what is down, throttles, denies or answers nonsense is
// asked again; what refuses for good is set aside, and its neighbours go on.
func TestFaultsLoseNothing(t *testing.T) {
	b := newBench(t)
	f := b.fetcher()
	for batch := 1; batch <= 2; batch++ {
		if err := f.Take(context.Background(), webhook.Trigger{URL: place(batch)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*http.Response{answer(500, ""), answer(429, "", "X-Rate-Limit-Reset", "20"), answer(401, "{}"), answer(200, "<html>"), answer(200, `{"orders":null}`)} {
		b.shop.script = append(b.shop.script, func() *http.Response { return a })
	}
	if faults := b.drain(f); faults != 5 {
		t.Errorf("%d faults, want 5", faults)
	}
	if got := len(b.log.EventIDs()); got != 8 {
		t.Errorf("%d of 8 events", got)
	}
	if err := f.Take(context.Background(), webhook.Trigger{URL: "https://ss.test/orders?importBatch=gone"}); err != nil {
		t.Fatal(err)
	}
	for range fetch.DefaultTries {
		b.shop.script = append(b.shop.script, func() *http.Response { return answer(404, "{}") })
	}
	b.drain(f)
	if q := b.log.Outgoing().Quarantined; len(q) != 1 || q[0].Reason != fetch.ReasonUnreadable {
		t.Errorf("%+v", q)
	}
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	b := newBench(t)
	b.shop.script = []func() *http.Response{func() *http.Response { return answer(429, "", "X-Rate-Limit-Reset", "20") }}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	b.doer = doerFunc(func(r *http.Request) (*http.Response, error) {
		if n++; n == 3 {
			cancel()
		}
		return b.shop.Do(r)
	})
	f := b.fetcher()
	if err := f.Take(ctx, webhook.Trigger{URL: place(1)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !slices.Contains(b.clock.Waits(), 20500*time.Millisecond) {
		t.Errorf("waits %v", b.clock.Waits())
	}
}

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestSendersWaitForTheStore: without a durable list there is no 2xx.
func TestSendersWaitForTheStore(t *testing.T) {
	b := newBench(t)
	b.opts = func(o *fetch.Options) { o.Capacity = 1 }
	f := b.fetcher()
	s := b.gate(f)
	b.log.SetSaveError(connector.ErrUnavailable)
	if code := post(s, place(1)); code != http.StatusServiceUnavailable {
		t.Errorf("nothing is durable and the answer is %d", code)
	}
	b.log.SetSaveError(nil)
	if first, second := post(s, place(1)), post(s, place(2)); first != 200 || second != 503 {
		t.Errorf("a list of one took %d and %d", first, second)
	}
}

// TestNobodyReads: without a reader the delivery is set aside, visibly.
func TestNobodyReads(t *testing.T) {
	b := newBench(t)
	if code := post(b.gate(nil), place(1)); code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	if q := b.log.Outgoing().Quarantined; len(q) != 1 || q[0].Reason != webhook.ReasonNotFetched {
		t.Errorf("%+v", q)
	}
}

var errKilled = errors.New("killed")

// seams kill the fetcher before or after any of its calls took effect.
type seams struct {
	b     *bench
	count int
	at    int
	after bool
}

func (s *seams) hit(effect func() error) error {
	if s.count++; s.count != s.at {
		return effect()
	}
	if s.after {
		if err := effect(); err != nil {
			return err
		}
	}
	return errKilled
}

func (s *seams) Do(r *http.Request) (res *http.Response, err error) {
	err = s.hit(func() error { res, err = s.b.shop.Do(r); return err })
	return res, err
}

func (s *seams) Append(ctx context.Context, out connector.Outgoing) error {
	return s.hit(func() error { return s.b.log.Append(ctx, out) })
}

func (s *seams) Healthy() error { return nil }

func (s *seams) Load(ctx context.Context, src ledger.Source, feed, instance string) (st *ledger.SourceStatus, err error) {
	err = s.hit(func() error { st, err = s.b.log.Load(ctx, src, feed, instance); return err })
	return st, err
}

func (s *seams) Save(ctx context.Context, st *ledger.SourceStatus) error {
	return s.hit(func() error { return s.b.log.Save(ctx, st) })
}

// TestKilledAnywhere: whatever was acknowledged is read by whoever comes after.
func TestKilledAnywhere(t *testing.T) {
	for at := 1; at < 24; at++ {
		for _, after := range []bool{false, true} {
			b := newBench(t)
			s := &seams{b: b, at: at, after: after}
			b.sink, b.store, b.doer = s, s, s
			f := b.fetcher()
			acknowledged := 0
			for batch := 1; batch <= 3; batch++ {
				if err := f.Take(context.Background(), webhook.Trigger{URL: place(batch)}); err == nil {
					acknowledged++
				} else {
					f = b.fetcher() // it was killed; the sender comes back, or not
				}
			}
			for range 40 {
				done, err := f.Step(context.Background())
				if errors.Is(err, errKilled) {
					f = b.fetcher()
				} else if done {
					break
				}
			}
			if got := len(b.log.EventIDs()); got < 4*acknowledged {
				t.Fatalf("killed at call %d (after it: %t): %d acknowledged, %d events", at, after, acknowledged, got)
			}
			if st := b.log.Status("warehouse", "webhooks"); strings.Contains(string(st.Cursor), "importBatch") {
				t.Fatalf("killed at call %d: something still waits: %s", at, st.Cursor)
			}
		}
	}
}

// TestNamedWhileRead: a place that is named again while it is being read is
// read again, since it may have been read too early.
func TestNamedWhileRead(t *testing.T) {
	b := newBench(t)
	var f *fetch.Fetcher
	named := false
	b.doer = doerFunc(func(r *http.Request) (*http.Response, error) {
		if !named {
			named = true
			if err := f.Take(context.Background(), webhook.Trigger{URL: place(1)}); err != nil {
				t.Error(err)
			}
		}
		return b.shop.Do(r)
	})
	f = b.fetcher()
	if err := f.Take(context.Background(), webhook.Trigger{URL: place(1)}); err != nil {
		t.Fatal(err)
	}
	b.drain(f)
	if got := b.shop.paths(); len(got) != 4 {
		t.Errorf("asked %q", got)
	}
}
