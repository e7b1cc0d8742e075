package engine_test

import (
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// narrow keeps one table alone.
type narrow struct {
	*memory.Sink
	table projections.Table
}

// Name implements projections.Sink.
func (narrow) Name() string { return "narrow" }

// Wants implements projections.Sink.
func (n narrow) Wants(t projections.Table) bool { return t == n.table }

// TestOutboxHoldsWhatIsWanted: what no sink keeps is not written, and a sink
// that comes later lacks none of it (S-41).
func TestOutboxHoldsWhatIsWanted(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	ev := ledgertest.ShopEvent("1001", ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Created: ledgertest.Clock(9, 59, 59)})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	away := memory.New()
	away.Down() // so that nothing it wants is trimmed
	cfg := engine.Config{Dir: t.TempDir(), Partitions: partitions}
	deps := engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{narrow{away, projections.Orders}}}
	n, err := engine.Start(t.Context(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	p := n.PartitionOf(ev.Order)
	if err := n.Barrier(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	kept := outboxed(t, filepath.Join(cfg.Dir, engine.StoreName(kafkalog.TopicEvents, p)))
	if len(kept.Orders) == 0 || len(kept.History) > 0 {
		t.Errorf("the outbox holds %d orders and %d lines of history, want orders alone", len(kept.Orders), len(kept.History))
	}
	late := memory.New()
	deps.Sinks = append(deps.Sinks, late)
	if n, err = engine.Start(t.Context(), cfg, deps); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	until(t, func() bool { return len(late.Rows(p).History) > 0 && len(late.Rows(p).Orders) > 0 })
	dense(t, late.Rows(p))
}

// outboxed reads the rows that a closed store's outbox holds.
func outboxed(t *testing.T, dir string) *ledger.Rows {
	t.Helper()
	s, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	all := &ledger.Rows{}
	err = s.Scan([]byte{'#'}, []byte{'#' + 1}, func(_, v []byte) (bool, error) {
		rows, err := ledger.DecodeRows(append([]byte(nil), v...))
		if err != nil {
			return false, err
		}
		for t := range projections.Table(projections.Tables) {
			projections.Append(all, rows, t, 0, ^uint64(0))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
