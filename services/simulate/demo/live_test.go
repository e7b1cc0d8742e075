package demo_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate/demo"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// node reads the exceptions of every partition of orders and of names, those that healed as well: on a
// slow machine one may come and go between two looks.
type node struct{ n *engine.Node }

func (x node) ListExceptions(context.Context) ([]truth.Claim, error) {
	var out []truth.Claim
	for p := range x.n.Logs() {
		err := x.n.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
			return r.Exceptions(func(e *ledger.Exception) bool {
				out = append(out, truth.ClaimOf(e))
				return true
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// configuration is that of a process on the embedded engines, without history.
func configuration(t *testing.T, d *demo.Demo) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.ClickHouse.Disabled = true
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	var err error
	if cfg.Sources, err = demo.SourcesFor(d, filepath.Join(dir, "secrets")); err != nil {
		t.Fatal(err)
	}
	cfg.Finish()
	return cfg
}

// TestLive plays the shortest demonstration against real parts: webhooks and
// polls over HTTP, the embedded broker, the engine. It passes once everything
// that was knowable at the plan's end is claimed and nothing else; how long a
// machine may take for that is the demonstration's patience.
func TestLive(t *testing.T) {
	length := demo.Shortest
	if s := os.Getenv("ORDERLEDGER_DEMO_FOR"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	clock := connector.SystemClock{}
	p, err := demo.New(demo.Options{Seed: 1, Now: clock.Now(), For: length})
	if err != nil {
		t.Fatal(err)
	}
	d, err := demo.Start(p, clock, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	cfg := configuration(t, d)
	s, err := role.OpenStack(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := role.StartLedger(t.Context(), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	cat, err := role.BoundCatalog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := role.ProposeConfigured(t.Context(), s, n, cat); err != nil {
		t.Fatal(err)
	}
	e, err := role.StartEdge(t.Context(), s, role.EdgeOptions{Catalog: cat, Observer: connector.Silent{}, Clock: clock, Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	var out strings.Builder
	card, err := d.Run(t.Context(), demo.Instance{Webhooks: "http://" + e.Addr, Exceptions: node{n}, Out: &out})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if !card.Complete() || len(card.Counts) < 10 {
		t.Error("the demonstration did not end well")
	}
}
