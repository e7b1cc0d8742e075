package ordeal

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/avroevent"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Examination is what stopped processes left behind: log, stores, ClickHouse.
type Examination struct {
	t     testing.TB
	opt   LogOptions
	log   *kafkalog.Log
	codec *avroevent.Codec
	topic [16]byte
	// product is the database that the product filled, again one filled by a
	// single pass over the log.
	product, again *clickhouse.Sink
	// ids holds the event ids of the log, perSource its records by source.
	ids       map[ledger.EventID]bool
	events    map[ledger.OrderKey]map[ledger.EventID]bool
	perSource map[ledger.Source]uint64
	counts    map[ledger.Source]uint64
}

// LogOptions name the log that is examined.
type LogOptions struct {
	// Kafka is a broker's address.
	Kafka string
	// Partitions of the keyed topics.
	Partitions int32
}

// Conserved checks that what was acknowledged is in the log, and that outcomes
// add up to records.
func (x *Examination) Conserved(acked map[ledger.EventID]ledger.OrderKey) {
	x.t.Helper()
	for id, order := range acked {
		if !x.ids[id] {
			x.t.Errorf("event %s of %s was acknowledged and is not in the log", id, order)
		}
	}
	for source, n := range x.perSource {
		if x.counts[source] != n {
			x.t.Errorf("source %s: outcomes add up to %d, the log holds %d records (S-40)", source, x.counts[source], n)
		}
	}
	if len(acked) == 0 || len(x.perSource) < 2 {
		x.t.Errorf("%d events acknowledged, records of %v: too little happened", len(acked), x.perSource)
	}
}

// OpenLog opens the log alone.
func OpenLog(t testing.TB, opt LogOptions) *Examination {
	t.Helper()
	x := &Examination{t: t, opt: opt, ids: map[ledger.EventID]bool{}, events: map[ledger.OrderKey]map[ledger.EventID]bool{}, perSource: map[ledger.Source]uint64{}, counts: map[ledger.Source]uint64{}}
	var err error
	if x.codec, err = avroevent.New(); err != nil {
		t.Fatal(err)
	}
	if x.log, err = kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{opt.Kafka}}, quiet(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.log.Close)
	if x.topic, err = x.log.TopicID(t.Context(), kafkalog.TopicEvents); err != nil {
		t.Fatal(err)
	}
	return x
}

// Open opens the log and the ClickHouse of stopped processes, whose data is in
// a directory. The program calls clickhouse.RunChild in its TestMain.
func Open(t testing.TB, opt LogOptions, history string) *Examination {
	t.Helper()
	x := OpenLog(t, opt)
	srv, err := embedded.Start(t.Context(), embedded.Options{DataDir: filepath.Join(history, "clickhouse"), Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	x.product, x.again = sink(t, srv.DSN(), clickhouse.Database), sink(t, srv.DSN(), "again")
	return x
}

// quiet returns a logger that shows what an operator would be warned of.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

func sink(t testing.TB, dsn, database string) *clickhouse.Sink {
	t.Helper()
	opt, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	opt.Auth.Database = database
	s, err := clickhouse.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Partition checks one partition's store, in the data directory of a process,
// against the log.
func (x *Examination) Partition(data string, p int32, acked map[ledger.EventID]ledger.OrderKey) {
	x.t.Helper()
	store, err := engine.OpenStore(filepath.Join(data, "ledger", engine.StoreName(kafkalog.TopicEvents, p)), engine.StoreOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: p, Partitions: x.opt.Partitions, TopicID: x.topic})
	if err != nil {
		x.t.Fatal(err)
	}
	until := fold.Place().Offset
	for source, outcomes := range fold.Part().Counts() {
		for _, n := range outcomes {
			x.counts[source] += n
		}
	}
	x.readLog(p, until)
	x.timelines(p, store, acked)
	scratch := x.replay(p, until)
	if Digest(x.t, store) != Digest(x.t, scratch) {
		x.t.Errorf("partition %d at %d: the store is not the single-pass replay: %s", p, until, Difference(store, scratch))
	}
	// What the product committed and had not shipped when it ended, it ships at
	// its next start; here its own pump does.
	if _, err := engine.NewPump(store, x.product, engine.PumpOptions{Partition: p}).Run(x.t.Context()); err != nil {
		x.t.Errorf("partition %d: %v", p, err)
	}
}

// readLog notes what a partition of the log holds.
func (x *Examination) readLog(p int32, until int64) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	records, err := kafkalog.ReadRange(ctx, x.log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: p}, until)
	if err != nil {
		x.t.Fatal(err)
	}
	if int64(len(records)) != until {
		x.t.Errorf("partition %d: the store stands at %d, the log holds %d records before it", p, until, len(records))
	}
	dec := x.codec.NewDecoder()
	for i := range records {
		d := engine.Decode(dec, &records[i])
		switch {
		case d.Record.Event != nil:
			ev := d.Record.Event
			x.ids[ev.ID] = true
			if x.events[ev.Order] == nil {
				x.events[ev.Order] = map[ledger.EventID]bool{}
			}
			x.events[ev.Order][ev.ID] = true
			x.perSource[d.Record.Event.Source]++
		case d.Record.Reemit != nil:
			ev := &d.Record.Reemit.Event
			if x.events[d.Record.Reemit.Order] == nil {
				x.events[d.Record.Reemit.Order] = map[ledger.EventID]bool{}
			}
			x.events[d.Record.Reemit.Order][ev.ID] = true
		case d.Record.Poison != nil:
			x.t.Errorf("partition %d offset %d: %s", p, records[i].Offset, d.Record.Poison.Reason)
		}
	}
}

