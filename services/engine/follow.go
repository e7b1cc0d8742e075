package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// follow reads a small topic from its start, for ever. It
// begins anew after a fault; what it feeds is idempotent.
func (n *Node) follow(ctx context.Context, topic string, take func(*kafkalog.Record)) {
	for ctx.Err() == nil {
		if err := n.followOnce(ctx, topic, take); err != nil && ctx.Err() == nil {
			n.deps.Logger.Warn("reading a topic failed, trying again", "topic", topic, "error", err)
			pause(ctx, time.Second)
		}
	}
}

func (n *Node) followOnce(ctx context.Context, topic string, take func(*kafkalog.Record)) error {
	starts, err := n.deps.Journal.StartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	r, err := n.deps.Journal.NewReader(kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{topic: starts}})
	if err != nil {
		return err
	}
	defer r.Close()
	for ctx.Err() == nil {
		batches, err := r.Poll(ctx)
		for i := range batches {
			for k := range batches[i].Records {
				take(&batches[i].Records[k])
			}
		}
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// sharedCoverage is the coverage that all partitions' tickers read.
type sharedCoverage struct {
	mu  sync.Mutex
	c   *Coverage
	sig broadcast
}

func newSharedCoverage() *sharedCoverage {
	return &sharedCoverage{c: NewCoverage(), sig: newBroadcast()}
}

func (s *sharedCoverage) take(dec *avroevent.Decoder) func(*kafkalog.Record) {
	return func(r *kafkalog.Record) {
		st, err := dec.DecodeSourceStatus(r.Value)
		if err != nil {
			return // counted by its reader's own checks; a status is repeated every poll
		}
		s.mu.Lock()
		s.c.Observe(st)
		s.mu.Unlock()
		s.sig.fire()
	}
}

// released takes what orders.quarantine.v1 says of entries that were read after
// all; the entries themselves are passed over.
func (s *sharedCoverage) released(codec *avroevent.Codec) func(*kafkalog.Record) {
	dec := codec.NewDecoder()
	return func(r *kafkalog.Record) {
		if !codec.Holds(r.Value, (*ledger.OperatorAction)(nil)) {
			return
		}
		rec := ledger.Record{Key: r.Key}
		dec.Decode(r.Value, &rec)
		if rec.Action == nil || rec.Action.Kind != ledger.ActionRelease {
			return
		}
		s.mu.Lock()
		s.c.Release(rec.Action.Quarantine)
		s.mu.Unlock()
		s.sig.fire()
	}
}

func (s *sharedCoverage) statuses() []*ledger.SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c.Statuses()
}

func (s *sharedCoverage) since(gen uint64) ([]ledger.FeedCoverage, uint64, ledger.Instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c.Since(gen), s.c.Gen(), s.c.Date()
}

// policyLog is what orders.control.v1 holds, in version order.
type policyLog struct {
	mu   sync.Mutex
	list []*ledger.PolicyRecord
	sig  broadcast
}

func newPolicyLog() *policyLog { return &policyLog{sig: newBroadcast()} }

// take keeps the first record of each next version: that is the one the owners
// append, and every owner keeps the same.
func (p *policyLog) take(dec *avroevent.Decoder) func(*kafkalog.Record) {
	return func(r *kafkalog.Record) {
		rec, err := dec.DecodePolicy(r.Value)
		if err != nil {
			return
		}
		p.mu.Lock()
		if rec.Version == uint64(len(p.list))+1 {
			p.list = append(p.list, rec)
		}
		p.mu.Unlock()
		p.sig.fire()
	}
}

// after returns the record that follows a version, nil if there is none yet.
func (p *policyLog) after(version uint64) *ledger.PolicyRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	if version < uint64(len(p.list)) {
		return p.list[version]
	}
	return nil
}

// Policies returns every policy record of the control topic, ascending.
func (n *Node) Policies() []*ledger.PolicyRecord {
	n.heard.policies.mu.Lock()
	defer n.heard.policies.mu.Unlock()
	return append([]*ledger.PolicyRecord(nil), n.heard.policies.list...)
}

// broadcast wakes everyone who waits, once per fire.
type broadcast struct {
	mu *sync.Mutex
	ch *chan struct{}
}

func newBroadcast() broadcast {
	ch := make(chan struct{})
	return broadcast{mu: &sync.Mutex{}, ch: &ch}
}

func (b broadcast) fire() {
	b.mu.Lock()
	close(*b.ch)
	*b.ch = make(chan struct{})
	b.mu.Unlock()
}

// wait returns a channel that the next fire closes.
func (b broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *b.ch
}
