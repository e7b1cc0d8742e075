package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// ledgerGroup is the consumer group of the two nodes.
const ledgerGroup = "ledger"

// pair is two ledger nodes of one group over a Kafka and a ClickHouse that
// outlive both: one in a process of its own, one in this.
type pair struct {
	t     *testing.T
	kafka string
	admin *kadm.Client
	shop  *neighbourhood
	first *dev
	data  string // of the second
	node  *engine.Node
	close func()
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, kafka: startKafka(t).Addr(), data: t.TempDir()}
	client, err := kgo.NewClient(kgo.SeedBrokers(p.kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	p.admin = kadm.NewClient(client)
	// The embedded ClickHouse may end with a client that was killed; the product
	// starts it again, as here.
	where := loopback()
	where.DataDir, where.ClickHouse = p.data, config.ClickHouse{}
	history, err := role.OpenHistory(t.Context(), where, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.close = sync.OnceFunc(history.Close)
	t.Cleanup(p.close)
	port := freePort(t)
	p.shop = newNeighbourhood(t, 28, port)
	p.first = newDev(t, t.TempDir(), p.shop.sources, fmt.Sprintf("listen: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:%d}\n"+
		"kafka: {brokers: [%s]}\nclickhouse: {dsn: %q}\nledger: {group: %s}\n", port, p.kafka, "clickhouse://default@"+history.Native+"/default", ledgerGroup))
	return p
}

// join starts the second node: it folds, ships and takes no webhooks.
func (p *pair) join() {
	p.t.Helper()
	cfg := config.Default()
	if err := cfg.Read(p.first.config); err != nil {
		p.t.Fatal(err)
	}
	cfg.Partitions, cfg.EndpointsFile, cfg.DataDir = partitions, "", p.data
	cfg.Finish()
	i, err := role.Start(p.t.Context(), cfg, role.Parts{History: true}, role.Watchers{}, quiet(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	history := p.close
	p.node, p.close = i.Node, func() {
		if err := i.Close(); err != nil {
			p.t.Error(err)
		}
		history()
	}
	p.t.Cleanup(func() { _ = i.Close() })
}

// shares waits until the group's members hold so many partitions each.
func (p *pair) shares(want ...int) {
	p.t.Helper()
	await(p.t, 40*time.Second, func() error {
		groups, err := p.admin.DescribeGroups(p.t.Context(), ledgerGroup)
		if err != nil {
			return err
		}
		var have []int
		for _, m := range groups[ledgerGroup].Members {
			n := 0
			if a, ok := m.Assigned.AsConsumer(); ok {
				for _, topic := range a.Topics {
					n += len(topic.Partitions)
				}
			}
			have = append(have, n)
		}
		slices.Sort(have)
		if !slices.Equal(have, want) {
			return yet("the members hold %v, wanted %v", have, want)
		}
		return nil
	})
}

// second waits until the second node owns so many partitions, and has folded
// and shipped everything of those.
func (p *pair) second(owns int) {
	p.t.Helper()
	await(p.t, 40*time.Second, func() error {
		n := 0
		for _, s := range p.node.Stats() {
			if !s.Owner || s.Partition >= ledger.AliasPartitions {
				continue
			}
			n++
			if s.Lag != 0 || s.Outbox != 0 {
				return yet("partition %d: %d records and %d bytes of rows are left", s.Partition, s.Lag, s.Outbox)
			}
		}
		if n != owns {
			return yet("the second owns %d partitions, wanted %d", n, owns)
		}
		return nil
	})
}

// deliver sends some of the webhooks in the background; the function it returns
// waits for the last acknowledgement.
func (p *pair) deliver(ctx context.Context, some []*shop.Delivery) (wait func(), done <-chan struct{}) {
	p.shop.deliveries = some
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		p.shop.send(ctx)
	}()
	return func() { <-ch }, ch
}

// TestTwoNodesOfAGroup: a second node joins and takes its share; the first is
// ended, once as an operator does and once with -9, and each time the second
// carries on with the rest: ClickHouse has every row once, and both stores are
// the replay of the log (I-1, I-18, I-19).
func TestTwoNodesOfAGroup(t *testing.T) {
	p := newPair(t)
	all := p.shop.deliveries
	quarter := len(all) / 4

	p.first.start()
	wait, _ := p.deliver(t.Context(), all[:quarter])
	p.shares(partitions)
	wait()
	p.join()
	p.shares(partitions/2, partitions/2)
	wait, done := p.deliver(t.Context(), all[quarter:3*quarter])
	p.shop.reach(quarter+quarter/2, done)
	p.second(partitions / 2)

	p.first.stop() // in the middle of its deliveries
	p.shares(partitions)
	p.second(partitions)
	p.first.start()
	p.first.ready()
	p.shares(partitions/2, partitions/2)
	wait()

	ctx, cancel := context.WithCancel(t.Context())
	wait, done = p.deliver(ctx, all[3*quarter:])
	p.shop.reach(3*quarter+quarter/3, done)
	p.first.kill()
	cancel()
	wait()
	p.appendRest(all[3*quarter:])
	p.shares(partitions) // the killed member leaves by its session timeout
	p.second(partitions)
	p.examine()
}

// appendRest writes to the log what no edge is there to take.
func (p *pair) appendRest(deliveries []*shop.Delivery) {
	p.t.Helper()
	log := openLog(p.t, p.kafka, false)
	codec, err := avroevent.New()
	if err != nil {
		p.t.Fatal(err)
	}
	n := 0
	for _, d := range deliveries {
		body, err := d.Body("")
		if err != nil {
			p.t.Fatal(err)
		}
		ev := p.shop.mappers[d.Source](d, body).Event
		if ev == nil {
			p.t.Fatalf("%s %s gives no event", d.Source, d.Topic)
		}
		if _, sent := p.shop.acked[ev.ID]; sent {
			continue
		}
		value, err := codec.Encode(nil, ev)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := log.Append(p.t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: kafkalog.ByKey, Key: []byte(ev.Order), Value: value}); err != nil {
			p.t.Fatal(err)
		}
		p.shop.acked[ev.ID] = ev.Order
		n++
	}
	if n == 0 {
		p.t.Error("nothing was left for the second node to ship alone")
	}
}

// examine holds ClickHouse and both stores to a single pass over the log.
func (p *pair) examine() {
	p.t.Helper()
	ends := map[int32]int64{}
	for _, s := range p.node.Stats() {
		ends[s.Partition] = s.Offset
	}
	p.close()
	x := open(p.t, p.data, p.kafka)
	x.exceptionsOnce()
	for partition := range int32(partitions) {
		x.partition(partition, p.shop.acked)
		first, second := x.caughtUp(p.first.data(), partition), x.caughtUp(p.data, partition)
		if digest(p.t, first) != digest(p.t, second) {
			p.t.Errorf("partition %d: the two stores differ: %s", partition, difference(first, second))
		}
		if err := first.Close(); err != nil {
			p.t.Error(err)
		}
		if err := second.Close(); err != nil {
			p.t.Error(err)
		}
		if ends[partition] == 0 {
			p.t.Errorf("partition %d: nothing was folded", partition)
		}
	}
	x.sameHistory()
}

// caughtUp opens a partition's store of a node that ended, and folds what it
// lacks of the log.
func (x *examination) caughtUp(data string, partition int32) *engine.Store {
	x.t.Helper()
	store, err := engine.OpenStore(filepath.Join(data, "ledger", engine.StoreName(kafkalog.TopicEvents, partition)), engine.StoreOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: partition, Partitions: partitions, TopicID: x.topic})
	if err != nil {
		x.t.Fatal(err)
	}
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicEvents)
	if err != nil {
		x.t.Fatal(err)
	}
	opt := engine.ReplayOptions{Journal: x.log, Decoder: x.codec.NewDecoder(), Partition: partition, Until: ends[partition]}
	if err := engine.Replay(x.t.Context(), opt, fold, nil); err != nil {
		x.t.Fatal(err)
	}
	return store
}

