package engine_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// strict is a sink that notes every block which does not begin where it ends.
type strict struct {
	*memory.Sink
	mu     sync.Mutex
	broken []string
}

func (s *strict) Insert(ctx context.Context, b *projections.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, err := s.Held(ctx, b.Partition)
	if err != nil {
		return err
	}
	if b.From != held[b.Table]+1 {
		s.broken = append(s.broken, fmt.Sprintf("%s, though %d are held", b.Token(), held[b.Table]))
	}
	return s.Sink.Insert(ctx, b)
}

// TestAPartitionThatComesBackResumesAtTheSink: between two ownerships another
// node shipped; what it shipped is not shipped again (I-19).
func TestAPartitionThatComesBackResumesAtTheSink(t *testing.T) {
	r := newRig(t)
	sink := &strict{Sink: memory.New()}
	member := func(name string) *engine.Node {
		n, err := engine.Start(t.Context(), engine.Config{Dir: t.TempDir(), Partitions: partitions, Group: "ledger", Name: name},
			engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{sink}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	owned := func(n *engine.Node) (count int) {
		for _, s := range n.Stats() {
			if s.Owner && s.Partition < ledger.AliasPartitions {
				count++
			}
		}
		return count
	}
	orders := 0
	more := func() {
		for range 40 {
			orders++
			at := ledgertest.Clock(10, 0, 0)
			ev := ledgertest.ShopEvent(fmt.Sprint(orders), at, at, ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 100})
			r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
		}
		until(t, func() bool {
			n := 0
			for p := range int32(partitions) {
				n += projections.Count(sink.Rows(p), projections.History)
			}
			return n >= orders
		})
	}
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	a := member("a")
	defer func() { _ = a.Close() }()
	until(t, func() bool { return owned(a) == partitions })
	more()
	b := member("b")
	until(t, func() bool { return owned(b) > 0 && owned(a)+owned(b) == partitions })
	more()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return owned(a) == partitions })
	more()
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if len(sink.broken) > 0 {
		t.Errorf("shipped again: %v", sink.broken)
	}
	for p := range int32(partitions) {
		dense(t, sink.Rows(p))
	}
}

// TestAStandbyKeepsNothingToShip: what a replica never ships does not fill its
// disk (S-41).
func TestAStandbyKeepsNothingToShip(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	n, err := engine.Start(t.Context(), engine.Config{Dir: dir, Partitions: partitions, Standby: true},
		engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{memory.New()}})
	if err != nil {
		t.Fatal(err)
	}
	r.append(kafkalog.TopicEvents, 0, "", ledgertest.PolicyRecord(ledgertest.Policy()))
	at := ledgertest.Clock(10, 0, 0)
	ev := ledgertest.ShopEvent("1001", at, at, ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 100})
	p := n.PartitionOf(ev.Order)
	r.append(kafkalog.TopicEvents, p, string(ev.Order), ev)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(n.Barrier(ctx, p), n.Close()); err != nil {
		t.Fatal(err)
	}
	store, err := engine.OpenStore(filepath.Join(dir, engine.StoreName(kafkalog.TopicEvents, p)), engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if rows, err := engine.NewPump(store, memory.New(), engine.PumpOptions{Partition: p}).Run(t.Context()); rows != 0 || err != nil {
		t.Errorf("%d rows wait to be shipped, %v", rows, err)
	}
}

// slow is a sink whose blocks land when they are let.
type slow struct {
	*strict
	begun chan string
	land  chan struct{}
}

func (s *slow) Insert(ctx context.Context, b *projections.Block) error {
	s.begun <- b.Token()
	select {
	case <-s.land:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.strict.Insert(ctx, b)
}

// TestABlockOnItsWayLandsBeforeTheHandOver: whether a partition is given up or
// its node closed, the next owner is named when the block begun has landed, so
// that what it is told the sink holds is the end of it (I-19).
func TestABlockOnItsWayLandsBeforeTheHandOver(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	at := ledgertest.Clock(10, 0, 0)
	for i := range 40 {
		ev := ledgertest.ShopEvent(fmt.Sprint(i), at, at, ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 100})
		r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	}
	shared := &strict{Sink: memory.New()}
	first := &slow{strict: shared, begun: make(chan string, 1000), land: make(chan struct{})}
	member := func(sink projections.Sink) *engine.Node {
		n, err := engine.Start(t.Context(), engine.Config{Dir: t.TempDir(), Partitions: partitions, Group: "ledger"},
			engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{sink}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a := member(first)
	for range partitions { // a block of every partition is on its way
		<-first.begun
	}
	b := member(shared)
	defer func() { _ = b.Close() }()
	until(t, func() bool { return owned(a) < partitions }) // it was told, and has not answered
	if n := owned(b); n > 0 {
		t.Errorf("%d partitions have a new owner while a block of the old one is on its way", n)
	}
	closed := make(chan error, 1)
	go func() { closed <- a.Close() }()
	close(first.land)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		n := 0
		for p := range int32(partitions) {
			n += projections.Count(shared.Rows(p), projections.History)
		}
		return owned(b) == partitions && n >= 40
	})
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if len(shared.broken) > 0 {
		t.Errorf("shipped again: %v", shared.broken)
	}
	for p := range int32(partitions) {
		dense(t, shared.Rows(p))
	}
}
