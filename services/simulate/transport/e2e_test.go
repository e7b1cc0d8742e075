package transport_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/fetch"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/connector/webhook"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// opening is when the shop of these tests opens; the clock stands an hour
// later, when everything has happened.
var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// wire is a shop, its systems on loopback, and the real connectors hearing them.
type wire struct {
	t       *testing.T
	cfg     shop.Config
	shared  *transport.Shared
	clock   *connectortest.Clock
	log     *connectortest.Log
	api     *transport.Listener
	sources []connector.Source
	cat     *catalog.Catalog
	sender  *transport.Sender
	hook    *httptest.Server
	seen    atomic.Int64 // webhooks that reached the receiver
	inFront func(http.Handler) http.Handler
	// fetcher reads what the warehouse's webhooks only name.
	fetcher *fetch.Fetcher
}

type option func(*wire, *transport.ServerConfig)

func newWire(t *testing.T, cfg shop.Config, opts ...option) *wire {
	t.Helper()
	cfg.Opening = opening
	world, err := shop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, cfg: world.Config(), shared: transport.Share(world), clock: connectortest.NewClock(opening.Add(time.Hour)), log: &connectortest.Log{}}
	creds := transport.NewCredentials(7)
	sc := transport.ServerConfig{Shop: w.shared, Credentials: creds, Clock: w.clock, Logger: discard()}
	for _, o := range opts {
		o(w, &sc)
	}
	server, err := transport.NewServer(sc)
	if err != nil {
		t.Fatal(err)
	}
	if w.api, err = server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.api.Close(); err != nil {
			t.Error(err)
		}
	})
	w.sources, err = transport.Sources(transport.SourcesOptions{Names: w.cfg.Sources, Credentials: creds, BaseURL: w.api.URL, Dir: t.TempDir(), LiveFrom: opening})
	if err != nil {
		t.Fatal(err)
	}
	if err := connector.ValidateSources(w.sources); err != nil {
		t.Fatal(err)
	}
	if w.cat, err = catalog.Shipped(); err != nil {
		t.Fatal(err)
	}
	w.receive(creds)
	return w
}

// receive starts the real webhook server and a sender towards it.
func (w *wire) receive(creds transport.Credentials) {
	var endpoints []*webhook.Endpoint
	for i := range w.sources {
		src := &w.sources[i]
		if len(src.SecretFiles) == 0 {
			continue
		}
		if src.System == "stripe" { // the clock of these tests leaps while webhooks are under way
			src.Verify = &connector.Verify{Scheme: "stripe", Tolerance: connector.Span(24 * time.Hour)}
		}
		secrets, err := w.secrets().Webhook(src)
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: src, System: w.system(src), Secrets: secrets})
		if err != nil {
			w.t.Fatal(err)
		}
		if w.system(src).WebhookFeed().Webhook.Fetch != nil {
			w.fetcher = w.reader(src)
			e.SetTaker(w.fetcher)
		}
		endpoints = append(endpoints, e)
	}
	srv, err := webhook.NewServer(context.Background(), webhook.Config{Endpoints: endpoints, Sink: w.log, Clock: w.clock, Logger: discard()})
	if err != nil {
		w.t.Fatal(err)
	}
	h := http.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen.Add(1)
		srv.ServeHTTP(rw, r)
	}))
	if w.inFront != nil {
		h = w.inFront(h)
	}
	w.hook = httptest.NewServer(h)
	w.t.Cleanup(w.hook.Close)
	w.sender, err = transport.NewSender(transport.SenderConfig{Webhooks: w.hook.URL, API: w.api.URL, Names: w.cfg.Sources, Credentials: creds, Client: w.hook.Client(), Clock: w.clock, Logger: discard()})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) secrets() connector.Secrets {
	return connector.Secrets{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv}
}

func (w *wire) system(src *connector.Source) *catalog.System {
	sys, err := w.cat.System(src.System)
	if err != nil {
		w.t.Fatal(err)
	}
	return sys
}