// exceptionsOnce checks that orders.exceptions.v1 tells every change in its
// order, and how often.
func (x *examination) exceptionsOnce() {
	x.t.Helper()
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicExceptions)
	if err != nil {
		x.t.Fatal(err)
	}
	dec := x.codec.NewDecoder()
	told := 0
	for partition, end := range ends {
		if end == 0 {
			continue
		}
		records, err := kafkalog.ReadRange(x.t.Context(), x.log, kafkalog.Position{Topic: kafkalog.TopicExceptions, Partition: partition}, end)
		if err != nil {
			x.t.Fatal(err)
		}
		newest := uint64(0)
		for i := range records {
			rec, err := dec.DecodeException(records[i].Value)
			if err != nil {
				x.t.Fatal(err)
			}
			if rec.Seq > newest+1 {
				x.t.Errorf("%s/%d@%d: change %d follows %d", kafkalog.TopicExceptions, partition, records[i].Offset, rec.Seq, newest)
			}
			newest = max(newest, rec.Seq)
			told++
		}
		if uint64(len(records)) != newest {
			x.t.Errorf("%s/%d: %d records tell %d changes", kafkalog.TopicExceptions, partition, len(records), newest)
		}
	}
	if told == 0 {
		x.t.Error("no exception was told: too little happened")
	}
}
