package simulate_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/webhook"
	"github.com/orderledger/orderledger/services/simulate"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// receiver is the real webhook server, configured by the written file.
func receiver(t *testing.T, sources []connector.Source, log *connectortest.Log, clock connector.Clock) *httptest.Server {
	t.Helper()
	cat, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	var endpoints []*webhook.Endpoint
	for i := range sources {
		sys, err := cat.System(sources[i].System)
		if err != nil {
			t.Fatal(err)
		}
		if sys.WebhookFeed() == nil {
			continue
		}
		if sources[i].System == "stripe" { // the clock of these tests leaps while webhooks are under way
			sources[i].Verify = &connector.Verify{Scheme: "stripe", Tolerance: connector.Span(24 * time.Hour)}
		}
		secrets, err := connector.Secrets{ReadFile: os.ReadFile}.Webhook(&sources[i])
		if err != nil {
			t.Fatal(err)
		}
		e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: &sources[i], System: sys, Secrets: secrets})
		if err != nil {
			t.Fatal(err)
		}
		endpoints = append(endpoints, e)
	}
	srv, err := webhook.NewServer(context.Background(), webhook.Config{Endpoints: endpoints, Sink: log, Clock: clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(srv)
	t.Cleanup(h.Close)
	return h
}

// TestRunIntoAConfiguredInstance: the written configuration is valid, and an
// instance with it accepts every webhook of a run.
func TestRunIntoAConfiguredInstance(t *testing.T) {
	dir := t.TempDir()
	clock := connectortest.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	name, err := simulate.WriteConfig(dir, "", clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	if err := cfg.Read(name); err != nil {
		t.Fatal(err)
	}
	if err := connector.ValidateSources(cfg.Sources); err != nil || len(cfg.Sources) != 5 {
		t.Fatal(err, len(cfg.Sources))
	}
	log := &connectortest.Log{}
	hook := receiver(t, cfg.Sources, log, clock)
	target := filepath.Join(dir, "endpoints.json")
	if err := os.WriteFile(target, []byte(`{"api":"127.0.0.1:1","webhooks":"`+strings.TrimPrefix(hook.URL, "http://")+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	truthFile := filepath.Join(dir, "truth.json")
	err = simulate.Run(t.Context(), simulate.Options{
		TargetFile: target, Orders: 20, Rate: 1, Seed: 3, Faults: []string{"all"}, TruthFile: truthFile, Listen: "127.0.0.1:0",
		Out: &out, Logger: slog.New(slog.DiscardHandler), Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(truthFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	tr, err := truth.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Orders) != 20 || len(tr.Expectations()) == 0 {
		t.Errorf("%d orders, %d expectations", len(tr.Orders), len(tr.Expectations()))
	}
	orders := map[string]bool{}
	for _, e := range log.Outgoing().Events {
		orders[string(e.Order)] = true
	}
	for _, o := range tr.Orders {
		if o.Fault != string(shop.WebhookLost) && !orders[o.Key] {
			t.Errorf("%s was not delivered", o.Key)
		}
	}
	if !strings.Contains(out.String(), " 0 given up") {
		t.Error(out.String())
	}
}

// TestRunSaysWhatIsWrong: an instance that was not configured refuses, and the
// run says what to check.
func TestRunSaysWhatIsWrong(t *testing.T) {
	var once sync.Mutex
	refused := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		once.Lock()
		defer once.Unlock()
		refused++
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer hook.Close()
	o := simulate.Options{
		Webhooks: hook.URL, Orders: 1, Listen: "127.0.0.1:0", Out: &strings.Builder{}, Logger: slog.New(slog.DiscardHandler),
		Clock: connectortest.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)),
	}
	err := simulate.Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "secrets") || refused == 0 {
		t.Errorf("%v after %d refusals", err, refused)
	}
	o.Faults = []string{"order-newer-exported"}
	if err := simulate.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), string(shop.OrderNeverExported)) {
		t.Errorf("%v does not name the faults there are", err)
	}
	o.Faults, o.Webhooks, o.TargetFile = nil, "", "nowhere.json"
	if err := simulate.Run(t.Context(), o); err == nil {
		t.Error("ran into nowhere")
	}
}