// push sends every webhook, and reads what some of them name.
func (w *wire) push() {
	w.t.Helper()
	if err := w.sender.Run(context.Background(), w.shared); err != nil {
		w.t.Fatal(err)
	}
	for done := false; !done; {
		var err error
		if done, err = w.fetcher.Step(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reader is the real fetcher of a source.
func (w *wire) reader(src *connector.Source) *fetch.Fetcher {
	w.t.Helper()
	tokens, err := w.secrets().TokensOf(src)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := fetch.New(fetch.Options{
		Source: src, System: w.system(src), Instance: "test", Tokens: tokens, Sink: w.log, Store: w.log, Clock: w.clock,
		Client: poll.NewClient(http.DefaultTransport), Logger: discard(), Jitter: func() float64 { return 0.5 }, Nonce: func() string { return "n0nce" },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// poller is the real poller of a feed.
func (w *wire) poller(src *connector.Source, feed string) *poll.Poller {
	w.t.Helper()
	tokens, err := w.secrets().TokensOf(src)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := poll.New(poll.Options{
		Source: src, System: w.system(src), Feed: feed, Instance: "test", Tokens: tokens, Sink: w.log, Store: w.log, Clock: w.clock,
		Client: poll.NewClient(http.DefaultTransport), Logger: discard(), Jitter: func() float64 { return 0.5 }, Nonce: func() string { return "n0nce" },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// pull polls every feed once, to its last page. It returns the faults met.
func (w *wire) pull() (faults []error) {
	w.t.Helper()
	for i := range w.sources {
		for _, f := range w.system(&w.sources[i]).PollFeeds() {
			p := w.poller(&w.sources[i], f.Name)
			for steps, done := 0, false; !done; steps++ {
				var err error
				if done, err = p.Step(context.Background()); err != nil {
					faults = append(faults, err)
					w.clock.Move(10 * time.Second)
				}
				if steps > 50 {
					w.t.Fatalf("feed %s does not end: %v", f.Name, err)
				}
			}
		}
	}
	return faults
}

// missing returns what the model wrote down and the log does not hold.
func (w *wire) missing() (missing []string, all int) {
	w.t.Helper()
	fresh, err := shop.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	have := w.log.EventIDs()
	want := map[string]string{}
	at := w.clock.Now()
	for i := range w.sources {
		src := &w.sources[i]
		sys := w.system(src)
		m, err := sys.NewMapper(catalog.MapperOptions{Source: src})
		if err != nil {
			w.t.Fatal(err)
		}
		note := func(f *catalog.Feed, raw []byte, topic string) {
			res := m.Map(catalog.Input{Feed: f, Raw: raw, ReceivedAt: ledger.At(at), Delivery: ledger.Delivery{Topic: topic}})
			switch {
			case res.Event != nil:
				want[res.Event.ID.String()] = topic + " " + string(res.Event.Order)
			case res.Unkeyed != nil:
				want[res.Unkeyed.Event.ID.String()] = topic + " " + res.Unkeyed.By.String()
			case !res.Foreign:
				w.t.Errorf("%s %s is not understood: %+v", src.Name, topic, res.Quarantined)
			}
		}
		deliveries, err := shop.New(w.cfg)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range deliveries.Due(at) {
			if d.Source == src.Name && d.Place == "" {
				body, err := d.Body("")
				if err != nil {
					w.t.Fatal(err)
				}
				note(sys.WebhookFeed(), body, d.Topic)
			}
		}
		for feed, collection := range map[string]shop.Collection{
			"shopify/orders": shop.Orders, "netsuite/sales-orders": shop.SalesOrders,
			"netsuite/item-fulfillments": shop.ItemFulfillments, "netsuite/invoices": shop.Invoices, "netsuite/credit-memos": shop.CreditMemos,
			"shipstation/orders": shop.WarehouseOrders, "shipstation/shipments": shop.Shipments,
		} {
			system, feed, _ := strings.Cut(feed, "/")
			f := sys.Feed(feed)
			if sys.Name != system {
				continue
			}
			page, err := fresh.List(shop.Query{Collection: collection, At: at})
			if err != nil {
				w.t.Fatal(err)
			}
			for _, item := range page.Items {
				note(f, item, feed)
			}
		}
	}
	for id, what := range want {
		if !slices.Contains(have, id) {
			missing = append(missing, what)
		}
	}
	return missing, len(want)
}

func TestEverythingTheModelWroteArrives(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 3, Orders: 40, Every: 20 * time.Second, Injections: shop.Spread(shop.OrderFaults(), 40)})
	w.push()
	if faults := w.pull(); len(faults) != 0 {
		t.Fatal(faults)
	}
	missing, all := w.missing()
	if len(missing) != 0 || all < 400 {
		t.Errorf("%d of %d documents did not arrive: %v", len(missing), all, missing[:min(len(missing), 5)])
	}
	if q := w.log.Outgoing().Quarantined; len(q) != 0 {
		t.Errorf("%d quarantined: %s %s", len(q), q[0].Reason, q[0].Detail)
	}
	waiting := map[ledger.Source]int{}
	for _, u := range w.log.Outgoing().Unkeyed {
		waiting[u.Event.Source]++
	}
	if waiting[ledger.Source(w.cfg.Sources.Storefront)]+waiting[ledger.Source(w.cfg.Sources.ERP)] != 0 || len(waiting) != 3 {
		t.Errorf("without a key: %v", waiting)
	}
	for _, f := range transport.ERPFeeds() {
		if st := w.log.Status(ledger.Source(w.cfg.Sources.ERP), f); st == nil || len(st.Intervals) != 1 || st.SkewExceeded {
			t.Errorf("feed %s proved nothing: %+v", f, st)
		}
	}
}

func TestOneOrderEndToEnd(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 1, Orders: 1})
	w.push()
	before := w.log.EventIDs()
	w.pull()
	if missing, _ := w.missing(); len(missing) != 0 || len(before) == 0 || len(w.log.EventIDs()) <= len(before) {
		t.Fatalf("missing %v after %d events by webhook", missing, len(before))
	}
	key := w.log.Outgoing().Events[0].Order
	for _, e := range w.log.Outgoing().Events {
		if e.Order != key {
			t.Errorf("%s %s stands under %s, not %s", e.Source, e.NativeKind, e.Order, key)
		}
	}
}

// TestUnavailableIsRetriedWithTheOriginalBody lets the receiver's log refuse
// the first deliveries.
func TestUnavailableIsRetriedWithTheOriginalBody(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 2, Orders: 2})
	var refused atomic.Int64
	w.log.SetGate(func(context.Context, connector.Outgoing) error {
		if refused.Add(1) <= 3 {
			return connector.ErrUnavailable
		}
		return nil
	})
	w.push()
	w.pull()
	if missing, _ := w.missing(); len(missing) != 0 {
		t.Fatalf("lost: %v", missing)
	}
	if got := w.sender.Stats.Retries.Load(); got != 3 {
		t.Errorf("%d retries, want 3", got)
	}
	if !slices.Contains(w.clock.Waits(), webhook.DefaultRetryAfter) {
		t.Errorf("waits %v do not honour Retry-After", w.clock.Waits())
	}
}

func TestWrongSecretIsRefusedForGood(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 2, Orders: 1})
	s, err := transport.NewSender(transport.SenderConfig{
		Webhooks: w.hook.URL, Names: w.cfg.Sources, Credentials: transport.NewCredentials(8), Client: w.hook.Client(),
		Clock: w.clock, Logger: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range w.shared.Due(w.clock.Now()) {
		if err := s.Send(context.Background(), d); !errors.Is(err, transport.ErrRefused) {
			t.Fatalf("%s: %v, want refused", d.Topic, err)
		}
	}
	if n := len(w.log.Outgoing().Events); n != 0 {
		t.Errorf("%d events got in with a wrong signature", n)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
