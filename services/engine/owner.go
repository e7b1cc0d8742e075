package engine

import (
	"context"
	"time"

	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// tick proposes the passage of time, policies and coverage to the partition
// until ctx ends.
func (r *replica) tick(ctx context.Context) {
	p := &Proposer{}
	for ctx.Err() == nil {
		commits, statuses, policies, merges := r.done.wait(), r.n.heard.feed.sig.wait(), r.n.heard.policies.sig.wait(), r.n.heard.merges.sig.wait()
		now := ProposerView{Name: r.n.cfg.Name, Now: r.n.deps.Clock.Now()}
		now.BootID, now.BootClock = r.n.deps.Clock.Boot()
		d := p.Step(r.Seat, r.n.heard, now)
		if d.Policy != nil {
			r.carry(ctx, "policy", d.Policy)
		}
		if d.Numbered != nil {
			r.carry(ctx, "merge, split or mute", d.Numbered)
		}
		if d.Tick != nil {
			if err := r.append(ctx, d.Tick); err == nil {
				r.n.deps.Observer.TickProposed(r.partition)
			} else if ctx.Err() == nil {
				r.n.deps.Logger.Warn("proposing a tick failed", "partition", r.partition, "error", err)
				p.Failed()
			}
		}
		wait := time.NewTimer(max(d.Again.Sub(now.Now).Duration(), 10*time.Millisecond))
		select {
		case <-ctx.Done():
		case <-wait.C:
		case <-commits:
		case <-statuses:
		case <-policies:
		case <-merges:
		}
		wait.Stop()
	}
}

// carry brings the next policy, merge or split of the control topic into the
// partition. Another owner may do the same: the fold takes each number once.
func (r *replica) carry(ctx context.Context, what string, rec any) {
	if err := r.append(ctx, rec); err != nil && ctx.Err() == nil {
		r.n.deps.Logger.Warn("appending a "+what+" failed", "partition", r.partition, "error", err)
	}
}

// append encodes a record and writes it to this partition.
func (r *replica) append(ctx context.Context, v any) error {
	value, err := r.n.deps.Codec.Encode(nil, v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = r.n.deps.Journal.Append(ctx, kafkalog.Record{Topic: r.topic, Partition: r.index, Value: value})
	return err
}

// blockRows bounds a block of the background pumps: two of every partition hold
// one in memory, with its bodies, decoded and as columns.
const blockRows = 8_000

// pump carries the partition's outbox to one sink while this node owns it, and
// trims what every sink has.
func (r *replica) pump(ctx context.Context, to projections.Sink) {
	ship := NewShipper(r.Seat, to, r.refill, PumpOptions{MaxRows: blockRows, Tracer: r.n.deps.Tracer})
	for ctx.Err() == nil {
		wait := r.done.wait()
		again := 30 * time.Second
		did := ship.Step(ctx)
		if did.Err != nil {
			if did.First {
				r.n.deps.Logger.Warn("a sink is behind, trying again", "sink", to.Name(), "partition", r.partition, "error", did.Err)
			}
			again = 2 * time.Second
			r.n.deps.Observer.SinkFailed(to.Name(), r.partition, did.Err)
		}
		if did.Rows > 0 {
			r.n.deps.Observer.Pumped(to.Name(), r.partition, did.Rows)
		}
		r.untrimmed(did.Trim)
		if ship.Failing() { // a commit is no reason to try a dead sink at once
			pause(ctx, again)
			continue
		}
		t := time.NewTimer(again)
		select {
		case <-ctx.Done():
		case <-wait:
		case <-t.C:
		}
		t.Stop()
	}
}

// untrimmed says that trimming the outbox failed, if it did.
func (r *replica) untrimmed(err error) {
	if err != nil {
		r.n.deps.Logger.Warn("trimming the outbox failed", "partition", r.partition, "error", err)
	}
}
