package bench_test

import (
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// clusterLinger is how long a record waits for company.
const clusterLinger = 5 * time.Millisecond

// cluster is Kafka itself with the ledger's topics.
type cluster struct {
	t       *testing.T
	broker  *realkafka.Broker
	log     *kafkalog.Log
	codec   *avroevent.Codec
	id      kafkalog.TopicID
	records int64 // of orders.events.v1
	bytes   int64 // keys and values of them
}

// newCluster starts Kafka and creates the topics; both end with the test.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	b, err := realkafka.Start(t.Context(), realkafka.Options{DataDir: t.TempDir(), Heap: "1g", Settings: map[string]string{
		"transaction.state.log.num.partitions": "4", // of fifty, a node spends its start on them
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	c := &cluster{t: t, broker: b, codec: codec(t), log: openLog(t, b.Addr())}
	t.Cleanup(c.log.Close)
	ids, err := c.log.EnsureTopics(t.Context(), kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions}), kafkalog.EnsureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.id = ids[kafkalog.TopicEvents]
	return c
}

// openLog connects to a broker.
func openLog(t *testing.T, addr string) *kafkalog.Log {
	t.Helper()
	l, err := kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{addr}, Producer: kafkalog.Producer{Linger: clusterLinger}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fill appends the policy and a stream to orders.events.v1; ticks go to every
// partition.
func (c *cluster) fill(p *ledger.Policy, stream iter.Seq[any]) {
	c.t.Helper()
	c.fillOnly(func(yield func(any) bool) { yield(PolicyRecord(p)) })
	c.fillOnly(stream)
}

// fillOnly is fill under the policy that is there.
func (c *cluster) fillOnly(stream iter.Seq[any]) {
	c.t.Helper()
	send := newSender(c.t, c.log, c.codec)
	everywhere := func(v any) {
		for n := range int32(partitions) {
			c.bytes += int64(send.to(kafkalog.TopicEvents, n, "", v))
			c.records++
		}
	}
	for v := range stream {
		if e, ok := v.(*ledger.Event); ok {
			c.bytes += int64(send.to(kafkalog.TopicEvents, kafkalog.ByKey, string(e.Order), e))
			c.records++
			continue
		}
		everywhere(v)
	}
	send.wait()
}

// ends are the ends of the partitions of orders.events.v1.
func (c *cluster) ends() [partitions]int64 {
	c.t.Helper()
	ends, err := c.log.EndOffsets(c.t.Context(), kafkalog.TopicEvents)
	if err != nil {
		c.t.Fatal(err)
	}
	var out [partitions]int64
	for n := range out {
		out[n] = ends[int32(n)]
	}
	return out
}
