package bench_test

import (
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// touched is a store that notes which keys are read of it.
type touched struct {
	ledger.Store
	keys [][]byte
}

// Get implements ledger.Store.
func (s *touched) Get(key []byte) ([]byte, bool, error) {
	s.keys = append(s.keys, slices.Clone(key))
	return s.Store.Get(key)
}

// Scan implements ledger.Store.
func (s *touched) Scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return s.Store.Scan(from, to, func(k, v []byte) (bool, error) {
		s.keys = append(s.keys, slices.Clone(k))
		return fn(k, v)
	})
}

// library is a folded ledger, read by chance.
type library struct {
	t      *testing.T
	dir    string
	stores [partitions]*engine.Store
	orders int
	rnd    *rand.Rand
}

func (l *library) key() (ledger.OrderKey, int32) {
	k := Key(orderID(l.rnd.IntN(l.orders)))
	return k, ledger.PartitionOf([]byte(k), partitions)
}

// serve folds the topic in a node and times timelines as the API reads them.
func (l *library) serve(c *cluster, reads, rounds int) (p50, p99 []float64) {
	l.t.Helper()
	n, err := engine.Start(l.t.Context(), engine.Config{Dir: l.dir, Partitions: partitions, Standby: true},
		engine.Deps{Journal: c.log, Codec: c.codec, Clock: still{Clock(10, 0, 0)}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		l.t.Fatal(err)
	}
	for p := range int32(partitions) {
		if err := n.Barrier(l.t.Context(), p); err != nil {
			l.t.Fatal(err)
		}
	}
	for range rounds {
		took := make([]float64, 0, reads)
		for range reads {
			key, partition := l.key()
			start := time.Now()
			lines := 0
			err := n.Read(partition, func(r *ledger.Reader, _ engine.Freshness) error {
				told, err := r.Timeline(key)
				lines = len(told)
				return err
			})
			took = append(took, float64(time.Since(start).Nanoseconds())/1e6)
			if err != nil || lines < 3 {
				l.t.Fatalf("timeline of %s: %d lines: %v", key, lines, err)
			}
		}
		slices.Sort(took)
		p50, p99 = append(p50, took[len(took)/2]), append(p99, took[len(took)*99/100])
	}
	if err := n.Close(); err != nil {
		l.t.Fatal(err)
	}
	return p50, p99
}

// open opens the stores that the node left.
func (l *library) open() {
	l.t.Helper()
	cache := pebble.NewCache(64 << 20)
	l.t.Cleanup(cache.Unref)
	for p := range l.stores {
		s, err := engine.OpenStore(filepath.Join(l.dir, engine.StoreName(kafkalog.TopicEvents, int32(p))), engine.StoreOptions{Cache: cache})
		if err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { _ = s.Close() })
		l.stores[p] = s
	}
}

// lookup is one timeline: whose, where, and which keys it touches.
type lookup struct {
	key       ledger.OrderKey
	partition int32
	keys      [][]byte
}

// base is a partition's reader that later ones share the policy of.
func (l *library) base(p int32, s ledger.Store) *ledger.Reader {
	l.t.Helper()
	r, err := ledger.NewReader(s, ledger.Options{Partition: p, Partitions: partitions})
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// timeline reads an order on a snapshot, as a node does.
func (l *library) timeline(base *ledger.Reader, x *lookup) {
	snap := l.stores[x.partition].Snapshot()
	r, err := base.Next(snap)
	if err == nil {
		_, err = r.Timeline(x.key)
	}
	if cerr := snap.Close(); err != nil || cerr != nil {
		l.t.Fatalf("timeline of %s: %v, %v", x.key, err, cerr)
	}
}

// lookups chooses orders, and finds out which keys each takes.
func (l *library) lookups(n int) []lookup {
	l.t.Helper()
	var bases [partitions]*ledger.Reader
	for p := range bases {
		bases[p] = l.base(int32(p), l.stores[p])
	}
	out := make([]lookup, n)
	for i := range out {
		out[i].key, out[i].partition = l.key()
		s := &touched{Store: l.stores[out[i].partition]}
		r, err := bases[out[i].partition].Next(s)
		if err != nil {
			l.t.Fatal(err)
		}
		if _, err := r.Timeline(out[i].key); err != nil {
			l.t.Fatal(err)
		}
		out[i].keys = s.keys
	}
	return out
}

// compare times the timelines and bare gets of the keys they touch.
func (l *library) compare(reads, rounds int) (ours, bare []float64, keys float64) {
	l.t.Helper()
	var bases [partitions]*ledger.Reader
	for p := range bases {
		bases[p] = l.base(int32(p), l.stores[p])
	}
	for range rounds {
		list, total := l.lookups(reads), 0
		start := time.Now()
		for i := range list {
			l.timeline(bases[list[i].partition], &list[i])
		}
		ours = append(ours, float64(reads)/time.Since(start).Seconds())
		start = time.Now()
		for i := range list {
			for _, k := range list[i].keys {
				if _, _, err := l.stores[list[i].partition].Get(k); err != nil {
					l.t.Fatal(err)
				}
				total++
			}
		}
		bare = append(bare, float64(reads)/time.Since(start).Seconds())
		keys = float64(total) / float64(reads)
	}
	return ours, bare, keys
}

// measureReads reads timelines of a ledger of many orders.
func measureReads(t *testing.T, s scale) []figure {
	c := newCluster(t)
	c.fill(flowPolicy(), newFlow(s.readOrders, s.flowOpen).records())
	l := &library{t: t, dir: t.TempDir(), orders: s.readOrders, rnd: rand.New(rand.NewPCG(3, 4))}
	p50, p99 := l.serve(c, s.reads, s.rounds)
	l.open()
	ours, bare, keys := l.compare(s.reads, s.rounds)
	return []figure{
		of("timeline p50", "ms", p50...).noting("random orders of %s with 5 documents each, through a node, in process", number(float64(s.readOrders))),
		of("timeline p99", "ms", p99...).atMost(5),
		of("timelines", "per s", ours...).noting("one goroutine, a snapshot each; after a restart of the store"),
		of("bare gets of the same keys", "timelines per s", bare...).noting("Pebble, %s keys per timeline; keys were just read on both sides", number(keys)),
		of("ratio", "×", ratios(ours, bare)...).atLeast(0.3),
	}
}
