package bench_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

const partitions = 4

// still is a clock that stands: the bench itself proposes every tick.
type still struct{ at ledger.Instant }

func (c still) Now() ledger.Instant             { return c.at }
func (c still) Boot() ([16]byte, ledger.Micros) { return [16]byte{7}, ledger.Day }

// start folds the log in a node that owns nothing and therefore proposes
// nothing.
func (r *rig) start() *engine.Node {
	r.t.Helper()
	n, err := engine.Start(r.t.Context(), engine.Config{Dir: r.t.TempDir(), Partitions: partitions, Standby: true, CacheOrders: 50_000},
		engine.Deps{Journal: r.log, Codec: r.codec, Clock: still{Clock(10, 0, 0)}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// caughtUp waits until a node has folded all the log holds.
func (r *rig) caughtUp(n *engine.Node) {
	r.t.Helper()
	for p := range int32(partitions) {
		if err := n.Barrier(r.t.Context(), p); err != nil {
			r.t.Fatal(err)
		}
	}
}

// openExceptions counts what a reader sees.
func (r *rig) openExceptions(n *engine.Node) int {
	r.t.Helper()
	count := 0
	for p := range int32(partitions) {
		err := n.Read(p, func(x *ledger.Reader, _ engine.Freshness) error {
			return x.OpenExceptions(ledger.ExceptionID{}, func(*ledger.Exception) bool { count++; return true })
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return count
}

// measureStorm lets every order's deadline pass in the same second.
func measureStorm(t *testing.T, s scale) []figure {
	var took, perSecond []float64
	for range min(s.rounds, 3) {
		d := storm(t, s.many)
		took, perSecond = append(took, d.Seconds()), append(perSecond, float64(s.many)/d.Seconds())
	}
	return []figure{
		of("timer storm", "s", took...).atMost(5).noting("%s deadlines in one second, %d partitions on synced Pebble: from the append of the ticks to the last exception a reader sees", number(float64(s.many)), partitions),
		of("exceptions opened", "per s", perSecond...),
	}
}

func storm(t *testing.T, orders int) time.Duration {
	t.Helper()
	r := newRig(t, partitions)
	second := Clock(10, 0, 0)
	for i := range orders {
		at := second.Add(ledger.Micros(i) * ledger.Second / ledger.Micros(orders))
		e := ShopEvent(fmt.Sprint(i), at, at.Add(ledger.Second), Words{Order: "open", Payment: "paid", Fulfilment: "(null)", Created: at, Minor: 4990})
		r.append(kafkalog.ByKey, string(e.Order), e)
	}
	for p := range int32(partitions) {
		r.append(p, "", tick(Clock(10, 1, 0)))
	}
	n := r.start()
	defer func() {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	r.caughtUp(n)
	if before := r.openExceptions(n); before != 0 {
		t.Fatalf("%d exceptions are open before the storm", before)
	}
	start := time.Now()
	var offsets [partitions]int64
	for p := range int32(partitions) {
		offsets[p] = r.append(p, "", tick(Clock(10, 3, 0)))
	}
	for p := range int32(partitions) {
		if err := n.WaitFor(t.Context(), p, offsets[p]+1); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start)
	if open := r.openExceptions(n); open != orders {
		t.Fatalf("%d of %d exceptions opened", open, orders)
	}
	return took
}

// measureTimeline reads random orders' timelines in process.
func measureTimeline(t *testing.T, s scale) []figure {
	r := newRig(t, partitions)
	r.fill(mixed(s.many), partitions)
	n := r.start()
	defer func() {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	r.caughtUp(n)
	rnd := rand.New(rand.NewPCG(3, 4))
	var p50, p99, allocs []float64
	for range min(s.rounds, 3) {
		took := make([]float64, 0, s.reads)
		_, a := timed(func() {
			for range s.reads {
				key := stage(0, rnd.IntN(s.many)).Order
				start := time.Now()
				lines := 0
				err := n.Read(n.PartitionOf(key), func(x *ledger.Reader, _ engine.Freshness) error {
					told, err := x.Timeline(key)
					lines = len(told)
					return err
				})
				took = append(took, float64(time.Since(start).Microseconds())/1000)
				if err != nil || lines < perOrder {
					t.Fatalf("timeline of %s: %d lines: %v", key, lines, err)
				}
			}
		})
		slices.Sort(took)
		p50, p99 = append(p50, took[len(took)/2]), append(p99, took[len(took)*99/100])
		allocs = append(allocs, a.count/float64(s.reads))
	}
	return []figure{
		of("timeline p50", "ms", p50...).noting("random orders of %s, in process", number(float64(s.many))),
		of("timeline p99", "ms", p99...).atMost(5),
		of("allocations", "per read", allocs...),
	}
}
