package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

const batchRecords = 4_000

// write is one recorded Put or Delete.
type write struct {
	key, value []byte
	del        bool
}

// recorder is a store that remembers what each commit wrote.
type recorder struct {
	*engine.Store
	commits [][]write
	bytes   int64
}

// Commit implements engine.Committer.
func (r *recorder) Commit(fill func(ledger.Batch)) error {
	return r.Store.Commit(func(b ledger.Batch) {
		t := &tee{to: b}
		fill(t)
		r.commits = append(r.commits, t.list)
		r.bytes += t.bytes
	})
}

// tee passes writes on and keeps them.
type tee struct {
	to    ledger.Batch
	list  []write
	bytes int64
}

func (t *tee) Put(k, v []byte) {
	t.to.Put(k, v)
	t.list = append(t.list, write{append([]byte(nil), k...), append([]byte(nil), v...), false})
	t.bytes += int64(len(k) + len(v))
}

func (t *tee) Delete(k []byte) {
	t.to.Delete(k)
	t.list = append(t.list, write{append([]byte(nil), k...), nil, true})
	t.bytes += int64(len(k))
}

// openStore opens an empty store, which the caller closes.
func openStore(t *testing.T) *engine.Store {
	t.Helper()
	s, err := engine.OpenStore(filepath.Join(t.TempDir(), "store"), engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// folded replays partition 0 of the log into a store.
func (r *rig) folded(store engine.Committer, committed func() error) {
	r.t.Helper()
	id, err := r.log.TopicID(r.t.Context(), r.topic)
	if err != nil {
		r.t.Fatal(err)
	}
	opt := engine.FoldOptions{Partitions: 1, TopicID: id}
	if r.topic == kafkalog.TopicUnkeyed {
		opt.Partition, opt.OrderPartitions = ledger.AliasPartitions, 1
	}
	fold, err := engine.NewFold(store, opt)
	if err != nil {
		r.t.Fatal(err)
	}
	err = engine.Replay(r.t.Context(), engine.ReplayOptions{Journal: r.log, Topic: r.topic, Decoder: r.codec.NewDecoder(), Until: r.records, Batch: batchRecords}, fold, committed)
	if err != nil {
		r.t.Fatal(err)
	}
	if at := fold.Place().Offset; at != r.records {
		r.t.Fatalf("folded to %d of %d", at, r.records)
	}
}

// bare is the ceiling: the same bytes consumed and decoded in one goroutine,
// the same keys and values committed by another.
func (r *rig) bare(store *engine.Store, commits [][]write) {
	r.t.Helper()
	reader, err := r.log.NewReader(kafkalog.ReaderOptions{MaxPollRecords: batchRecords, Assignments: map[string]map[int32]int64{r.topic: {0: 0}}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Close()
	done := make(chan int, 2)
	fault := make(chan error, 1)
	ctx := context.WithoutCancel(r.t.Context())
	go func() {
		defer close(done)
		dec := r.codec.NewDecoder()
		for seen := int64(0); seen < r.records; {
			batches, err := reader.Poll(ctx)
			if err != nil {
				fault <- err
				return
			}
			for i := range batches {
				out := make([]engine.Decoded, 0, len(batches[i].Records))
				for k := range batches[i].Records {
					out = append(out, engine.Decode(dec, &batches[i].Records[k]))
				}
				seen += int64(len(out))
				done <- len(out)
			}
		}
	}()
	next, seen := 0, int64(0)
	for n := range done {
		seen += int64(n)
		for upTo := int(int64(len(commits)) * seen / r.records); next < upTo; next++ {
			err := store.Commit(func(b ledger.Batch) {
				for _, w := range commits[next] {
					if w.del {
						b.Delete(w.key)
					} else {
						b.Put(w.key, w.value)
					}
				}
			})
			if err != nil {
				r.t.Fatal(err)
			}
		}
	}
	select {
	case err := <-fault:
		r.t.Fatal(err)
	default:
	}
	if next != len(commits) {
		r.t.Fatalf("%d of %d commits were written", next, len(commits))
	}
}

// measureReplay compares log → fold → Pebble with the ceiling.
func measureReplay(t *testing.T, s scale) []figure {
	var out []figure
	for i, open := range s.open {
		rounds := s.rounds
		if i > 0 {
			rounds = min(rounds, 3)
		}
		out = append(out, replayAt(t, open, rounds)...)
	}
	return out
}

func replayAt(t *testing.T, open, rounds int) []figure {
	r := newRig(t, 1)
	r.fill(mixed(open), 1)
	rec := &recorder{Store: openStore(t)}
	r.folded(rec, nil)
	n := float64(r.records)
	var ours, ceiling, allocs []float64
	for range rounds {
		store, raw := openStore(t), openStore(t)
		took, a := timed(func() { r.folded(store, nil) })
		ours, allocs = append(ours, n/took.Seconds()), append(allocs, a.count/n)
		took, _ = timed(func() { r.bare(raw, rec.commits) })
		ceiling = append(ceiling, n/took.Seconds())
		closeAll(t, store, raw)
	}
	closeAll(t, rec.Store)
	at := fmt.Sprintf(" at %s open orders", number(float64(open)))
	ratio := of("ratio to the ceiling"+at, "×", ratios(ours, ceiling)...).atLeast(0.6)
	if open != 20_000 {
		ratio.Target, ratio.Met = "", nil
	}
	return []figure{
		of("log → fold → Pebble"+at, "records/s", ours...).noting("one partition, two goroutines, %d records per commit, synced; log in memory, %s B/record", batchRecords, number(float64(r.bytes)/n)),
		of("ceiling"+at, "records/s", ceiling...).noting("same bytes consumed and decoded, same keys and values in bare synced batches: %s B/record in %d commits", number(float64(rec.bytes)/n), len(rec.commits)),
		ratio,
		of("allocations"+at, "per record", allocs...).noting("decoding and storing included"),
	}
}

func closeAll(t *testing.T, stores ...*engine.Store) {
	t.Helper()
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
