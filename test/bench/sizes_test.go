package bench_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// A quiet system, and what a record of one costs beside its value: a batch of
// its own with Kafka's headers.
const (
	quietFeeds      = 30
	quietPartitions = 24
	quietPoll       = 10 // seconds between two polls of a feed
	quietTick       = 30 // seconds between two ticks of a partition
	recordOverhead  = 61 + 8
	day             = 24 * 60 * 60
)

func codec(t *testing.T) *avroevent.Codec {
	t.Helper()
	c, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encoded(t *testing.T, c *avroevent.Codec, v any) float64 {
	t.Helper()
	value, err := c.Encode(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return float64(len(value))
}

// measureQuiet computes what a system appends in which nothing happens: every
// poll finds nothing and says so, every tick carries every feed.
func measureQuiet(t *testing.T, _ scale) []figure {
	c := codec(t)
	from, until := Clock(0, 0, 0), Clock(10, 0, 0)
	tick := Tick(until)
	for i := range quietFeeds {
		f := Covered(ledger.Source(fmt.Sprintf("source-%02d", i)), "sales-orders", from, until)
		f.Epoch.OpenedBy = "edge-0"
		tick.Feeds = append(tick.Feeds, f)
	}
	status := &ledger.SourceStatus{
		Source: "source-00", Feed: "sales-orders", Instance: "edge-0", Epoch: ledger.Epoch{Number: 1, OpenedBy: "edge-0"},
		Intervals: []ledger.Interval{{From: from, Until: until}}, Cursor: []byte(`{"after":"2026-03-02T10:00:00Z","id":"1048576"}`),
		LastHeard: until, SourceDate: until, Skew: 120 * ledger.Millisecond, ReportedAt: until,
	}
	tickBytes, statusBytes := encoded(t, c, tick)+recordOverhead, encoded(t, c, status)+recordOverhead
	ticks := tickBytes * quietPartitions * day / quietTick / 1e6
	statuses := statusBytes * quietFeeds * day / quietPoll / 1e6
	return []figure{
		of("quiet day", "MB", ticks+statuses).atMost(200).noting("computed: %d feeds polled every %d s, %d partitions ticking every %d s with all feeds; Kafka's headers included, one record per batch, before compression and replication",
			quietFeeds, quietPoll, quietPartitions, quietTick),
		of("of which ticks", "MB", ticks).noting("%s B each", number(tickBytes)),
		of("of which statuses", "MB", statuses).noting("%s B each", number(statusBytes)),
	}
}

// measureCodec times one order document there and back.
func measureCodec(t *testing.T, s scale) []figure {
	c := codec(t)
	e := stage(0, 1)
	e.Body = ledger.Body{Codec: "zstd", Bytes: bodies()[:bodyBytes]}
	value, err := c.Encode(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	dec, dst := c.NewDecoder(), []byte(nil)
	key := []byte(e.Order)
	encode := func() {
		if dst, err = c.Encode(dst[:0], e); err != nil {
			t.Fatal(err)
		}
	}
	decode := func() {
		rec := ledger.Record{Key: key}
		if dec.Decode(value, &rec); rec.Event == nil {
			t.Fatal(rec.Poison.Reason)
		}
	}
	var out []figure
	for _, op := range []struct {
		name string
		run  func()
	}{{"encode OrderEvent", encode}, {"decode OrderEvent", decode}} {
		op.run()
		if !s.countLoops {
			out = append(out, of(op.name, "runs", 1))
			continue
		}
		var ns []float64
		var last testing.BenchmarkResult
		for range 3 {
			last = testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					op.run()
				}
			})
			ns = append(ns, float64(last.NsPerOp()))
		}
		out = append(out, of(op.name, "ns", ns...).noting("%d B, %d allocations; decoding checks the event's id", len(value), last.AllocsPerOp()))
	}
	return out
}

// measureSizes says what an order takes in the log, on disk and in memory.
func measureSizes(t *testing.T, s scale) []figure {
	r := newRig(t, 1)
	r.fill(mixed(s.orders), 1)
	n := float64(s.orders)
	dir := filepath.Join(t.TempDir(), "store")
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.folded(store, func() error { return store.DeleteRange([]byte{'#'}, []byte{'#' + 1}) }) // what sinks have is trimmed
	closeAll(t, store)
	if store, err = engine.OpenStore(dir, engine.StoreOptions{}); err != nil { // obsolete files are gone
		t.Fatal(err)
	}
	disk := float64(store.DiskBytes())
	live := 0.0
	err = store.Scan(nil, nil, func(k, v []byte) (bool, error) { live += float64(len(k) + len(v)); return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	closeAll(t, store)
	return []figure{
		of("in the log", "B per order", float64(r.bytes)/n).noting("%d events of %d B bodies; ticks included", perOrder, bodyBytes),
		of("on disk", "B per order", disk/n).noting("Pebble after reopening, outbox trimmed, as its compactions left it"),
		of("live in the store", "B per order", live/n).noting("keys and values, uncompressed"),
		of("in memory", "B per order", r.heapOf()/n).noting("heap of a partition that holds every order decoded, at %s orders", number(n)),
	}
}

// heapOf is the live heap of a partition that folded the whole log.
func (r *rig) heapOf() float64 {
	r.t.Helper()
	p, err := ledger.Open(NewLog().Store, ledger.Options{Partitions: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	records, err := kafkalog.ReadRange(r.t.Context(), r.log, kafkalog.Position{Topic: kafkalog.TopicEvents}, r.records)
	if err != nil {
		r.t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	dec := r.codec.NewDecoder()
	var sink discard
	for i := range records {
		d := engine.Decode(dec, &records[i])
		if d.Record.Tick != nil {
			continue // its timers would be looked for in the store
		}
		if err := p.Apply(&d.Record); err != nil {
			r.t.Fatal(err)
		}
		if i%batchRecords == 0 || d.Record.Policy != nil {
			p.Flush(&sink)
		}
	}
	p.Flush(&sink)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(p)
	runtime.KeepAlive(records)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc)
}
