package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

const partitions = 4

type rig struct {
	t     *testing.T
	log   kafkalog.Journal
	codec *avroevent.Codec
	clock *clock
}

// clock is a wall clock that stands at an instant of the story when it is made
// and runs from there.
type clock struct {
	at    ledger.Instant
	since time.Time
}

func (c *clock) Now() ledger.Instant { return c.at.Add(ledger.Span(time.Since(c.since))) }
func (c *clock) Boot() ([16]byte, ledger.Micros) {
	return [16]byte{7}, c.Now().Sub(ledgertest.Noon) + ledger.Day
}

func newRig(t *testing.T) *rig {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New(memlog.Options{})
	t.Cleanup(log.Close)
	if _, err := log.EnsureTopics(t.Context(), kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: true}), kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, log: log, codec: codec, clock: &clock{at: ledgertest.Clock(10, 2, 45), since: time.Now()}}
}

func (r *rig) append(topic string, partition int32, key string, v any) {
	r.t.Helper()
	value, err := r.codec.Encode(nil, v)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.log.Append(r.t.Context(), kafkalog.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) start(dir string) *engine.Node {
	r.t.Helper()
	n, err := engine.Start(r.t.Context(), engine.Config{Dir: dir, Partitions: partitions}, engine.Deps{Journal: r.log, Codec: r.codec,
		Clock: r.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestNodeFoldsTheLogToAnException(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	ev := ledgertest.ShopEvent("1001", ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0),
		ledgertest.Words{Order: "open", Payment: "paid", Created: ledgertest.Clock(9, 59, 59), Minor: 4990})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	r.append(kafkalog.TopicSources, 0, "erp", &ledger.SourceStatus{Source: ledgertest.ERP, Feed: ledgertest.ERPOrders, Instance: "i",
		Epoch: ledger.Epoch{Number: 1, OpenedBy: "i"}, Intervals: []ledger.Interval{{From: ledgertest.Clock(9, 0, 0), Until: ledgertest.Clock(10, 2, 1)}},
		LastHeard: ledgertest.Clock(10, 2, 41), SourceDate: ledgertest.Clock(10, 2, 44)})
	dir := t.TempDir()
	n := r.start(dir)
	x := awaitException(t, n, "IngestionPendingAudit")
	if x.Subject.Order != ev.Order || x.AtRisk.Minor != 4990 || x.Basis != ledger.BasisProven {
		t.Fatalf("exception %+v", x)
	}
	p := n.PartitionOf(ev.Order)
	before, at, err := n.Digest(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	store, err := engine.OpenStore(t.TempDir()+"/replay", engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	id, _ := r.log.TopicID(t.Context(), kafkalog.TopicEvents)
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: p, Partitions: partitions, TopicID: id})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Replay(t.Context(), engine.ReplayOptions{Journal: r.log, Decoder: r.codec.NewDecoder(), Partition: p, Until: at, Batch: 1}, fold, nil); err != nil {
		t.Fatal(err)
	}
	after, err := ledger.Digest(store)
	if err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Fatal("a replay in batches of one gives another digest")
	}
}

// awaitException waits until an open exception of the name is there.
func awaitException(t *testing.T, n *engine.Node, name string) ledger.Exception {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	sub := n.Subscribe(64)
	defer sub.Close()
	for {
		var found *ledger.Exception
		for p := range int32(partitions) {
			err := n.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
				return r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
					if x.Name == name {
						found = x
					}
					return true
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if found != nil {
			return *found
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %s before the deadline", name)
		case <-sub.C:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestClosingTwiceIsHarmless: whoever closes again, or meanwhile, gets the same
// answer.
func TestClosingTwiceIsHarmless(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	n := r.start(dir)
	answers := make(chan error, 2)
	for range cap(answers) {
		go func() { answers <- n.Close() }()
	}
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := r.start(dir).Close(); err != nil {
		t.Errorf("the stores were not given back: %v", err)
	}
}

// TestAClosedNodeAnswersWithAnError: readers that come late, or while it
// closes, are refused; those that are in are waited for (no store is read after
// it was closed).
func TestAClosedNodeAnswersWithAnError(t *testing.T) {
	r := newRig(t)
	n := r.start(t.TempDir())
	inside, leave, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	read := make(chan error, 1)
	go func() {
		read <- n.Read(0, func(rd *ledger.Reader, _ engine.Freshness) error {
			close(inside)
			<-leave
			_, err := rd.Timeline("shop~1001") // the store is still there
			return err
		})
	}()
	<-inside
	waits := make(chan error, 1)
	go func() { waits <- n.WaitFor(t.Context(), 0, 1_000) }()
	go func() { closed <- n.Close() }()
	if err := <-waits; !errors.Is(err, engine.ErrClosed) {
		t.Errorf("who waits for an offset is told %v", err)
	}
	until(t, func() bool {
		return errors.Is(n.Read(0, func(*ledger.Reader, engine.Freshness) error { return nil }), engine.ErrClosed)
	})
	select {
	case err := <-closed:
		t.Fatalf("closed under a reader: %v", err)
	default:
	}
	close(leave)
	if err := errors.Join(<-read, <-closed); err != nil {
		t.Fatal(err)
	}
	if s := n.Stats(); len(s) != 0 {
		t.Errorf("a closed node has %d partitions", len(s))
	}
	if _, _, err := n.Digest(0); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("digest: %v", err)
	}
	if _, err := n.Awaiting(ledger.FeedKey{Source: "erp", Feed: "orders"}, 1, nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("awaiting: %v", err)
	}
	if err := n.Ready(); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("ready: %v", err)
	}
}
