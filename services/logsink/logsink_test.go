package logsink_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
	"github.com/orderledger/orderledger/services/logsink"
)

const partitions = 4

// world is a log with its topics, and the codec of its records.
type world struct {
	t     *testing.T
	log   *memlog.Log
	codec *avroevent.Codec
}

func newWorld(t *testing.T, opt memlog.Options) *world {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: memlog.New(opt), codec: codec}
	t.Cleanup(w.log.Close)
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: true})
	if _, err := w.log.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// soon is a context that ends before a test that hangs does.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// records reads a whole topic, partition by partition.
func (w *world) records(topic string) (out []kafkalog.Record) {
	w.t.Helper()
	ends, err := w.log.EndOffsets(soon(w.t), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	for p := range int32(len(ends)) {
		list, err := kafkalog.ReadRange(soon(w.t), w.log, kafkalog.Position{Topic: topic, Partition: p}, ends[p])
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

func event(id string) *ledger.Event {
	return ledgertest.ShopEvent(id, ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "open"})
}

// unkeyed is a document of the ERP that waits for its alias.
func unkeyed(alias string) *ledger.Unkeyed {
	e := ledgertest.ERPEvent("0", ledgertest.Noon, ledgertest.Noon, 0, ledgertest.Words{Order: "approved"})
	e.Order = ""
	e.ID = e.ComputeID()
	return &ledger.Unkeyed{By: ledger.Alias{Scope: ledgertest.ERP, Type: "po", Value: alias}, Event: *e}
}

func status(instance string, epoch uint64, until ledger.Instant) *ledger.SourceStatus {
	return &ledger.SourceStatus{
		Source: ledgertest.ERP, Feed: ledgertest.ERPOrders, Instance: instance, Epoch: ledger.Epoch{Number: epoch, OpenedBy: instance},
		Intervals: []ledger.Interval{{From: ledgertest.Noon, Until: until}}, LastHeard: until,
	}
}

// What Append acknowledged is in the log, each kind in its topic under its key.
func TestEachKindOfRecordHasItsTopicAndKey(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	e, u := event("1"), unkeyed("77")
	q := &ledger.Quarantined{ID: "q1", Source: ledgertest.Shop, Reason: "broken-json", ReceivedAt: ledgertest.Noon, Offset: -1, Body: ledger.Body{Bytes: []byte("{")}}
	s := logsink.New(w.log, w.codec)
	if err := s.Append(soon(t), connector.Outgoing{Events: []*ledger.Event{e}, Unkeyed: []*ledger.Unkeyed{u}, Quarantined: []*ledger.Quarantined{q}}); err != nil {
		t.Fatal(err)
	}
	for topic, key := range map[string][]byte{kafkalog.TopicEvents: []byte(e.Order), kafkalog.TopicUnkeyed: u.By.Key(), kafkalog.TopicQuarantine: []byte(ledgertest.Shop)} {
		got := w.records(topic)
		if len(got) != 1 || !bytes.Equal(got[0].Key, key) || got[0].Partition != kafkalog.PartitionFor(key, partitions) {
			t.Errorf("%s: %v, want one record with the key %q", topic, got, key)
		}
	}
	stored := w.records(kafkalog.TopicEvents)[0]
	rec := ledger.Record{Key: stored.Key}
	w.codec.NewDecoder().Decode(stored.Value, &rec)
	if rec.Event == nil || rec.Event.ID != e.ID || rec.Event.Order != e.Order {
		t.Errorf("decoded %+v", rec)
	}
	if err := s.Append(soon(t), connector.Outgoing{}); err != nil {
		t.Errorf("nothing to append: %v", err)
	}
}

// While the log does not answer nothing is acknowledged; when it does, the
// acknowledgement comes with the record.
func TestNothingIsAcknowledgedBeforeItIsInTheLog(t *testing.T) {
	w := newWorld(t, memlog.Options{BrokenAfter: time.Nanosecond})
	s := logsink.New(w.log, w.codec)
	if err := s.Healthy(); err != nil {
		t.Fatalf("a log that answers: %v", err)
	}
	w.log.SetDown(memlog.Down)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the sender went away")
	answers := make(chan error, 1)
	go func() { answers <- s.Append(ctx, connector.Outgoing{Events: []*ledger.Event{event("1")}}) }()
	for { // until the record waits in the log
		if _, broken := w.log.Broken(); broken {
			break
		}
		select {
		case err := <-answers:
			t.Fatalf("answered during the outage: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := s.Healthy(); !errors.Is(err, connector.ErrUnavailable) {
		t.Errorf("healthy during an outage: %v", err)
	}
	cancel(gone)
	if err := <-answers; !errors.Is(err, connector.ErrUndecided) || !errors.Is(err, gone) {
		t.Fatalf("gave up waiting: %v", err)
	}
	w.log.SetDown(memlog.Up)
	if err := s.Append(soon(t), connector.Outgoing{Events: []*ledger.Event{event("2")}}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.records(kafkalog.TopicEvents)); n != 2 {
		t.Fatalf("%d records, want 2: what is undecided may land", n)
	}
}

// What no record can hold is set aside with its first bytes, and its neighbours
// go on: nothing blocks, and nothing vanishes.
func TestOversizeIsSetAside(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	s := logsink.New(w.log, w.codec)
	big := func(id string, size int) *ledger.Event {
		e := event(id)
		e.Body = ledger.Body{Codec: "zstd", Bytes: make([]byte, size)}
		return e
	}
	lost := &ledger.Quarantined{ID: "q-3", Source: ledgertest.Shop, Reason: "broken-json", Offset: -1, Body: ledger.Body{Codec: "zstd", Bytes: make([]byte, 6<<20)}}
	out := connector.Outgoing{Events: []*ledger.Event{event("1"), big("2", 16<<20), big("4", kafkalog.DefaultMaxMessageBytes+1)}, Quarantined: []*ledger.Quarantined{lost}}
	if err := s.Append(soon(t), out); err != nil {
		t.Fatal(err)
	}
	if got := w.records(kafkalog.TopicEvents); len(got) != 1 || string(got[0].Key) != string(ledgertest.Key("1")) {
		t.Errorf("%d events landed", len(got))
	}
	aside := w.records(kafkalog.TopicQuarantine)
	if len(aside) != 3 {
		t.Fatalf("%d entries, want 3", len(aside))
	}
	for i := range aside {
		q, err := w.codec.NewDecoder().DecodeQuarantined(aside[i].Value)
		if err != nil {
			t.Fatal(err)
		}
		if q.Body.Codec != "zstd;truncated" || len(q.Body.Bytes) != 1<<20 || q.Reason == "oversize" && q.Of == (ledger.EventID{}) {
			t.Errorf("%s: %s, %d bytes of %s, of %s", q.ID, q.Reason, len(q.Body.Bytes), q.Body.Codec, q.Of)
		}
	}
}

func TestFullBufferAndClosedLog(t *testing.T) {
	w := newWorld(t, memlog.Options{MaxBufferedRecords: 1})
	s := logsink.New(w.log, w.codec)
	w.log.SetDown(memlog.Down)
	w.log.AppendAsync(kafkalog.Record{Topic: kafkalog.TopicEvents, Value: []byte("x")}, func(kafkalog.Position, error) {})
	err := s.Append(soon(t), connector.Outgoing{Events: []*ledger.Event{event("1")}})
	if !errors.Is(err, connector.ErrUnavailable) || !errors.Is(err, kafkalog.ErrBackPressure) {
		t.Errorf("a full buffer: %v", err)
	}
	w.log.Close()
	if err := s.Append(soon(t), connector.Outgoing{Events: []*ledger.Event{event("1")}}); !errors.Is(err, connector.ErrUndecided) || !errors.Is(err, kafkalog.ErrClosed) {
		t.Errorf("a closed log: %v", err)
	}
	if err := s.Save(soon(t), status("i", 1, ledgertest.Clock(11, 0, 0))); !errors.Is(err, connector.ErrUndecided) {
		t.Errorf("a status on a closed log: %v", err)
	}
}

// A status says how far the feed's unkeyed records go, and stands behind them.
func TestStatusNamesTheUnkeyedRecordsBeforeIt(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	o := &order{Log: w.log}
	s := logsink.New(o, w.codec)
	for _, alias := range []string{"1", "2", "3", "4", "5", "6"} {
		if err := s.Append(soon(t), connector.Outgoing{Unkeyed: []*ledger.Unkeyed{unkeyed(alias)}}); err != nil {
			t.Fatal(err)
		}
	}
	other := unkeyed("7")
	other.Event.Feed = "invoices"
	other.Event.ID = other.Event.ComputeID()
	if err := s.Append(soon(t), connector.Outgoing{Unkeyed: []*ledger.Unkeyed{other}}); err != nil {
		t.Fatal(err)
	}
	st := status("i", 1, ledgertest.Clock(11, 0, 0))
	if err := s.Save(soon(t), st); err != nil {
		t.Fatal(err)
	}
	if st.Unkeyed != nil {
		t.Error("the caller's status was changed")
	}
	want := map[int32]int64{}
	for _, r := range w.records(kafkalog.TopicUnkeyed) {
		if !bytes.Equal(r.Key, other.By.Key()) {
			want[r.Partition] = max(want[r.Partition], r.Offset)
		}
	}
	got, err := logsink.New(w.log, w.codec).Load(soon(t), st.Source, st.Feed, "i")
	if err != nil || got == nil || len(got.Unkeyed) != len(want) {
		t.Fatalf("%+v: %v, want %v", got, err, want)
	}
	for _, u := range got.Unkeyed {
		if want[u.Partition] != u.Offset {
			t.Errorf("partition %d up to %d, want %d", u.Partition, u.Offset, want[u.Partition])
		}
	}
	if n := len(o.topics); n != 8 || o.topics[n-1] != kafkalog.TopicSources || slices.Contains(o.topics[:n-1], kafkalog.TopicSources) {
		t.Errorf("appended to %v", o.topics)
	}
	// After a restart what was known before is not forgotten.
	again := logsink.New(w.log, w.codec)
	if err := again.Save(soon(t), got); err != nil {
		t.Fatal(err)
	}
	if kept, err := again.Load(soon(t), st.Source, st.Feed, "i"); err != nil || !slices.Equal(kept.Unkeyed, got.Unkeyed) {
		t.Errorf("kept %v: %v, want %v", kept.Unkeyed, err, got.Unkeyed)
	}
}

// order notes the topics appended to, in the order in which they were answered.
type order struct {
	*memlog.Log
	mu     sync.Mutex
	topics []string
}

func (o *order) AppendAsync(rec kafkalog.Record, done func(kafkalog.Position, error)) {
	o.Log.AppendAsync(rec, func(p kafkalog.Position, err error) {
		o.mu.Lock()
		o.topics = append(o.topics, rec.Topic)
		o.mu.Unlock()
		done(p, err)
	})
}

func (o *order) Append(ctx context.Context, rec kafkalog.Record) (kafkalog.Position, error) {
	return kafkalog.AppendWaiting(ctx, o, rec)
}

// A poller resumes from its own newest status, else from that of the greatest
// epoch of its feed; records that are none are passed over.
func TestLoadChoosesTheStatusToResumeFrom(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	s := logsink.New(w.log, w.codec)
	ask := func(instance string) *ledger.SourceStatus {
		t.Helper()
		st, err := s.Load(soon(t), ledgertest.ERP, ledgertest.ERPOrders, instance)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	if st := ask("a"); st != nil {
		t.Fatalf("of an empty topic: %+v", st)
	}
	other := status("c", 9, ledgertest.Clock(12, 0, 0))
	other.Feed = "invoices"
	for _, st := range []*ledger.SourceStatus{status("a", 1, ledgertest.Clock(11, 0, 0)), status("b", 3, ledgertest.Clock(11, 1, 0)), status("a", 2, ledgertest.Clock(11, 2, 0)), other} {
		if err := s.Save(soon(t), st); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.log.Append(soon(t), kafkalog.Record{Topic: kafkalog.TopicSources, Key: []byte("x"), Value: []byte("not ours")}); err != nil {
		t.Fatal(err)
	}
	for instance, want := range map[string]uint64{"a": 2, "b": 3, "new": 3} {
		if st := ask(instance); st == nil || st.Epoch.Number != want {
			t.Errorf("%s: %+v, want epoch %d", instance, st, want)
		}
	}
	if err := s.Save(soon(t), status("new", 4, ledgertest.Clock(11, 3, 0))); err != nil {
		t.Fatal(err)
	}
	if st := ask("other"); st == nil || st.Epoch.Number != 4 {
		t.Errorf("what was saved meanwhile is not seen: %+v", st)
	}
}
