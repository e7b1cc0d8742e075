package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/webhook"
)

var shipped = sync.OnceValues(catalog.Shipped)

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// gate is a webhook server over an in-memory log.
type gate struct {
	t      *testing.T
	log    *connectortest.Log
	clock  connector.Clock
	server *webhook.Server
	mu     sync.Mutex
	saw    []connector.Observation
}

func (g *gate) Observe(o connector.Observation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.saw = append(g.saw, o)
}

type setting func(*webhook.Config)

func newGate(t *testing.T, clock connector.Clock, settings ...setting) *gate {
	t.Helper()
	g := &gate{t: t, log: &connectortest.Log{}, clock: clock}
	cfg := webhook.Config{Sink: g.log, Clock: clock, Observer: g, Logger: slog.New(slog.DiscardHandler), Endpoints: []*webhook.Endpoint{
		endpoint(t, "shop", "shopify", nil, "hush"),
		endpoint(t, "rotating", "shopify", nil, "old secret", "new secret"),
		endpoint(t, "pay", "demopay", nil, "pay secret"),
		endpoint(t, "standard", "demopay", &connector.Verify{Scheme: "standard-webhooks"}, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		endpoint(t, "bearer", "generic", &connector.Verify{Scheme: "bearer"}, "letmein"),
	}}
	for _, s := range settings {
		s(&cfg)
	}
	var err error
	if g.server, err = webhook.NewServer(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return g
}

func endpoint(t *testing.T, name, system string, verify *connector.Verify, secrets ...string) *webhook.Endpoint {
	t.Helper()
	c, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.System(system)
	if err != nil {
		t.Fatal(err)
	}
	src := &connector.Source{Name: name, System: system, Verify: verify, Poll: connector.PollSettings{Disabled: true}}
	if system == "shopify" {
		src.Origin = true
	} else {
		src.OriginSource = "shop"
	}
	var raw [][]byte
	for _, x := range secrets {
		raw = append(raw, []byte(x))
	}
	e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: src, System: s, Secrets: raw, HashKey: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mac(secret, text string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// post sends a delivery through the handler.
func (g *gate) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	g.server.ServeHTTP(w, r)
	return w
}

func (g *gate) shopify(path, secret, body string, headers ...string) *httptest.ResponseRecorder {
	return g.post(path, body, append([]string{"X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac(secret, body))}, headers...)...)
}

func orderBody(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../catalog/testdata/shopify/order.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeliveryBecomesAnEvent(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	w := g.shopify("shop", "hush", orderBody(t), "X-Shopify-Topic", "orders/create", "X-Shopify-Webhook-Id", "wh-1",
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if w.Code != 200 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	events := g.log.Outgoing().Events
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Order != "shop~5012345678901" || e.ReceivedAt != ledger.At(now) || e.Delivery.Topic != "orders/create" || e.Delivery.ID != "wh-1" ||
		e.NativeKind != "orders/create" || e.TraceID != "0af7651916cd43dd8448eb211c80319c" || e.Feed != "webhooks" || e.ID != e.ComputeID() {
		t.Errorf("event %+v", e)
	}
	if len(g.saw) != 1 || g.saw[0].Outcome != connector.OutcomeAccepted || g.saw[0].Source != "shop" {
		t.Errorf("counted %+v", g.saw)
	}
}

// TestIdentityIgnoresHeaders: the same signed document under another topic,
// another delivery id and another header family is the same event.
func TestIdentityIgnoresHeaders(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	body := orderBody(t)
	sig := base64.StdEncoding.EncodeToString(mac("hush", body))
	for _, h := range [][]string{
		{"X-Shopify-Hmac-Sha256", sig, "X-Shopify-Topic", "orders/create", "X-Shopify-Webhook-Id", "a"},
		{"X-Shopify-Hmac-Sha256", sig, "X-Shopify-Topic", "refunds/create", "X-Shopify-Webhook-Id", "b", "X-Shopify-Triggered-At", "2020-01-01T00:00:00Z"},
		{"shopify-hmac-sha256", sig, "shopify-topic", "Order/update", "shopify-webhook-id", "c"},
		{"X-Shopify-Hmac-Sha256", sig},
	} {
		if w := g.post("shop", body, h...); w.Code != 200 {
			t.Fatalf("%v: %d", h, w.Code)
		}
	}
	if ids := g.log.EventIDs(); len(ids) != 1 {
		t.Errorf("%d identities", len(ids))
	}
}

// TestVectors: "own" and public vectors of the signature schemes.
func TestVectors(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	if w := g.post("shop", `{"id":450789469,"name":"#1001"}`, "X-Shopify-Hmac-Sha256", "Y3S0OcgdRab3yE7clVq/m9rzY5a6y13OKkjMFe0FjeI="); w.Code != 200 {
		t.Errorf("shopify: %d", w.Code)
	}
	g = newGate(t, connectortest.NewClock(time.Unix(1614265330, 0)))
	if w := g.post("standard", `{"test": 2432232314}`, "Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp", "1614265330",
		"Webhook-Signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="); w.Code != 200 {
		t.Errorf("standard webhooks: %d", w.Code)
	}
	q := g.log.Outgoing().Quarantined
	if len(q) != 1 || q[0].Reason != catalog.ReasonUnrecognised {
		t.Errorf("authentic but unknown: %+v", q)
	}
	// A secret that is no whsec_ is used as it stands.
	e := endpoint(t, "big", "demopay", &connector.Verify{Scheme: "standard-webhooks"}, "hush")
	g = newGate(t, connectortest.NewClock(time.Unix(1700000000, 0)), func(c *webhook.Config) { c.Endpoints = []*webhook.Endpoint{e} })
	if w := g.post("big", `{"id":450789469,"name":"#1001"}`, "Webhook-Id", "msg_1", "Webhook-Timestamp", "1700000000",
		"Webhook-Signature", "v1,ANU1KKtWRpH03P4edqEhn2Ys0yQlmS9CRToETJPOk8U="); w.Code != 200 {
		t.Errorf("plain secret: %d", w.Code)
	}
}

// TestUnauthenticIsUniform: whatever is wrong, and whether or not the source
// exists, the answer is the same and nothing is appended.
func TestUnauthenticIsUniform(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	body := orderBody(t)
	stamp := func(d time.Duration) []string {
		ts := strconv.FormatInt(now.Add(d).Unix(), 10)
		key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		if err != nil {
			t.Fatal(err)
		}
		return []string{"Webhook-Id", "m", "Webhook-Timestamp", ts, "Webhook-Signature", "v1," + base64.StdEncoding.EncodeToString(mac(string(key), "m."+ts+"."+body))}
	}
	good := base64.StdEncoding.EncodeToString(mac("hush", body))
	var want *httptest.ResponseRecorder
	for name, tc := range map[string]struct {
		path, body string
		headers    []string
	}{
		"unsigned":         {"shop", body, nil},
		"forged":           {"shop", body, []string{"X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac("guess", body))}},
		"other body":       {"shop", body + " ", []string{"X-Shopify-Hmac-Sha256", good}},
		"hex, not base64":  {"shop", body, []string{"X-Shopify-Hmac-Sha256", hex.EncodeToString(mac("hush", body))}},
		"not an encoding":  {"shop", body, []string{"X-Shopify-Hmac-Sha256", "%%%"}},
		"empty key":        {"shop", body, []string{"X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac("", body))}},
		"decoy key":        {"nobody", body, []string{"X-Signature", hex.EncodeToString(mac(string(make([]byte, 32)), body))}},
		"unknown source":   {"nobody", body, []string{"X-Shopify-Hmac-Sha256", good}},
		"broken and wrong": {"shop", "{", []string{"X-Shopify-Hmac-Sha256", good}},
		"expired":          {"standard", body, stamp(-5*time.Minute - time.Second)},
		"from the future":  {"standard", body, stamp(5*time.Minute + time.Second)},
		"no timestamp":     {"standard", body, []string{"Webhook-Id", "m", "Webhook-Signature", "v1,AAAA"}},
		"no prefix":        {"pay", body, []string{"X-Demopay-Signature", hex.EncodeToString(mac("pay secret", body))}},
		"wrong bearer":     {"bearer", body, []string{"Authorization", "Bearer letmeinn"}},
		"empty bearer":     {"bearer", body, []string{"Authorization", "Bearer "}},
	} {
		w := g.post(tc.path, tc.body, tc.headers...)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", name, w.Code)
		}
		if want == nil {
			want = w
		}
		if !bytes.Equal(w.Body.Bytes(), want.Body.Bytes()) || len(w.Header()) != len(want.Header()) {
			t.Errorf("%s: answer differs: %v %s", name, w.Header(), w.Body)
		}
	}
	if w := g.post("standard", body, stamp(4*time.Minute+59*time.Second)...); w.Code != 200 {
		t.Errorf("within tolerance: %d", w.Code)
	}
	if n := len(g.log.Entries()); n != 1 {
		t.Errorf("%d appends", n)
	}
	for _, o := range g.saw {
		if o.Source == "nobody" {
			t.Error("a stranger's word became a label")
		}
	}
}

func TestRotationOfSecrets(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	for _, secret := range []string{"old secret", "new secret"} {
		if w := g.shopify("rotating", secret, orderBody(t)); w.Code != 200 {
			t.Errorf("%s: %d", secret, w.Code)
		}
	}
	e := endpoint(t, "one", "shopify", nil, "first")
	g = newGate(t, connectortest.NewClock(now), func(c *webhook.Config) { c.Endpoints = []*webhook.Endpoint{e} })
	if err := e.SetSecrets([][]byte{[]byte("second"), []byte("first")}); err != nil {
		t.Fatal(err)
	}
	if g.shopify("one", "second", orderBody(t)).Code != 200 || g.shopify("one", "first", orderBody(t)).Code != 200 {
		t.Error("both secrets of a rotation must be good")
	}
	if err := e.SetSecrets([][]byte{[]byte("second")}); err != nil {
		t.Fatal(err)
	}
	if g.shopify("one", "first", orderBody(t)).Code != 401 {
		t.Error("the old secret is still good")
	}
	if e.SetSecrets(nil) == nil || e.SetSecrets([][]byte{nil}) == nil || e.SetSecrets(make([][]byte, 3)) == nil {
		t.Error("no, empty or three secrets were taken")
	}
}

func TestRefusals(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	big := strings.Repeat("x", 10<<20)
	for name, tc := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"10 MiB":        {big, nil, 413},
		"form":          {"a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"no type":       {"{}", []string{"Content-Type", ""}, 415},
		"latin-1":       {"{}", []string{"Content-Type", "application/json; charset=iso-8859-1"}, 415},
		"compressed":    {"{}", []string{"Content-Encoding", "gzip"}, 415},
		"utf-8, forged": {"{}", []string{"Content-Type", "application/json; charset=UTF-8"}, 401},
		"cloud event":   {"{}", []string{"Content-Type", "application/cloudevents+json"}, 401},
	} {
		if w := g.post("shop", tc.body, tc.headers...); w.Code != tc.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tc.want)
		}
	}
	// A body of unknown length is cut off at the limit, not read to its end.
	r := httptest.NewRequest(http.MethodPost, "/webhooks/shop", io.MultiReader(strings.NewReader(big)))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	w := httptest.NewRecorder()
	g.server.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("10 MiB of unknown length: %d", w.Code)
	}
	if len(g.log.Entries()) != 0 {
		t.Error("something was appended")
	}
}

// TestAuthenticIsAcknowledged: what cannot be understood is kept and
// acknowledged; what names an order is kept under it.
func TestAuthenticIsAcknowledged(t *testing.T) {
	for name, tc := range map[string]struct {
		body, reason string
		kind         bool // an event of unknown kind
	}{
		"broken":            {`{"id":`, catalog.ReasonBroken, false},
		"not an object":     {`[1,2]`, catalog.ReasonUnrecognised, false},
		"deep":              {strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), catalog.ReasonBroken, false},
		"key twice":         {`{"id":1,"id":2,"order_id":3}`, catalog.ReasonBroken, false},
		"not UTF-8":         {"{\"id\":\"\xff\"}", catalog.ReasonBroken, false},
		"two documents":     {`{"id":1} {"id":2}`, catalog.ReasonBroken, false},
		"many values":       {`{"order_id":1,"x":[` + strings.Repeat("1,", 250_000) + `1]}`, catalog.ReasonBroken, false},
		"long text":         {`{"order_id":1,"x":"` + strings.Repeat("x", 2<<20) + `"}`, catalog.ReasonBroken, false},
		"no stamp":          {`{"id":1,"created_at":"yesterday","updated_at":"soon","line_items":[],"financial_status":"paid","currency":"EUR","total_price":"1.00"}`, catalog.ReasonUnmappable, false},
		"unknown, keyed":    {`{"id":7,"order_id":1001,"risk":"high"}`, "", true},
		"order edit":        {`{"order_edit":{"id":5,"order_id":1001}}`, "", true},
		"unknown, no order": {`{"id":7}`, catalog.ReasonUnrecognised, false},
	} {
		g := newGate(t, connectortest.NewClock(now))
		w := g.shopify("shop", "hush", tc.body, "X-Shopify-Topic", "orders/invented")
		out := g.log.Outgoing()
		if w.Code != 200 {
			t.Errorf("%s: answered %d", name, w.Code)
		}
		if tc.kind {
			if len(out.Events) != 1 || out.Events[0].Kind != ledger.KindUnknown || len(out.Events[0].Claims) != 0 || out.Events[0].Order != "shop~1001" || out.Events[0].NativeKind != "orders/invented" {
				t.Errorf("%s: %+v", name, out)
			}
			continue
		}
		if len(out.Quarantined) != 1 || out.Quarantined[0].Reason != tc.reason || len(out.Quarantined[0].Body.Bytes) == 0 || out.Quarantined[0].Offset != -1 ||
			out.Quarantined[0].ExpiresAt != ledger.At(now).Add(90*ledger.Day) {
			t.Errorf("%s: %+v", name, out.Quarantined)
		}
	}
}

func TestForeignIsCountedNotKept(t *testing.T) {
	c, err := catalog.Parse("picky.yaml", []byte(`
system: picky
role: erp
feeds:
- name: webhooks
  documents: [order]
  webhook: {verify: {scheme: bearer}}
documents:
- name: order
  kind: order
  shape: has(it.id)
  ours: it.channel == 'web'
  order: it.id
  object: {type: order, id: text(it.id)}
  version: {scheme: sequence, parts: [it.rev]}
`))
	if err != nil {
		t.Fatal(err)
	}
	src := &connector.Source{Name: "picky", System: "picky", OriginSource: "shop"}
	e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: src, System: c, Secrets: [][]byte{[]byte("s")}})
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, connectortest.NewClock(now), func(c *webhook.Config) { c.Endpoints = []*webhook.Endpoint{e} })
	if w := g.post("picky", `{"id":1,"channel":"phone","rev":1}`, "Authorization", "Bearer s"); w.Code != 200 || len(g.log.Entries()) != 0 || g.saw[0].Outcome != connector.OutcomeForeign {
		t.Errorf("foreign: %d, %v", w.Code, g.saw)
	}
	if w := g.post("picky", `{"id":1,"channel":"web","rev":1}`, "Authorization", "Bearer s"); w.Code != 200 || len(g.log.Outgoing().Events) != 1 {
		t.Errorf("ours: %d", w.Code)
	}
}

// TestDeadLog: the first sender waits two seconds at most, later ones not at
// all, and every one of them is told to come back.
func TestDeadLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, connector.SystemClock{})
		g.log.SetGate(func(ctx context.Context, _ connector.Outgoing) error {
			<-ctx.Done()
			g.log.SetUnhealthy(connector.ErrUnavailable)
			return ctx.Err()
		})
		began := time.Now()
		w := g.shopify("shop", "hush", orderBody(t))
		if took := time.Since(began); w.Code != 503 || took != 2*time.Second || w.Header().Get("Retry-After") == "" {
			t.Errorf("first: %d after %s, %v", w.Code, took, w.Header())
		}
		began = time.Now()
		w = g.shopify("shop", "hush", orderBody(t))
		if took := time.Since(began); w.Code != 503 || took != 0 || w.Header().Get("Retry-After") == "" {
			t.Errorf("later: %d after %s", w.Code, took)
		}
		// The forged learn nothing about the state of the log.
		if w := g.post("shop", orderBody(t)); w.Code != 401 {
			t.Errorf("forged: %d", w.Code)
		}
		g.log.SetGate(nil)
		g.log.SetUnhealthy(nil)
		if w := g.shopify("shop", "hush", orderBody(t)); w.Code != 200 || len(g.log.EventIDs()) != 1 {
			t.Errorf("after recovery: %d", w.Code)
		}
		if !errors.Is(g.saw[0].Err, connector.ErrUndecided) || g.saw[0].Outcome != connector.OutcomeUnavailable || g.saw[0].Took != 2*time.Second {
			t.Errorf("counted %+v", g.saw[0])
		}
	})
}

