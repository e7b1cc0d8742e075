package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

// flaky is a sink that takes a block and then says that it failed, now and then.
type flaky struct {
	*memory.Sink
	rnd *rand.Rand
}

var errLost = errors.New("the answer was lost")

func (f *flaky) Insert(ctx context.Context, b *projections.Block) error {
	switch f.rnd.IntN(4) {
	case 0:
		return errLost // before it landed
	case 1:
		return errors.Join(f.Sink.Insert(ctx, b), errLost) // after it landed
	}
	return f.Sink.Insert(ctx, b)
}

// TestPumpLosesAndDoublesNothing: however a sink fails, it ends up with every
// row once (I-18, I-19).
func TestPumpLosesAndDoublesNothing(t *testing.T) {
	for seed := range 10 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 5))
		store, fold := openAt(t, vfs.NewMem())
		sink := &flaky{memory.New(), rnd}
		pump := engine.NewPump(store, sink, engine.PumpOptions{MaxRows: 1 + rnd.IntN(20)})
		failures := 0
		for _, r := range records(rnd) {
			if err := take(fold, r); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(3) == 0 {
				if err := fold.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			if rnd.IntN(4) == 0 {
				if _, err := pump.Run(t.Context()); err != nil {
					failures++
				}
			}
			if rnd.IntN(10) == 0 { // another owner takes over, knowing nothing
				pump = engine.NewPump(store, sink, engine.PumpOptions{MaxRows: 1 + rnd.IntN(20)})
			}
		}
		if err := fold.Commit(); err != nil {
			t.Fatal(err)
		}
		for try := 0; ; try++ {
			if _, err := pump.Run(t.Context()); err == nil {
				break
			} else if try > 200 {
				t.Fatalf("seed %d: the pump never comes to an end: %v", seed, err)
			}
			failures++
		}
		if failures == 0 {
			t.Fatalf("seed %d: nothing failed, so nothing was shown", seed)
		}
		dense(t, sink.Rows(0))
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// forgetful is a sink that answers the first insert of some tokens well and
// keeps nothing, each token for ever: it noted the token, was killed, and takes
// every repeat for a duplicate.
type forgetful struct {
	*memory.Sink
	rnd    *rand.Rand
	tokens map[string]bool // true: swallowed
}

func (f *forgetful) Insert(ctx context.Context, b *projections.Block) error {
	swallowed, seen := f.tokens[b.Token()]
	if !seen {
		swallowed = f.rnd.IntN(3) == 0
		f.tokens[b.Token()] = swallowed
		if swallowed {
			return errLost
		}
	}
	if swallowed {
		return nil
	}
	return f.Sink.Insert(ctx, b)
}

// TestPumpOutlivesATokenWithoutRows: a token that the sink knows and whose rows
// it lost costs no rows (I-18, I-19).
func TestPumpOutlivesATokenWithoutRows(t *testing.T) {
	for seed := range 10 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 7))
		store, fold := openAt(t, vfs.NewMem())
		sink := &forgetful{memory.New(), rnd, map[string]bool{}}
		pump := engine.NewPump(store, sink, engine.PumpOptions{MaxRows: 1 + rnd.IntN(20)})
		for _, r := range records(rnd) {
			if err := take(fold, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := fold.Commit(); err != nil {
			t.Fatal(err)
		}
		failures := 0
		for ; failures < 200; failures++ {
			if _, err := pump.Run(t.Context()); err == nil {
				break
			}
		}
		rows := sink.Rows(0)
		if failures == 0 || len(rows.History) == 0 {
			t.Fatalf("seed %d: %d failures, %d rows: nothing was shown", seed, failures, len(rows.History))
		}
		dense(t, rows)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEmptySinkIsFilledThoughNothingHappens: a sink that was emptied is filled
// again before there is a new row to show the gap (I-18, S-41).
func TestEmptySinkIsFilledThoughNothingHappens(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	ev := ledgertest.ShopEvent("1001", ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Created: ledgertest.Clock(9, 59, 59)})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	cfg := engine.Config{Dir: t.TempDir(), Partitions: partitions}
	deps := engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet()}
	for range 2 { // each time into a sink that holds nothing
		sink := memory.New()
		deps.Sinks = []projections.Sink{sink}
		n, err := engine.Start(t.Context(), cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		p := n.PartitionOf(ev.Order)
		until(t, func() bool { return len(sink.Rows(p).History) > 0 && len(sink.Rows(p).Orders) > 0 })
		dense(t, sink.Rows(p))
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefillFillsWhatTheOutboxLost: rows that a capped outbox dropped are told
// again by refolding the log (S-41).
func TestRefillFillsWhatTheOutboxLost(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	wave := func(at ledger.Instant) {
		for i := range 30 {
			id := string(rune('a'+i%26)) + string(rune('a'+i/26))
			ev := ledgertest.ShopEvent(id, at, at.Add(ledger.Second), ledgertest.Words{Order: "open", Created: ledgertest.Clock(9, 59, i)})
			r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
		}
	}
	wave(ledgertest.Clock(10, 0, 0))
	told := &progress{left: map[int32][]int64{}, failed: map[int32]int{}}
	dir, sink := t.TempDir(), memory.New()
	sink.Down()
	cfg := engine.Config{Dir: dir, Partitions: partitions, OutboxMaxBytes: 1}
	deps := engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{sink}, Observer: told}
	n, err := engine.Start(t.Context(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		if err := n.Barrier(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	// The cap leaves the newest blob: each partition gets another, and is tried and
	// capped again after it.
	wave(ledgertest.Clock(10, 0, 1))
	told.triedAgain(t, n)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "refill-1", "store") // by a refill that was killed
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	sink.Up()
	if n, err = engine.Start(t.Context(), cfg, deps); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed refill left is still there: %v", err)
	}
	defer func() { _ = n.Close() }()
	until(t, func() bool {
		total := 0
		for p := range int32(partitions) {
			total += len(sink.Rows(p).History)
		}
		return total >= 60
	})
	for p := range int32(partitions) {
		dense(t, sink.Rows(p))
		until(t, func() bool { left := told.of(p); return len(left) > 1 && left[0] > 0 && left[len(left)-1] == 0 })
	}
	until(t, func() bool {
		dirs, err := filepath.Glob(filepath.Join(dir, "refill-*"))
		return err == nil && len(dirs) == 0
	})
}

// progress notes what refills tell.
type progress struct {
	commits
	mu   sync.Mutex
	left map[int32][]int64
	// failed counts how often a sink was tried in vain.
	failed map[int32]int
}

func (p *progress) SinkFailed(_ string, partition int32, _ error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed[partition]++
}

// triedAgain waits until every partition has folded what it was given, and its
// sink was tried after that.
func (p *progress) triedAgain(t *testing.T, n *engine.Node) {
	t.Helper()
	var tried [partitions]int
	for i := range int32(partitions) {
		if err := n.Barrier(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		tried[i] = p.tries(i)
	}
	until(t, func() bool {
		for i := range int32(partitions) {
			if p.tries(i) < tried[i]+2 {
				return false
			}
		}
		return true
	})
}

func (p *progress) tries(partition int32) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed[partition]
}

func (p *progress) Refilling(_ string, partition int32, left int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[partition] = append(p.left[partition], left)
}

func (p *progress) of(partition int32) []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left[partition]
}

// TestAnotherLogIsRefused: a store neither folds a topic that was created anew,
// nor a log whose last record is not the one it folded (I-8, I-9).
func TestAnotherLogIsRefused(t *testing.T) {
	r := newRig(t)
	ev := ledgertest.ShopEvent("1001", ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open"})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	dir := t.TempDir()
	n := r.start(dir)
	if err := n.Barrier(t.Context(), n.PartitionOf(ev.Order)); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	r.log.(*memlog.Log).Recreate(kafkalog.TopicEvents)
	_, err := engine.Start(t.Context(), engine.Config{Dir: dir, Partitions: partitions}, engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet()})
	if err == nil {
		t.Fatal("a store of the deleted topic folds the new one")
	}
}
