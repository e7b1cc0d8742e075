package role

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
)

// access is what the files of the configuration say about who may connect and
// ask. It is read before anything starts, so that a wrong file stops the start.
type access struct {
	grpc, rest, webhooks *tls.Config
	tokens               []api.Token
	pageKey              []byte
}

func readAccess(cfg *config.Config, parts Parts, logger *slog.Logger) (*access, error) {
	a := &access{}
	var err error
	if parts.Edge {
		if a.webhooks, err = cfg.TLS.Webhooks.Server("tls.webhooks", logger); err != nil {
			return nil, err
		}
	}
	if !parts.API {
		return a, nil
	}
	if a.grpc, err = cfg.TLS.GRPC.Server("tls.grpc", logger); err != nil {
		return nil, err
	}
	if a.rest, err = cfg.TLS.REST.Server("tls.rest", logger); err != nil {
		return nil, err
	}
	if a.tokens, err = api.ReadTokens(cfg.Auth.TokenFiles); err != nil {
		return nil, err
	}
	a.pageKey, err = pageKey(cfg.API.PageKeyFile)
	return a, err
}

// minPageKey keeps guessable keys out.
const minPageKey = 32

// pageKey reads the key that replicas seal page tokens with; nil for a key of
// this process' own.
func pageKey(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("api.page_key_file: %w", err)
	}
	if data = bytes.TrimSpace(data); len(data) < minPageKey {
		return nil, fmt.Errorf("api.page_key_file: %s holds %d bytes: use at least %d, such as the output of `openssl rand -hex 32`", file, len(data), minPageKey)
	}
	return data, nil
}

// startSurface lets the instance answer questions.
func (i *Instance) startSurface(cfg *config.Config, a *access, w Watchers) error {
	quarantine := NewQuarantine(i.Stack, QuarantineOptions{Catalog: i.Catalog, Clock: connector.SystemClock{}})
	hashKey, err := hashKeyOf(cfg)
	if err != nil {
		return err
	}
	srv, err := api.New(api.Options{
		HashKey: hashKey,
		Ledger:  i.Node, Policies: &Proposals{Config: cfg, Catalog: i.Catalog}, Places: NewPolicyPlaces(i.Stack),
		Quarantine: quarantine, Tokens: a.tokens, PageKey: a.pageKey, Links: i.Catalog.Links(cfg.Sources),
		Limit: api.Limit{PerSecond: cfg.API.CallsPerSecond, Burst: cfg.API.CallsBurst}, GRPCTLS: a.grpc, RESTTLS: a.rest,
		Replica: "ledger", Hosts: cfg.Listen.Hosts, Observer: w.API, Logger: i.Stack.Logger, Traces: i.spans(), Audits: i.audits(),
	})
	if err != nil {
		return err
	}
	i.Stack.spawn(func(ctx context.Context) { quarantine.Watch(ctx, w.Quarantine) })
	if i.surface, err = srv.Listen(cfg.Listen.GRPC, cfg.Listen.REST); err != nil {
		return err
	}
	i.Endpoints.API, i.Endpoints.GRPC = "http://"+i.surface.REST, i.surface.GRPC
	if a.rest != nil {
		i.Endpoints.API = "https://" + i.surface.REST
	}
	if a.grpc != nil {
		i.Endpoints.GRPC = "https://" + i.surface.GRPC
	}
	return nil
}

// serveWebhooks answers until the server is closed.
func (e *Edge) serveWebhooks(l net.Listener, c *tls.Config) {
	if c == nil {
		_ = e.server.Serve(l)
		return
	}
	e.server.TLSConfig = c.Clone()
	_ = e.server.ServeTLS(l, "", "")
}