// TestDraining: what has come in is answered when it is durable; what comes
// later is told to come back, on another connection.
func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, connector.SystemClock{})
		begun, durable := make(chan struct{}), make(chan struct{})
		g.log.SetGate(func(context.Context, connector.Outgoing) error { close(begun); <-durable; return nil })
		first := make(chan int, 1)
		go func() { first <- g.shopify("shop", "hush", orderBody(t)).Code }()
		<-begun
		g.server.Drain()
		w := g.shopify("shop", "hush", orderBody(t))
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
			t.Errorf("while draining: %d, %v", w.Code, w.Header())
		}
		close(durable)
		if code := <-first; code != 200 || len(g.log.EventIDs()) != 1 {
			t.Errorf("what had come in: %d, %d in the log", code, len(g.log.EventIDs()))
		}
	})
}

// TestSenderHangsUp: the request's context ends while the log is being written;
// the record becomes durable all the same.
func TestSenderHangsUp(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	ctx, hangUp := context.WithCancel(context.Background())
	g.log.SetGate(func(appendCtx context.Context, _ connector.Outgoing) error {
		hangUp()
		return appendCtx.Err()
	})
	body := orderBody(t)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/shop", strings.NewReader(body)).WithContext(ctx)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac("hush", body)))
	g.server.ServeHTTP(httptest.NewRecorder(), r)
	if ctx.Err() == nil || len(g.log.EventIDs()) != 1 {
		t.Errorf("request ended: %v, events: %d", ctx.Err(), len(g.log.EventIDs()))
	}
}

