package role

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/fetch"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/connector/webhook"
	"github.com/orderledger/orderledger/services/logsink"
)

// webhookReports is how often a source that delivered is reported as alive.
const webhookReports = 10 * time.Second

// Edge is where outside systems reach the log: the webhook server and one
// poller per polled feed.
type Edge struct {
	// Addr is where webhooks are received.
	Addr string

	// budgets are those of the polled sources, by name.
	budgets map[string]*poll.Budget

	webhooks *webhook.Server
	server   *http.Server
	stop     context.CancelFunc
	wg       sync.WaitGroup
}

// EdgeOptions are what an edge needs beside the stack.
type EdgeOptions struct {
	Catalog  *catalog.Catalog
	Observer connector.Observer
	Clock    connector.Clock
	// Instance names this process in statuses; the same after a restart.
	Instance string
	// Tracer follows deliveries and pages; nil follows none.
	Tracer connector.Tracer
	// TLS is how the webhooks' listener speaks TLS; nil: it does not.
	TLS *tls.Config
}

// BoundCatalog returns the catalog, bound to the configured sources: each knows
// who issues the names that its documents carry (S-35).
func BoundCatalog(cfg *config.Config) (*catalog.Catalog, error) {
	cat, err := LoadCatalog(cfg.CatalogDirs)
	if err != nil {
		return nil, err
	}
	if err := cat.Bind(cfg.Sources); err != nil {
		return nil, fmt.Errorf("sources:\n%w", err)
	}
	return cat, nil
}

// hashKeyOf reads the key of the hashes under which e-mail addresses and phone
// numbers are kept; nil if none is configured (S-39).
func hashKeyOf(cfg *config.Config) ([]byte, error) {
	if cfg.HashKeyFile == "" {
		return nil, nil
	}
	key, err := connector.Secrets{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv}.Read(connector.SecretRef{File: cfg.HashKeyFile})
	if err != nil {
		return nil, fmt.Errorf("hash_key_file: %w", err)
	}
	return key, nil
}

// LoadCatalog returns the shipped systems and the user's own.
func LoadCatalog(dirs []string) (*catalog.Catalog, error) {
	return catalog.Load(dirs)
}

// StartEdge binds every configured source and starts to listen and to poll.
func StartEdge(ctx context.Context, s *Stack, opt EdgeOptions) (*Edge, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &Edge{stop: cancel, budgets: map[string]*poll.Budget{}}
	b := &edgeBuilder{budgets: e.budgets, s: s, opt: opt, sink: logsink.New(s.Log, s.Codec), secrets: connector.Secrets{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv}}
	endpoints, pollers, err := b.bind()
	if err != nil {
		cancel()
		return nil, err
	}
	importers, err := b.importers()
	if err != nil {
		cancel()
		return nil, err
	}
	consumers, err := b.consumers()
	if err != nil {
		cancel()
		return nil, err
	}
	srv, err := webhook.NewServer(run, webhook.Config{Endpoints: endpoints, Sink: b.sink, Clock: opt.Clock, Observer: opt.Observer, Tracer: opt.Tracer, Logger: s.Logger})
	if err != nil {
		cancel()
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Config.Listen.Webhooks)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen.webhooks: %w", err)
	}
	e.Addr, e.webhooks = l.Addr().String(), srv
	e.server = &http.Server{
		Handler: srv, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	e.spawn(func() { e.serveWebhooks(l, opt.TLS) })
	e.spawn(func() { _ = srv.RunReports(run, b.sink, opt.Instance, webhookReports) })
	for _, f := range b.fetchers {
		e.spawn(func() { _ = f.Run(run) })
	}
	for _, p := range pollers {
		e.spawn(func() { _ = p.Run(run) })
	}
	for _, c := range consumers {
		e.spawn(func() { _ = c.Run(run) })
	}
	for _, im := range importers {
		e.spawn(func() { _ = im.Run(run) })
	}
	return e, nil
}

func (e *Edge) spawn(fn func()) {
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		fn()
	}()
}

// Close refuses new deliveries, answers those that have come in, and stops
// polling: a page that was begun is read again after the next start. When ctx
// ends, what is still coming in is cut off and not acknowledged.
func (e *Edge) Close(ctx context.Context) error {
	e.webhooks.Drain()
	err := e.server.Shutdown(ctx)
	e.stop()
	if err != nil {
		err = errors.Join(err, e.server.Close())
	}
	e.wg.Wait()
	return err
}

