package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/admin"
	"github.com/orderledger/orderledger/services/audit"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/tracing"
)

// Endpoints are the addresses of a running instance, as the endpoints file
// holds them.
type Endpoints struct {
	API              string `json:"api"`
	GRPC             string `json:"grpc"`
	Webhooks         string `json:"webhooks"`
	Admin            string `json:"admin"`
	Kafka            string `json:"kafka"`
	SchemaRegistry   string `json:"schema_registry,omitempty"`
	ClickHouseNative string `json:"clickhouse_native,omitempty"`
	ClickHouseHTTP   string `json:"clickhouse_http,omitempty"`
}

// Parts says which roles an instance plays.
type Parts struct {
	Edge    bool
	History bool
	API     bool
	// Standby folds and answers without ever owning a partition.
	Standby bool
}

// Everything is `dev`.
func Everything() Parts { return Parts{Edge: true, History: true, API: true} }

// Watchers are told what an instance does, for metrics; the zero value tells
// nobody.
type Watchers struct {
	Engine  engine.Observer
	Edge    connector.Observer
	API     api.Observer
	Audit   audit.Observer
	Metrics http.Handler
	// Quarantine is told hourly where the quarantined documents stand.
	Quarantine func(api.QuarantineReport)
	// Version is the program's.
	Version string
	// Started is given the node once it folds.
	Started func(*engine.Node)
}

// Instance is a running process of orderledger.
type Instance struct {
	Endpoints Endpoints
	Node      *engine.Node
	Catalog   *catalog.Catalog
	Stack     *Stack

	tracing  *tracing.Tracing // nil: nothing is traced
	history  *History
	edge     *Edge
	lookups  *lookups
	audit    *auditing // nil: it is switched off
	surface  *api.Surface
	admin    *http.Server
	ending   atomic.Bool   // it is asked to end, and not ready any more
	delay    time.Duration // from then on, before it ends
	patience time.Duration // how long the end may take
	logger   *slog.Logger
	cleanup  func()
	once     sync.Once
	closed   error // what the first Close met
}