// TestTooMuchInFlight: one source at its limit is slowed down alone; at the
// limit of all, everyone is.
func TestTooMuchInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := orderBody(t)
		size := int64(len(body))
		g := newGate(t, connector.SystemClock{}, func(c *webhook.Config) { c.SourceInFlight, c.TotalInFlight = 2*size, 3*size })
		release := make(chan struct{})
		g.log.SetGate(func(context.Context, connector.Outgoing) error { <-release; return nil })
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { g.shopify("shop", "hush", body) })
		}
		synctest.Wait()
		w := g.shopify("shop", "hush", body)
		if w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("third of one source: %d", w.Code)
		}
		wg.Go(func() { g.shopify("rotating", "old secret", body) })
		synctest.Wait()
		if w := g.shopify("rotating", "old secret", body); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("beyond the total: %d", w.Code)
		}
		close(release)
		wg.Wait()
		if w := g.shopify("shop", "hush", body); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

func TestOtherMethodsAndPaths(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	for _, tc := range []struct {
		method, path string
		want         int
	}{{"GET", "/webhooks/shop", 405}, {"POST", "/webhooks/", 404}, {"POST", "/webhooks/shop/x", 404}, {"POST", "/", 404}} {
		w := httptest.NewRecorder()
		g.server.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader("{}")))
		if w.Code != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, w.Code, tc.want)
		}
	}
}

// TestReports: a heard source is reported once, without any claim of coverage.
func TestReports(t *testing.T) {
	g := newGate(t, connectortest.NewClock(now))
	g.shopify("shop", "hush", orderBody(t))
	g.post("pay", "{}")
	for range 2 {
		if err := g.server.Report(t.Context(), g.log, "edge-0"); err != nil {
			t.Fatal(err)
		}
	}
	var statuses []*ledger.SourceStatus
	for _, e := range g.log.Entries() {
		if e.Status != nil {
			statuses = append(statuses, e.Status)
		}
	}
	if len(statuses) != 1 || statuses[0].Source != "shop" || statuses[0].Feed != "webhooks" || statuses[0].LastHeard != ledger.At(now) || len(statuses[0].Intervals) != 0 {
		t.Errorf("statuses %+v", statuses)
	}
}
