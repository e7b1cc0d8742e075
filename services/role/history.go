package role

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/config"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

// History is where analysts read: ClickHouse, embedded or by DSN.
type History struct {
	// Sink is nil where history is switched off.
	Sink *clickhouse.Lazy
	// Native and HTTP are the addresses of the embedded engine; empty otherwise.
	Native, HTTP string
	server       *embedded.Server
}

// OpenHistory starts the embedded ClickHouse, or prepares the configured one. A
// server that is away is no error: the sink connects when it can.
func OpenHistory(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*History, error) {
	h := &History{}
	if cfg.ClickHouse.Disabled {
		return h, nil
	}
	dsn := cfg.ClickHouse.DSN
	if dsn == "" {
		srv, err := embedded.Start(ctx, embedded.Options{DataDir: filepath.Join(cfg.DataDir, "clickhouse"), Logger: logger,
			NativePort: cfg.ClickHouse.NativePort, HTTPPort: cfg.ClickHouse.HTTPPort})
		if err != nil {
			return nil, fmt.Errorf("start the embedded ClickHouse: %w", err)
		}
		h.server, h.Native, h.HTTP, dsn = srv, srv.NativeAddr(), srv.HTTPAddr(), srv.DSN()
	}
	opt, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		h.Close()
		return nil, err
	}
	h.Sink = clickhouse.NewLazy(opt)
	return h, nil
}

// Close closes the sink, then the embedded engine.
func (h *History) Close() {
	if h.Sink != nil {
		_ = h.Sink.Close() // what was not sent is sent after the next start
	}
	if h.server != nil {
		h.server.Stop()
	}
}
