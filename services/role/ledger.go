package role

import (
	"context"
	"path/filepath"

	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/logsink"
)

// StartLedger folds every partition of the stack's log in this process.
func StartLedger(ctx context.Context, s *Stack, h *History, o engine.Observer) (*engine.Node, error) {
	return foldAll(ctx, s, foldOptions{history: h, observer: o})
}

// DefaultGroup is the consumer group of `ledger` replicas that are told no other.
const DefaultGroup = "orderledger-ledger"

// shareOut lets the replicas of the role `ledger` share the partitions of a real
// Kafka though nobody named a group: without one, each would own all of them.
func shareOut(cfg *config.Config, parts Parts) {
	if parts == (Parts{History: true}) && !cfg.Embedded() && cfg.Ledger.Group == "" {
		cfg.Ledger.Group = DefaultGroup
	}
}

// foldOptions are how a process folds.
type foldOptions struct {
	history  *History
	observer engine.Observer
	standby  bool
	tracer   engine.Tracer
}

func foldAll(ctx context.Context, s *Stack, opt foldOptions) (*engine.Node, error) {
	c, h := s.Config, opt.history
	sinks := []projections.Sink{logsink.NewExceptions(s.Log, s.Codec), logsink.NewJoins(s.Log, s.Codec)}
	if h != nil && h.Sink != nil {
		sinks = append(sinks, h.Sink)
	}
	return engine.Start(ctx, engine.Config{
		Dir: storesIn(c), Partitions: c.Partitions, Group: c.Ledger.Group,
		InstanceID: c.Ledger.InstanceID, CacheOrders: c.Ledger.CacheOrders, OutboxMaxBytes: c.Ledger.OutboxMaxBytes,
		DiskReserveBytes: c.Ledger.DiskReserveBytes, SessionTimeout: c.Ledger.SessionTimeout, Standby: opt.standby,
	}, engine.Deps{
		Journal: s.Log, Codec: s.Codec, Clock: engine.NewSystemClock(),
		Logger: s.Logger, Observer: opt.observer, Sinks: sinks, Tracer: opt.tracer,
	})
}

// storesIn is the directory of a configuration's stores.
func storesIn(c *config.Config) string { return filepath.Join(c.DataDir, "ledger") }
