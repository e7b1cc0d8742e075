package bench_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
)

// discard is a batch that keeps nothing.
type discard struct{ bytes int }

func (d *discard) Put(k, v []byte) { d.bytes += len(k) + len(v) }
func (d *discard) Delete(k []byte) { d.bytes += len(k) }

// measureFold folds the mixed stream's events on one core, every order in
// memory, encoding a batch of every thousand.
func measureFold(t *testing.T, s scale) []figure {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	orders := s.orders
	var rate, wall, allocs, size, decoded []float64
	for range s.rounds {
		events := make([]*ledger.Event, 0, orders*perOrder)
		for wave := range perOrder {
			for i := range orders {
				events = append(events, stage(wave, i))
			}
		}
		decoded = append(decoded, decodeRate(t, events))
		p := NewLog().Append(Policy()).P
		var sink discard
		before := processorTime(t)
		took, a := timed(func() {
			before = processorTime(t)
			for i, e := range events {
				if err := p.Apply(&ledger.Record{Offset: int64(i + 1), RecordedAt: Noon, Event: e}); err != nil {
					t.Fatal(err)
				}
				if i%1000 == 999 {
					p.Flush(&sink)
				}
			}
			p.Flush(&sink)
		})
		n := float64(len(events))
		rate, wall = append(rate, n/(processorTime(t)-before).Seconds()), append(wall, n/took.Seconds())
		allocs, size = append(allocs, a.count/n), append(size, a.bytes/n)
	}
	return []figure{
		of("pure fold, one core", "events per CPU second", rate...).atLeast(300_000).noting("%d orders in flight, %d events each, collector included; by the clock on the wall %s/s", orders, perOrder, number(median(wall))),
		of("allocations", "per event", allocs...).atMost(5),
		of("allocated", "B per event", size...),
		of("decoding the same events", "events per CPU second", decoded...).noting("without bodies, in the same rounds"),
		of("ratio of folding to decoding", "×", ratios(rate, decoded)...),
	}
}

// decodeRate decodes the events' encodings, without bodies.
func decodeRate(t *testing.T, events []*ledger.Event) float64 {
	t.Helper()
	c := codec(t)
	values := make([][]byte, len(events))
	for i, e := range events {
		var err error
		if values[i], err = c.Encode(nil, e); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	dec, before := c.NewDecoder(), processorTime(t)
	for i, e := range events {
		rec := ledger.Record{Key: []byte(e.Order)}
		if dec.Decode(values[i], &rec); rec.Event == nil {
			t.Fatal(rec.Poison.Reason)
		}
	}
	return float64(len(events)) / (processorTime(t) - before).Seconds()
}

// processorTime is the CPU time this process has used: unlike the wall's, it
// does not count what other processes take of a core.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// claimed is a document of an order whose payment goes to and fro, in its n-th
// version, two seconds after the one before.
func claimed(id string, n int) *ledger.Event {
	at := Clock(10, 0, 0).Add(ledger.Micros(n) * 2 * ledger.Second)
	return ShopEvent(id, at, at.Add(ledger.Second), Words{
		Order: "open", Payment: [...]string{"pending", "paid"}[n%2], Fulfilment: "(null)",
		Created: Clock(10, 0, 0), Minor: 1000,
	})
}

// longOrders is a partition in which orders have so many claims.
type longOrders struct {
	t      *testing.T
	store  *engine.Store
	p      *ledger.Partition
	offset int64
}

func newLongOrders(t *testing.T) *longOrders {
	t.Helper()
	store, err := engine.OpenStore("store", engine.StoreOptions{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	l := &longOrders{t: t, store: store}
	if l.p, err = ledger.Open(store, ledger.Options{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	l.apply(&ledger.Record{Policy: PolicyRecord(Policy())})
	l.commit()
	return l
}

func (l *longOrders) apply(r *ledger.Record) {
	r.Offset, r.RecordedAt = l.offset, Noon
	l.offset++
	if err := l.p.Apply(r); err != nil {
		l.t.Fatal(err)
	}
}

func (l *longOrders) commit() {
	if err := l.store.Commit(l.p.Flush); err != nil {
		l.t.Fatal(err)
	}
}

// grow gives an order the claims [from, to), a hundred per commit.
func (l *longOrders) grow(id string, from, to int) {
	for n := from; n < to; n++ {
		l.apply(&ledger.Record{Event: claimed(id, n)})
		if n%100 == 99 {
			l.commit()
		}
	}
	l.commit()
}

// add applies and commits events one by one and returns the mean cost in ns.
// Committed to nowhere, it is what the fold alone costs.
func (l *longOrders) add(events []*ledger.Event, commit func(func(ledger.Batch)) error) float64 {
	start := time.Now()
	for _, e := range events {
		l.apply(&ledger.Record{Event: e})
		if err := commit(l.p.Flush); err != nil {
			l.t.Fatal(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(len(events))
}

func nowhere(fill func(ledger.Batch)) error {
	fill(&discard{})
	return nil
}

// grown are some orders of ten claims and one of thousands, and what comes next.
type grown struct {
	*longOrders
	near, far, past []*ledger.Event
}

func grow(t *testing.T, s scale, orders int) *grown {
	const few, more, older = 10, 16, 2
	g := &grown{longOrders: newLongOrders(t)}
	for i := range orders {
		id := fmt.Sprintf("short-%d", i)
		g.grow(id, 0, few)
		for n := range more {
			g.near = append(g.near, claimed(id, few+n))
		}
	}
	g.grow("long", 1, s.long)
	for n := range len(g.near) {
		g.far = append(g.far, claimed("long", s.long+n))
	}
	for n := range older {
		at := Clock(10, 0, 0).Add(ledger.Micros(s.long/2+n)*2*ledger.Second + ledger.Second)
		g.past = append(g.past, ShopEvent("long", at, at, Words{Order: "open", Payment: "pending", Fulfilment: "(null)"}))
	}
	runtime.GC()
	return g
}

// measureLongOrder compares what one more claim costs an order of 10 and one of
// thousands (S-42). Means, since folding old claims away is paid now and then.
func measureLongOrder(t *testing.T, s scale) []figure {
	orders := max(s.long/100, 2)
	var short, long, stored, storedLong, late []float64
	for range min(s.rounds, 3) {
		g := grow(t, s, orders)
		short, long = append(short, g.add(g.near, nowhere)), append(long, g.add(g.far, nowhere))
		g = grow(t, s, orders)
		stored, storedLong = append(stored, g.add(g.near, g.store.Commit)), append(storedLong, g.add(g.far, g.store.Commit))
		late = append(late, g.add(g.past, g.store.Commit))
	}
	th := fmt.Sprintf("%dth", s.long)
	return []figure{
		of("a newest claim at the 10th", "ns", short...).noting("fold and encoding alone; mean of the 10th to the 26th claim of %d orders", orders),
		of("a newest claim at the "+th, "ns", long...).noting("the same number of claims, all on one order"),
		of("ratio", "×", ratios(long, short)...).atMost(2),
		of("ratio, each claim committed to Pebble", "×", ratios(storedLong, stored)...).atMost(2).noting("on memory: %s ns at the 10th", number(median(stored))),
		of("an older claim at the "+th, "ns", late...).noting("stamped half-way: the order is read and replayed whole"),
	}
}