// Start starts an instance. What was started is closed again if a later part
// fails, and no instance is returned.
func Start(ctx context.Context, cfg *config.Config, parts Parts, w Watchers, logger *slog.Logger) (*Instance, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	shareOut(cfg, parts)
	i := &Instance{cleanup: func() {}, delay: cfg.Shutdown.Delay, patience: cfg.Shutdown.Timeout, logger: logger}
	if err := i.start(ctx, cfg, parts, w, logger); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// start starts the parts, each where Close finds it.
func (i *Instance) start(ctx context.Context, cfg *config.Config, parts Parts, w Watchers, logger *slog.Logger) error {
	a, err := readAccess(cfg, parts, logger)
	if err != nil {
		return err
	}
	cleanup, err := DataDir(cfg)
	if err != nil {
		return err
	}
	i.cleanup = cleanup
	if i.Catalog, err = BoundCatalog(cfg); err != nil {
		return err
	}
	if err = i.startTracing(ctx, cfg, w.Version, logger); err != nil {
		return err
	}
	if _, _, err = CompilePolicy(cfg, i.Catalog, nil, 0); err != nil {
		return fmt.Errorf("policy:\n%w", err)
	}
	if i.Stack, err = OpenStack(ctx, cfg, logger); err != nil {
		return err
	}
	i.Endpoints.Kafka = i.Stack.Brokers[0]
	if i.Endpoints.SchemaRegistry, err = i.Stack.announceSchemas(ctx, parts); err != nil {
		return err
	}
	if parts.History {
		if i.history, err = OpenHistory(ctx, cfg, logger); err != nil {
			return err
		}
		i.Endpoints.ClickHouseNative, i.Endpoints.ClickHouseHTTP = i.history.Native, i.history.HTTP
	}
	if parts.API || parts.History {
		if err = i.startLedger(ctx, cfg, a, parts, w); err != nil {
			return err
		}
	}
	if parts.Edge {
		i.edge, err = StartEdge(ctx, i.Stack, EdgeOptions{Catalog: i.Catalog, Observer: edgeObserver(w), Clock: connector.SystemClock{}, Instance: "edge", Tracer: i.followed(), TLS: a.webhooks})
		if err != nil {
			return err
		}
		if i.Endpoints.Webhooks = i.edge.Addr; a.webhooks != nil {
			i.Endpoints.Webhooks = "https://" + i.edge.Addr
		}
	}
	if i.Node != nil && !parts.Standby {
		var budgets map[string]*poll.Budget
		if i.edge != nil {
			budgets = i.edge.budgets
		}
		if err = i.startLookups(edgeObserver(w), budgets); err != nil {
			return err
		}
	}
	if err = i.startAdmin(ctx, cfg, w); err != nil {
		return err
	}
	return WriteEndpoints(cfg.EndpointsFile, i.Endpoints)
}

func edgeObserver(w Watchers) connector.Observer {
	if w.Edge == nil {
		return connector.Silent{}
	}
	return w.Edge
}

func (i *Instance) startLedger(ctx context.Context, cfg *config.Config, a *access, parts Parts, w Watchers) error {
	var err error
	if i.Node, err = foldAll(ctx, i.Stack, foldOptions{history: i.history, observer: w.Engine, standby: parts.Standby, tracer: i.folded()}); err != nil {
		return err
	}
	if w.Started != nil {
		w.Started(i.Node)
	}
	if err = i.startAudit(cfg, w); err != nil {
		return err
	}
	if !parts.Standby {
		if err := ProposeConfigured(ctx, i.Stack, i.Node, i.Catalog); err != nil {
			return err
		}
	}
	if !parts.API {
		return nil
	}
	return i.startSurface(cfg, a, w)
}

func (i *Instance) startAdmin(ctx context.Context, cfg *config.Config, w Watchers) error {
	checks := []admin.Check{{Name: "process", Ready: i.stays}}
	if i.Node != nil {
		checks = append(checks, admin.Check{Name: "ledger", Ready: i.Node.Ready})
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen.Admin)
	if err != nil {
		return fmt.Errorf("listen.admin: %w", err)
	}
	i.Endpoints.Admin = "http://" + l.Addr().String()
	i.admin = &http.Server{Handler: admin.New(admin.Options{Checks: checks, Metrics: w.Metrics}), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = i.admin.Serve(l) }()
	return nil
}

// WriteEndpoints writes the addresses as JSON, atomically; an empty name writes
// nothing.
func WriteEndpoints(file string, e Endpoints) error {
	if file == "" {
		return nil
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	return nil
}

// ReadEndpoints reads what WriteEndpoints wrote.
func ReadEndpoints(file string) (Endpoints, error) {
	var e Endpoints
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		return Endpoints{}, fmt.Errorf("read endpoints: %w", err)
	}
	return e, nil
}

// webhooksURL is where webhooks are received, with its scheme.
func (e Endpoints) webhooksURL() string {
	if strings.Contains(e.Webhooks, "://") {
		return e.Webhooks
	}
	return "http://" + e.Webhooks
}

// Print tells a person where everything is, and what to try next.
func (e Endpoints) Print(out io.Writer, banner string) {
	row := func(name, addr string) {
		if addr != "" {
			_, _ = fmt.Fprintf(out, "  %-11s %s\n", name, addr)
		}
	}
	_, _ = fmt.Fprintln(out, "orderledger is running")
	row("REST", e.API)
	row("gRPC", e.GRPC)
	if e.Webhooks != "" {
		row("Webhooks", e.webhooksURL()+"/webhooks/{source}")
	}
	row("Metrics", e.Admin+"/metrics")
	row("Kafka", e.Kafka)
	row("Schemas", e.SchemaRegistry)
	row("ClickHouse", e.ClickHouseHTTP)
	if banner != "" {
		_, _ = fmt.Fprintln(out, "\n"+banner)
	}
	_, _ = fmt.Fprint(out, "\nTry next:\n  orderledger exception list\n  orderledger order list\n  orderledger source list\n\n")
}

// Banner is what users of the embedded log must know; empty with a real Kafka.
func (i *Instance) Banner() string {
	if i.Stack == nil || i.Stack.Broker == nil {
		return ""
	}
	return i.Stack.Broker.Banner()
}
