package ordeal

import (
	"fmt"
	"path/filepath"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Forwarded lists the events that the alias stores sent to orders, and where the
// newest copy went.
func (x *Examination) Forwarded() map[ledger.EventID]ledger.OrderKey {
	x.t.Helper()
	out, dec := map[ledger.EventID]ledger.OrderKey{}, x.codec.NewDecoder()
	x.Each(kafkalog.TopicEvents, func(r *kafkalog.Record) {
		if f := engine.Decode(dec, r).Record.Reemit; f != nil && f.Live {
			out[f.Event.ID] = f.Order
		}
	})
	return out
}

// Joins checks the alias stores in the data directories of processes that ended:
// each, folded to the end of its log, is the single pass over it. The rows that
// the first, which owned them last, still had to ship are shipped.
func (x *Examination) Joins(data []string) {
	x.t.Helper()
	topic, err := x.log.TopicID(x.t.Context(), kafkalog.TopicUnkeyed)
	if err != nil {
		x.t.Fatal(err)
	}
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicUnkeyed)
	if err != nil {
		x.t.Fatal(err)
	}
	for p := range x.opt.Partitions {
		opt := engine.FoldOptions{Partition: p + ledger.AliasPartitions, Partitions: x.opt.Partitions, OrderPartitions: x.opt.Partitions, TopicID: topic}
		once := x.folded(filepath.Join(x.t.TempDir(), fmt.Sprintf("joins-%d", p)), opt, ends[p])
		x.ship(once, x.again, opt.Partition)
		for i, dir := range data {
			store := x.folded(filepath.Join(dir, "ledger", engine.StoreName(kafkalog.TopicUnkeyed, p)), opt, ends[p])
			if Digest(x.t, store) != Digest(x.t, once) {
				x.t.Errorf("unkeyed partition %d: the store in %s is not the single-pass replay: %s", p, dir, Difference(store, once))
			}
			if i == 0 {
				x.ship(store, x.product, opt.Partition)
			}
			if err := store.Close(); err != nil {
				x.t.Error(err)
			}
		}
		if err := once.Close(); err != nil {
			x.t.Error(err)
		}
	}
}

// folded opens a store of the alias machine and folds what it lacks.
func (x *Examination) folded(dir string, opt engine.FoldOptions, until int64) *engine.Store {
	x.t.Helper()
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	fold, err := engine.NewFold(store, opt)
	if err != nil {
		x.t.Fatal(err)
	}
	how := engine.ReplayOptions{Journal: x.log, Decoder: x.codec.NewDecoder(), Topic: kafkalog.TopicUnkeyed, Partition: opt.Partition - ledger.AliasPartitions, Until: until}
	if err := engine.Replay(x.t.Context(), how, fold, nil); err != nil {
		x.t.Fatal(err)
	}
	return store
}

// ship ships what a store has for ClickHouse.
func (x *Examination) ship(store *engine.Store, to *clickhouse.Sink, partition int32) {
	x.t.Helper()
	if _, err := engine.NewPump(store, to, engine.PumpOptions{Partition: partition}).Run(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}
