package role

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/simulate/demo"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// ErrFindings means that a demonstration did not find exactly what was injected.
var ErrFindings = errors.New("the ledger did not claim exactly what went wrong")

// DemoOptions are what `demo` can be told.
type DemoOptions struct {
	Seed uint64
	// For is how long it lasts; zero goes on until it is ended by hand.
	For time.Duration
	Out io.Writer
}

// Demo runs everything in this process over a simulated shop, tells the story
// as it unfolds, and compares what was claimed with what was injected.
func Demo(ctx context.Context, cfg *config.Config, opt DemoOptions, w Watchers, logger *slog.Logger) error {
	cleanup, err := DataDir(cfg)
	if err != nil {
		return err
	}
	defer cleanup()
	cfg.Ephemeral = false                 // the directory is made, and removed here
	cfg.TLS.Webhooks = config.ServerTLS{} // the shop speaks to this process alone
	plan, err := demo.New(demo.Options{Seed: opt.Seed, Now: time.Now(), For: opt.For})
	if err != nil {
		return err
	}
	d, err := demo.Start(plan, connector.SystemClock{}, logger)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if cfg.Sources, err = demo.SourcesFor(d, filepath.Join(cfg.DataDir, "secrets")); err != nil {
		return err
	}
	if err := demoHashKey(cfg); err != nil {
		return err
	}
	i, err := Start(ctx, cfg, Everything(), w, logger)
	if err != nil {
		return err
	}
	i.Endpoints.Print(opt.Out, "")
	card, err := d.Run(ctx, demo.Instance{Webhooks: i.Endpoints.webhooksURL(), Exceptions: claims{i.Node}, Out: opt.Out, Zone: time.Local})
	err = errors.Join(err, i.Close())
	if err != nil {
		return err
	}
	if opt.For > 0 && !card.Complete() {
		return ErrFindings
	}
	return nil
}

// demoHashKey gives the demonstration a key of its own, so that its buyers'
// orders are found by their e-mail addresses.
func demoHashKey(cfg *config.Config) error {
	if cfg.HashKeyFile != "" {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a key for the demonstration: %w", err)
	}
	cfg.HashKeyFile = filepath.Join(cfg.DataDir, "secrets", "hash-key")
	if err := os.WriteFile(cfg.HashKeyFile, []byte(hex.EncodeToString(key)), 0o600); err != nil {
		return fmt.Errorf("keep the demonstration's key: %w", err)
	}
	return nil
}

// claims reads what a node claims.
type claims struct{ node *engine.Node }

// ListExceptions implements demo.Exceptions.
func (c claims) ListExceptions(context.Context) ([]truth.Claim, error) {
	var out []truth.Claim
	for p := range c.node.Logs() {
		err := c.node.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
			return r.Exceptions(func(x *ledger.Exception) bool {
				out = append(out, truth.ClaimOf(x))
				return true
			})
		})
		if err != nil {
			return nil, fmt.Errorf("list exceptions: %w", err)
		}
	}
	return out, nil
}
