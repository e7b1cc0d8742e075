package topic_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/topic"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// company is a system whose order events stand on a topic.
const company = `
system: company
title: The company's own order service
role: storefront
precision: 1ms
skew: 100ms
feeds:
- name: orders
  documents: [order, note]
  settle: 400ms
  expected_every: 1m
  proves:
  - {axis: order, object: order}
  kafka:
    topic: company.orders
    complete: true
    type_header: event-type
    ask_every: 50ms
documents:
- name: order
  kind: order
  shape: has(it.id) && has(it.state)
  order: text(it.id)
  object: {type: order, id: text(it.id)}
  version: {scheme: sequence, parts: [it.seq]}
  claims:
  - {axis: order, native: it.state, stamp: it.at}
- name: note
  kind: order
  shape: has(it.note)
  order: text(it.note)
  object: {type: note, id: text(it.note)}
words:
- {axis: order, words: [placed, shipped]}
matrix:
- {axis: order, word: placed, state: PLACED}
- {axis: order, word: shipped, state: COMPLETED}
`

// world is a cluster, a log of ours in memory, and a consumer between them.
type world struct {
	t       testing.TB
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
	log     *connectortest.Log
	opts    topic.Options
	topic   string
}

func newWorld(t testing.TB, brokers []string, system string) *world {
	t.Helper()
	sys, err := catalog.Parse("company.yaml", []byte(system))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, brokers: brokers, log: &connectortest.Log{}, topic: fmt.Sprintf("company.%d", time.Now().UnixNano())}
	w.connect()
	t.Cleanup(func() { w.client.Close() })
	src := &connector.Source{Name: "company-eu", System: sys.Name, Origin: true, Kafka: &connector.KafkaSettings{Topics: map[string]string{"orders": w.topic}}}
	w.opts = topic.Options{
		Source: src, System: sys, Feed: "orders", Instance: "edge", Sink: w.log, Store: w.log, Clock: connector.SystemClock{},
		Logger: slog.New(slog.DiscardHandler), Jitter: func() float64 { return 0.5 }, SaveEvery: 20 * time.Millisecond,
		Open: func(ctx context.Context) (topic.Log, error) {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			l, err := kafkalog.Open(ctx, kafkalog.Config{Brokers: brokers}, slog.New(slog.DiscardHandler))
			if err != nil {
				return nil, err
			}
			return l, nil
		},
	}
	w.create(3)
	return w
}

// connect gives a client that remembers no topic.
func (w *world) connect() {
	w.t.Helper()
	if w.client != nil {
		w.client.Close()
	}
	var err error
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		w.t.Fatal(err)
	}
	w.admin = kadm.NewClient(w.client)
}

// settle is the catalog's.
const settle = 400 * ledger.Millisecond

// create makes the topic; on Kafka a deleted one may take a moment to go.
func (w *world) create(partitions int32) {
	w.t.Helper()
	forever := "-1"
	w.await(func() error {
		_, err := w.admin.CreateTopic(w.t.Context(), partitions, 1, map[string]*string{"retention.ms": &forever}, w.topic)
		return err
	})
	w.connect()
}

// write writes one record and waits until it stands there.
func (w *world) write(partition int32, value string, headers ...kgo.RecordHeader) int64 {
	w.t.Helper()
	var v []byte
	if value != "" {
		v = []byte(value)
	}
	r := &kgo.Record{Topic: w.topic, Partition: partition, Key: []byte("k"), Value: v, Headers: headers}
	if err := w.client.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	return r.Offset
}

// order is a state of an order of the company.
func order(id, seq int, state string) string {
	return fmt.Sprintf(`{"id":"%d","seq":%d,"state":%q,"at":%q}`, id, seq, state, time.Now().UTC().Format(time.RFC3339Nano))
}

// start runs a consumer until the returned function is called, or the test ends.
func (w *world) start() (stop func()) {
	w.t.Helper()
	c, err := topic.New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("the consumer ended with %v", err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// await polls a condition that another goroutine fulfils.
func (w *world) await(met func() error) {
	w.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			w.t.Fatalf("after 20s: %v", err)
		case <-tick.C:
		}
	}
}

// states are the claims in the log, "id:word", ascending and each once.
func (w *world) states() []string {
	var out []string
	for _, e := range w.log.Outgoing().Events {
		for _, c := range e.Claims {
			out = append(out, e.Object.ID+":"+c.Native)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *world) awaitStates(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	w.await(func() error {
		if got := w.states(); !slices.Equal(got, want) {
			return fmt.Errorf("the log holds %v, want %v", got, want)
		}
		return nil
	})
}

// status is what the feed proves now; never nil.
func (w *world) status() *ledger.SourceStatus {
	if st := w.log.Status("company-eu", "orders"); st != nil {
		return st
	}
	return &ledger.SourceStatus{}
}

// awaitCovered waits until an instant is proven, and returns the status.
func (w *world) awaitCovered(at ledger.Instant) *ledger.SourceStatus {
	w.t.Helper()
	w.await(func() error {
		st := w.status()
		if !ledger.CoversInterval(st.Intervals, ledger.Interval{From: at, Until: at + 1}) {
			return fmt.Errorf("%s is not covered by %v", at, st.Intervals)
		}
		return nil
	})
	return w.status()
}

func covers(st *ledger.SourceStatus, at ledger.Instant) bool {
	return ledger.CoversInterval(st.Intervals, ledger.Interval{From: at, Until: at + 1})
}

// quarantined are the entries of a reason, each id once.
func (w *world) quarantined(reason string) (out []*ledger.Quarantined) {
	seen := map[string]bool{}
	for _, q := range w.log.Outgoing().Quarantined {
		if q.Reason == reason && !seen[q.ID] {
			seen[q.ID] = true
			out = append(out, q)
		}
	}
	return out
}

func now() ledger.Instant { return ledger.At(time.Now()) }

// onBoth runs a test on the broker in this process and on Apache Kafka.
func onBoth(t *testing.T, system string, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("kfake", func(t *testing.T) {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		test(t, newWorld(t, cluster.ListenAddrs(), system))
	})
	t.Run("kafka", func(t *testing.T) {
		test(t, newWorld(t, []string{kafka(t)}, system))
	})
}

func newLog() *connectortest.Log { return &connectortest.Log{} }