// edgeBuilder binds sources to the catalog.
type edgeBuilder struct {
	s       *Stack
	opt     EdgeOptions
	sink    *logsink.Sink
	secrets connector.Secrets
	hashKey []byte
	// fetchers read what deliveries only name.
	fetchers []*fetch.Fetcher
	budgets  map[string]*poll.Budget
}

func (b *edgeBuilder) bind() ([]*webhook.Endpoint, []*poll.Poller, error) {
	var err error
	if b.hashKey, err = hashKeyOf(b.s.Config); err != nil {
		return nil, nil, err
	}
	var endpoints []*webhook.Endpoint
	var pollers []*poll.Poller
	var errs []error
	for i := range b.s.Config.Sources {
		src := &b.s.Config.Sources[i]
		sys, err := b.opt.Catalog.System(src.System)
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", i, src.Name, err))
			continue
		}
		ep, ps, err := b.source(src, sys)
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", i, src.Name, err))
			continue
		}
		if ep != nil {
			endpoints = append(endpoints, ep)
		}
		pollers = append(pollers, ps...)
	}
	return endpoints, pollers, errors.Join(errs...)
}

// source binds one source: its endpoint, if its system pushes, and a poller per
// polled feed.
func (b *edgeBuilder) source(src *connector.Source, sys *catalog.System) (*webhook.Endpoint, []*poll.Poller, error) {
	var ep *webhook.Endpoint
	if len(src.SecretFiles)+len(src.SecretEnv) > 0 {
		secrets, err := b.secrets.Webhook(src)
		if err != nil {
			return nil, nil, err
		}
		if ep, err = webhook.NewEndpoint(webhook.EndpointOptions{Source: src, System: sys, HashKey: b.hashKey, Secrets: secrets}); err != nil {
			return nil, nil, err
		}
	}
	if src.Poll.Disabled || src.BaseURL == "" {
		return ep, nil, nil
	}
	tokens, err := b.secrets.TokensOf(src)
	if err != nil {
		return nil, nil, err
	}
	budget := poll.NewBudget(b.opt.Clock, src.Poll.PerSecond, src.Poll.Burst)
	b.budgets[src.Name] = budget
	client := poll.NewClient(http.DefaultTransport.(*http.Transport).Clone())
	if ep != nil && sys.WebhookFeed().Webhook.Fetch != nil {
		f, err := fetch.New(fetch.Options{
			Source: src, System: sys, Instance: b.opt.Instance, Tokens: tokens, HashKey: b.hashKey,
			Sink: b.sink, Store: b.sink, Clock: b.opt.Clock, Client: client, Logger: b.s.Logger, Jitter: mathrand.Float64, Nonce: nonce,
			Observer: b.opt.Observer, Budget: budget,
		})
		if err != nil {
			return nil, nil, err
		}
		ep.SetTaker(f)
		b.fetchers = append(b.fetchers, f)
	}
	var pollers []*poll.Poller
	for _, f := range sys.Feeds {
		if f.Poll == nil || src.Feeds[f.Name].Disabled {
			continue
		}
		p, err := poll.New(poll.Options{
			Source: src, System: sys, Feed: f.Name, Instance: b.opt.Instance, Tokens: tokens, HashKey: b.hashKey,
			Sink: b.sink, Store: b.sink, Clock: b.opt.Clock, Client: client, Logger: b.s.Logger, Jitter: mathrand.Float64, Nonce: nonce,
			Observer: b.opt.Observer, Tracer: b.opt.Tracer, Budget: budget,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("feed %s: %w", f.Name, err)
		}
		pollers = append(pollers, p)
	}
	return ep, pollers, nil
}

func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// SourceSpecs declares the configured sources to the policy.
func SourceSpecs(sources []connector.Source, cat *catalog.Catalog) ([]ledger.SourceSpec, error) {
	var out []ledger.SourceSpec
	var errs []error
	for i := range sources {
		sys, err := cat.System(sources[i].System)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := sys.Check(&sources[i]); err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", i, sources[i].Name, err))
			continue
		}
		out = append(out, sys.SourceSpec(&sources[i]))
	}
	return out, errors.Join(errs...)
}
