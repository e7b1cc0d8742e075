package role

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/config"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

// History is where analysts read: ClickHouse, embedded or by DSN.
type History struct {
	// Sink is nil where history is switched off.
	Sink *clickhouse.Lazy
	// DSN is where the history is; empty where it is switched off.
	DSN string
	// Native and HTTP are the addresses of the embedded engine; empty otherwise.
	Native, HTTP string

	stop   context.CancelFunc // ends the watch over the embedded engine
	wg     sync.WaitGroup
	server *embedded.Server // of the watch, once it runs
}

// restartPause is between two attempts to start the embedded engine again.
const restartPause = 2 * time.Second

// OpenHistory starts the embedded ClickHouse, or prepares the configured one. A
// server that is away is no error: the sink connects when it can.
func OpenHistory(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*History, error) {
	h := &History{}
	if cfg.ClickHouse.Disabled {
		return h, nil
	}
	dsn := cfg.ClickHouse.DSN
	if dsn == "" {
		opt := embedded.Options{
			DataDir: filepath.Join(cfg.DataDir, "clickhouse"), Logger: logger,
			NativePort: cfg.ClickHouse.NativePort, HTTPPort: cfg.ClickHouse.HTTPPort,
		}
		srv, err := embedded.Start(ctx, opt)
		if err != nil {
			return nil, fmt.Errorf("start the embedded ClickHouse: %w", err)
		}
		h.server, h.Native, h.HTTP, dsn = srv, srv.NativeAddr(), srv.HTTPAddr(), srv.DSN()
		opt.NativePort, opt.HTTPPort = portOf(h.Native), portOf(h.HTTP)
		var run context.Context
		run, h.stop = context.WithCancel(context.WithoutCancel(ctx))
		h.wg.Go(func() { h.watch(run, opt) })
	}
	h.DSN = dsn
	opt, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		h.Close()
		return nil, err
	}
	h.Sink = clickhouse.NewLazy(opt)
	return h, nil
}

func portOf(addr string) int {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port) // ours, just listened on
	return n
}

// watch starts the embedded engine again, where it was, when it ends by itself:
// it is a process of its own, and may be killed for its memory.
func (h *History) watch(ctx context.Context, opt embedded.Options) {
	for {
		select {
		case <-ctx.Done():
			h.server.Stop()
			return
		case <-h.server.Exited():
		}
		opt.Logger.Error("the embedded ClickHouse ended, starting it again: history is late, nothing is lost", "error", h.server.Wait())
		for {
			srv, err := embedded.Start(ctx, opt)
			if err == nil {
				h.server = srv
				break
			}
			opt.Logger.Error("the embedded ClickHouse does not start, trying again", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartPause):
			}
		}
	}
}

// Close closes the sink, then the embedded engine.
func (h *History) Close() {
	if h.Sink != nil {
		_ = h.Sink.Close() // what was not sent is sent after the next start
	}
	if h.stop != nil {
		h.stop()
		h.wg.Wait()
	}
}