// timelines checks that every acknowledged event of the partition's orders is
// told.
func (x *Examination) timelines(p int32, store ledger.Store, acked map[ledger.EventID]ledger.OrderKey) {
	x.t.Helper()
	r, err := ledger.NewReader(store, ledger.Options{Partition: p, Partitions: x.opt.Partitions})
	if err != nil {
		x.t.Fatal(err)
	}
	told := map[ledger.OrderKey]map[ledger.EventID]bool{}
	for id, order := range acked {
		if ledger.PartitionOf([]byte(order), x.opt.Partitions) != p {
			continue
		}
		if told[order] == nil {
			list, err := r.Timeline(order)
			if err != nil {
				x.t.Fatal(err)
			}
			told[order] = map[ledger.EventID]bool{}
			for i := range list {
				if list[i].Event != nil {
					told[order][list[i].Event.ID] = true
				}
			}
		}
		if !told[order][id] {
			x.t.Errorf("event %s was acknowledged and %s does not tell it", id, order)
		}
	}
}

// replay folds the log in one pass and ships its rows to the second database.
func (x *Examination) replay(p int32, until int64) *engine.Store {
	x.t.Helper()
	scratch, err := engine.OpenStore(filepath.Join(x.t.TempDir(), fmt.Sprintf("again-%d", p)), engine.StoreOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = scratch.Close() })
	fold, err := engine.NewFold(scratch, engine.FoldOptions{Partition: p, Partitions: x.opt.Partitions, TopicID: x.topic})
	if err != nil {
		x.t.Fatal(err)
	}
	if err := engine.Replay(x.t.Context(), engine.ReplayOptions{Journal: x.log, Decoder: x.codec.NewDecoder(), Partition: p, Until: until}, fold, nil); err != nil {
		x.t.Fatal(err)
	}
	if _, err := engine.NewPump(scratch, x.again, engine.PumpOptions{Partition: p}).Run(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return scratch
}

// SameHistory holds ClickHouse to the single pass: every table of every
// partition is dense, and has the same rows, by their greatest seq and hash.
func (x *Examination) SameHistory() {
	x.t.Helper()
	have, err := x.product.Audit(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	want, err := x.again.Audit(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	if len(have) != len(want) || len(want) < 2*int(x.opt.Partitions) {
		x.t.Errorf("v_audit has %d lines, of a single pass %d", len(have), len(want))
	}
	for i := range min(len(have), len(want)) {
		if !have[i].Dense || have[i] != want[i] {
			x.t.Errorf("v_audit %+v, of a single pass %+v", have[i], want[i])
		}
	}
	for p := range x.opt.Partitions {
		held, err := x.product.Held(x.t.Context(), p)
		if err != nil {
			x.t.Fatal(err)
		}
		if held[projections.History] == 0 {
			x.t.Errorf("partition %d: ClickHouse holds no history", p)
		}
	}
}
