package topic_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/topic"
	"github.com/orderledger/orderledger/services/embedded/broker"
)

// inProcess is a world on a broker in this process.
func inProcess(t *testing.T, system string) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return newWorld(t, cluster.ListenAddrs(), system)
}

// TestClusterAway: while the cluster is gone nothing is proven, and afterwards
// reading goes on where it was.
func TestClusterAway(t *testing.T) {
	dir := t.TempDir()
	start := func(port int) *broker.Broker {
		b, err := broker.Start(broker.Options{DataDir: dir, Port: port, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := start(0)
	w := newWorld(t, []string{b.Addr()}, company)
	w.write(0, order(1, 1, "placed"))
	w.start()
	w.awaitCovered(now())
	b.Close()
	gone := now()
	port := 0
	if _, err := fmt.Sscanf(b.Addr()[strings.LastIndex(b.Addr(), ":")+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	w.await(func() error { // longer than settle without anybody answering
		if now() < gone.Add(2*settle) {
			return errors.New("not yet")
		}
		return nil
	})
	if covers(w.status(), gone.Add(100*ledger.Millisecond)) {
		t.Errorf("covers %v, gone at %s", w.status().Intervals, gone)
	}
	b = start(port)
	t.Cleanup(b.Close)
	w.connect()
	w.write(1, order(2, 1, "placed"))
	w.awaitStates("1:placed", "2:placed")
	if st := w.awaitCovered(gone.Add(ledger.Second)); st.Epoch.Number != 1 || len(st.Intervals) != 1 {
		t.Errorf("epoch %d covers %v: nothing was lost", st.Epoch.Number, st.Intervals)
	}
}

// faltering is a Decoder whose registry is away until told otherwise.
type faltering struct {
	back  atomic.Bool
	asked atomic.Int64
}

func (d *faltering) Decode(_ context.Context, value []byte) ([]byte, error) {
	d.asked.Add(1)
	switch {
	case !d.back.Load():
		return nil, errors.New("connection refused")
	case value[4] == 9:
		return nil, fmt.Errorf("%w: schema 9 is unknown", topic.ErrUndecodable)
	default:
		return value[5:], nil
	}
}

// TestRegistryAwayIsNoPoison: nothing is quarantined and nothing proven while
// the registry is away; an id that it does not know is quarantined.
func TestRegistryAwayIsNoPoison(t *testing.T) {
	w := inProcess(t, company)
	d := &faltering{}
	w.opts.Decoder = d
	w.write(0, "\x00\x00\x00\x00\x01"+order(1, 1, "placed"))
	w.write(0, "\x00\x00\x00\x00\x09"+order(2, 1, "placed"))
	w.write(0, order(3, 1, "placed"))
	w.start()
	w.await(func() error {
		if d.asked.Load() < 3 {
			return errors.New("it was not asked again")
		}
		return nil
	})
	if out := w.log.Outgoing(); !out.Empty() || len(w.status().Intervals) > 0 {
		t.Fatalf("said %+v and covers %v", out, w.status().Intervals)
	}
	d.back.Store(true)
	w.awaitStates("1:placed", "3:placed")
	if q := w.quarantined(topic.ReasonUndecodable); len(q) != 1 || !strings.Contains(q[0].Detail, "schema 9") {
		t.Errorf("quarantined %+v", q)
	}
}

// TestTypeKeyAndHeaders: documents of one shape are told apart by a header, an
// envelope lets the key name the order, and tombstones may be declared to mean
// nothing.
func TestTypeKeyAndHeaders(t *testing.T) {
	enveloped := strings.NewReplacer(
		"    type_header: event-type\n", "    type_header: event-type\n    envelope: true\n    tombstones: ignore\n",
		"documents: [order, note]", "documents: [placed, shipped]",
	).Replace(company)
	head, rest, _ := strings.Cut(enveloped, "documents:\n- name: order")
	_, words, _ := strings.Cut(rest, "words:\n")
	doc := func(name, word string) string {
		return `- name: ` + name + `
  kind: order
  topics: ["order-` + name + `"]
  shape: has(it.value.seq)
  order: it.key
  object: {type: order, id: it.key}
  version: {scheme: sequence, parts: [it.value.seq]}
  claims:
  - {axis: order, native: "'` + word + `'", stamp: it.written_at}
`
	}
	w := inProcess(t, head+"documents:\n"+doc("placed", "placed")+doc("shipped", "shipped")+"words:\n"+words)
	w.write(0, `{"seq":1}`, kgo.RecordHeader{Key: "event-type", Value: []byte("order-placed")})
	w.write(0, `{"seq":2}`, kgo.RecordHeader{Key: "event-type", Value: []byte("order-shipped")})
	w.write(0, "")
	w.start()
	w.awaitStates("k:placed", "k:shipped")
	w.awaitCovered(now())
	if out := w.log.Outgoing(); len(out.Quarantined) != 0 || out.Events[1].Order != "company-eu~k" || out.Events[1].NativeKind != "order-shipped" {
		t.Errorf("%+v", out)
	}
}

// TestAQuietTopicProvesNoMore: where the writer must be heard now and then, a
// topic without records proves nothing further.
func TestAQuietTopicProvesNoMore(t *testing.T) {
	w := inProcess(t, strings.Replace(company, "    complete: true\n", "    complete: true\n    quiet: 600ms\n", 1))
	w.write(0, order(1, 1, "placed"))
	written := now()
	w.start()
	w.awaitCovered(written.Add(100 * ledger.Millisecond))
	w.await(func() error {
		if now() < written.Add(3*ledger.Second/2) {
			return errors.New("not yet")
		}
		return nil
	})
	if st := w.status(); covers(st, written.Add(300*ledger.Millisecond)) {
		t.Errorf("covers %v, last written at %s", st.Intervals, written)
	}
	w.write(0, order(2, 1, "placed")) // a heartbeat would do
	st := w.awaitCovered(written.Add(ledger.Second))
	if len(st.Intervals) != 1 {
		t.Errorf("covers %v", st.Intervals)
	}
}
