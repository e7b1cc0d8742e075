package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/test/ordeal"
)

// openLog connects to a broker and makes the topics.
func openLog(t *testing.T, addr string, embedded bool) *kafkalog.Log {
	t.Helper()
	log, err := kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{addr}}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: embedded})
	if _, err := log.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return log
}

// embeddedLog starts the embedded broker.
func embeddedLog(t *testing.T) *kafkalog.Log {
	t.Helper()
	b, err := broker.Start(broker.Options{DataDir: t.TempDir(), Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return openLog(t, b.Addr(), true)
}

// startKafka starts Kafka itself.
func startKafka(t *testing.T) *realkafka.Broker {
	t.Helper()
	b, err := realkafka.Start(t.Context(), realkafka.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill9)
	return b
}

// appendAll writes records in their order and checks that every offset is what
// their place says: the same in every log.
func appendAll(t *testing.T, log *kafkalog.Log, records []kafkalog.Record) {
	t.Helper()
	done := make(chan error, len(records))
	next := map[int32]int64{}
	for i := range records {
		want := next[records[i].Partition]
		next[records[i].Partition]++
		log.AppendAsync(records[i], func(at kafkalog.Position, err error) {
			if err == nil && at.Offset != want {
				err = fmt.Errorf("record %d stands at %s, want offset %d", i, at, want)
			}
			done <- err
		})
	}
	for range records {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// folding says how a log is folded.
type folding struct {
	log       *kafkalog.Log
	partition int32
	until     int64
	batch     int
	// reopen closes the store halfway and opens it again.
	reopen bool
}

// refold folds a partition into a store of its own and returns the store.
func refold(t *testing.T, f folding) *engine.Store {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	id, err := f.log.TopicID(t.Context(), kafkalog.TopicEvents)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	run := func(until int64) *engine.Store {
		store, err := engine.OpenStore(dir, engine.StoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		fold, err := engine.NewFold(store, engine.FoldOptions{Partition: f.partition, Partitions: partitions, TopicID: id})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := engine.Replay(ctx, engine.ReplayOptions{Journal: f.log, Decoder: codec.NewDecoder(), Partition: f.partition, Until: until, Batch: f.batch}, fold, nil); err != nil {
			t.Fatal(err)
		}
		return store
	}
	if f.reopen {
		if err := run(f.until / 2).Close(); err != nil {
			t.Fatal(err)
		}
	}
	store := run(f.until)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// TestEveryLogGivesTheSameDigest: the same records give the same state through
// the embedded broker and through Kafka, in any batches, with a restart between
// (S-34, I-1).
func TestEveryLogGivesTheSameDigest(t *testing.T) {
	records := record(t, 50, 40*time.Minute)
	var ends [partitions]int64
	for i := range records {
		ends[records[i].Partition]++
	}
	embedded, kafka := embeddedLog(t), openLog(t, startKafka(t).Addr(), false)
	appendAll(t, embedded, records)
	appendAll(t, kafka, records)
	var exceptions atomic.Int64
	t.Cleanup(func() { // after the partitions, which run side by side
		if n := exceptions.Load(); n < 8 {
			t.Errorf("%d exceptions: the recorded shop does not try much", n)
		}
		t.Logf("%d records, %d exceptions", len(records), exceptions.Load())
	})
	for p := range int32(partitions) {
		t.Run(fmt.Sprintf("partition %d", p), func(t *testing.T) {
			t.Parallel()
			base := refold(t, folding{log: embedded, partition: p, until: ends[p]})
			want := ordeal.Digest(t, base)
			for name, f := range map[string]folding{
				"embedded, small batches, reopened": {log: embedded, batch: 7, reopen: true},
				"embedded, one by one":              {log: embedded, batch: 1},
				"kafka":                             {log: kafka},
				"kafka, small batches, reopened":    {log: kafka, batch: 13, reopen: true},
			} {
				f.partition, f.until = p, ends[p]
				store := refold(t, f)
				if ordeal.Digest(t, store) != want {
					t.Errorf("%s: another digest than the embedded broker in large batches: %s", name, ordeal.Difference(base, store))
				}
			}
			r, err := ledger.NewReader(base, ledger.Options{Partition: p, Partitions: partitions})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Exceptions(func(*ledger.Exception) bool { exceptions.Add(1); return true }); err != nil {
				t.Fatal(err)
			}
		})
	}
}
