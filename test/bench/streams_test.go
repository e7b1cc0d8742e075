package bench_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// streamed is what the Java program prints.
type streamed struct {
	Records     int64            `json:"records"`
	Orders      int              `json:"orders"`
	Applied     uint64           `json:"applied"`
	Duplicates  uint64           `json:"duplicates"`
	Breached    int              `json:"breached"`
	Cells       map[string]int64 `json:"cells"`
	CPUSeconds  float64          `json:"cpu_seconds"`
	SecondHalf  float64          `json:"second_half_seconds"`
	WallSeconds float64          `json:"wall_seconds"`
}

// contest is one topic that both sides fold.
type contest struct {
	*cluster
	flow flow
	runs int
}

func newContest(t *testing.T, f flow) *contest {
	c := &contest{cluster: newCluster(t), flow: f}
	c.fill(flowPolicy(), f.records())
	return c
}

// ours folds the topic in a process of its own.
func (c *contest) ours(task foldTask) *folded {
	c.t.Helper()
	dir, err := os.MkdirTemp(c.t.TempDir(), "ours")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	task.Broker, task.Dir = c.broker.Addr(), dir
	if task.Until == [partitions]int64{} {
		task.Until = c.ends()
	}
	out := answer[folded](c.t, child(c.t, foldCommand, task))
	return &out
}

// theirs folds the topic with Kafka Streams, as an application of its own, and
// leaves nothing on the broker.
func (c *contest) theirs(commitMillis int, withTally bool) *streamed {
	c.t.Helper()
	c.runs++
	name := fmt.Sprintf("streams-%d", c.runs)
	dir := filepath.Join(c.t.TempDir(), name)
	task := streamsTask{brokers: c.broker.Addr(), application: name, output: name + "-breaches", directory: dir, records: c.records, commitMillis: commitMillis, tally: withTally}
	var ok, tickOK bool
	task.eventSchema, ok = c.codec.SchemaID(&ledger.Event{})
	if task.tickSchema, tickOK = c.codec.SchemaID(&ledger.Tick{}); !ok || !tickOK {
		c.t.Fatal("events and ticks have no schema")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addr()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(c.t.Context(), partitions, 1, nil, task.output); err != nil {
		c.t.Fatal(err)
	}
	out := answer[streamed](c.t, task.command(c.t, kafkalog.TopicEvents))
	if _, err := admin.DeleteTopics(c.t.Context(), task.output, name+"-orders-changelog"); err != nil {
		c.t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		c.t.Fatal(err)
	}
	return &out
}

// agree checks that both sides made the same of the same records.
func (c *contest) agree(a *folded, b *streamed, tallied bool) {
	c.t.Helper()
	if a.Records != b.Records || a.Applied != b.Applied || a.Duplicates != b.Duplicates || a.Breached != b.Breached || b.Orders != c.flow.orders || a.Breached != c.flow.breached() {
		c.t.Fatalf("ours: %d records, %d applied, %d duplicates, %d breached; theirs: %d, %d, %d, %d of %d orders; %d orders of the stream break the rule, of %d",
			a.Records, a.Applied, a.Duplicates, a.Breached, b.Records, b.Applied, b.Duplicates, b.Breached, b.Orders, c.flow.breached(), c.flow.orders)
	}
	if tallied && (len(a.Cells) == 0 || !maps.Equal(a.Cells, b.Cells)) {
		c.t.Fatalf("cells differ: ours %v, theirs %v", a.Cells, b.Cells)
	}
}

// pace is what a side managed per second of its processor, in all and in its
// second half, when everything is compiled and warm.
type pace struct{ all, half []float64 }

func (p *pace) add(records int64, cpu, second float64) {
	p.all, p.half = append(p.all, float64(records)/cpu), append(p.half, float64(records)/2/second)
}

// sides are what was measured; theirs is one per interval, and ours was measured
// once before each.
type sides struct {
	intervals   []int // ms
	ours, boxed pace
	theirs      []pace
	last        *folded // of ours
}

// round measures each side once per interval, the first time with a count of
// every cell.
func (m *sides) round(c *contest, first bool) {
	c.t.Helper()
	for i, ms := range m.intervals {
		tallied := first && i == 0
		m.last = c.ours(foldTask{Tally: tallied})
		m.ours.add(m.last.Records, m.last.CPUSeconds, m.last.SecondHalf)
		b := c.theirs(ms, tallied)
		m.theirs[i].add(b.Records, b.CPUSeconds, b.SecondHalf)
		c.agree(m.last, b, tallied)
	}
	b := c.ours(foldTask{Outbox: true})
	m.boxed.add(b.Records, b.CPUSeconds, b.SecondHalf)
}

// measureStreams compares our fold with the same aggregation in Kafka Streams.
func measureStreams(t *testing.T, s scale) []figure {
	c := newContest(t, newFlow(s.flowOrders, s.flowOpen))
	m := &sides{intervals: s.commitMillis, theirs: make([]pace, len(s.commitMillis))}
	for round := range s.rounds {
		m.round(c, round == 0)
	}
	best := 0.0
	for i := range m.theirs {
		best = max(best, median(m.theirs[i].all))
	}
	return append(m.figures(c), c.fourfold(best))
}

func (m *sides) figures(c *contest) []figure {
	const unit = "records per CPU second"
	paired := func(all []float64, i int) (out []float64) {
		for k := i; k < len(all); k += len(m.intervals) {
			out = append(out, all[k])
		}
		return out
	}
	out := []figure{
		of("log → fold → Pebble", unit, m.ours.all...).noting("%s records of %s B, %s orders, %s open at a time, %d partitions of Kafka 4.3; a process of its own, its start included; %s allocations per record, %s MB at its peak",
			number(float64(c.records)), number(float64(c.bytes)/float64(c.records)), number(float64(c.flow.orders)), number(float64(c.flow.open)), partitions,
			number(m.last.Allocs/float64(m.last.Records)), number(m.last.PeakMB)),
		of("log → fold → Pebble, second half", unit, m.ours.half...),
		of("log → fold → Pebble, rows kept for ClickHouse", unit, m.boxed.all...).noting("the same with history, which the other side does not keep"),
	}
	for i, ms := range m.intervals {
		name, theirs := fmt.Sprintf("Kafka Streams, commits every %d ms", ms), &m.theirs[i]
		out = append(out,
			of(name, unit, theirs.all...).noting("4.3, exactly_once_v2, two threads, RocksDB, record cache 256 MiB, lz4 changelog; a JVM of its own, its start and compiling included"),
			of(name+", second half", unit, theirs.half...),
			of(fmt.Sprintf("ratio at %d ms", ms), "×", ratios(paired(m.ours.all, i), theirs.all)...).atLeast(2),
			of(fmt.Sprintf("ratio at %d ms, second half", ms), "×", ratios(paired(m.ours.half, i), theirs.half)...))
	}
	return out
}
