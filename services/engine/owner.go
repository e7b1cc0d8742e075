package engine

import (
	"context"
	"errors"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// tick proposes the passage of time, policies and coverage to the partition
// until ctx ends.
func (r *replica) tick(ctx context.Context) {
	t := &Ticker{}
	var sent, wantedFrom uint64 // coverage generations: travelled whole, looked at
	var policy, merge carried
	for ctx.Err() == nil {
		commits, statuses, policies, merges := r.done.wait(), r.n.feed.sig.wait(), r.n.policies.sig.wait(), r.n.merges.sig.wait()
		v, changed, gen := r.tickView(sent, &wantedFrom)
		state := r.view.Load()
		if rec := r.n.policies.after(state.taken); r.owner.Load() && rec != nil && policy.due(rec.Version, v.Now) {
			r.carry(ctx, "policy", rec)
		}
		if rec := r.n.merges.after(state.merged); r.owner.Load() && rec != nil && merge.due(state.merged+1, v.Now) {
			r.carry(ctx, "merge, split or mute", rec)
		}
		d := t.Decide(v)
		if d.Propose {
			sent, wantedFrom = gen, gen
			if err := r.propose(ctx, v, changed); err != nil && ctx.Err() == nil {
				r.n.deps.Logger.Warn("proposing a tick failed", "partition", r.partition, "error", err)
				sent = 0 // what travelled is unknown: send it again
			}
		}
		wait := time.NewTimer(max(d.Again.Sub(v.Now).Duration(), 10*time.Millisecond))
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

// tickView gathers what the ticker decides by. Coverage that changed since it
// was last looked at is wanted if some obligation of the store waits for it.
func (r *replica) tickView(sent uint64, looked *uint64) (TickView, []ledger.FeedCoverage, uint64) {
	v := TickView{Now: r.n.deps.Clock.Now(), Owner: r.owner.Load()}
	v.BootID, _ = r.n.deps.Clock.Boot()
	state := r.view.Load()
	v.Clock, v.NextTimer = state.guard.Clock, state.next
	if state.taken > state.policy {
		if rec := r.n.policies.after(state.policy); rec != nil {
			v.PolicyAt = rec.EffectiveAt
		}
	}
	if w := state.guard.Withheld; w != nil {
		v.Withheld, v.WithheldBoot = true, w.Boot
	}
	v.Forward, v.Satisfied, v.Idle = state.unforwarded, state.satisfied, state.idle
	changed, gen, date := r.n.feed.since(sent)
	v.Date = date
	if r.joins() {
		return v, nil, gen // nothing here waits for coverage
	}
	if !v.Owner {
		return v, changed, gen
	}
	recent, _, _ := r.n.feed.since(*looked)
	for i := range recent {
		c := &recent[i]
		k := ledger.FeedKey{Source: c.Source, Feed: c.Feed}
		until := ledger.Beginning
		if n := len(c.Intervals); n > 0 {
			until = c.Intervals[n-1].Until
		}
		if waits, err := ledger.Waiting(r.store, k, until); err == nil && waits {
			v.Wanted = append(v.Wanted, k)
		}
	}
	if len(v.Wanted) == 0 {
		*looked = gen
	}
	return v, changed, gen
}

// propose appends one tick to the partition.
func (r *replica) propose(ctx context.Context, v TickView, feeds []ledger.FeedCoverage) error {
	t := &ledger.Tick{Partition: r.partition, Wall: v.Now, Proposer: r.n.cfg.Name, SourceDate: v.Date, Feeds: feeds}
	t.BootID, t.BootClock = r.n.deps.Clock.Boot()
	if err := r.append(ctx, t); err != nil {
		return err
	}
	r.n.deps.Observer.TickProposed(r.partition)
	return nil
}

// carried remembers which record of the control topic was appended last.
type carried struct {
	number uint64
	again  ledger.Instant
}

// due reports whether the next record is to be appended now: it was not yet, or
// long enough ago that it ought to have been read back.
func (c *carried) due(number uint64, now ledger.Instant) bool {
	if number == c.number && now < c.again {
		return false
	}
	c.number, c.again = number, now.Add(5*ledger.Second)
	return true
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

// gone notes whether one sink is away.
func (r *replica) gone(was *bool, away bool) {
	if away && !*was {
		r.away.Add(1)
	} else if !away && *was {
		r.away.Add(-1)
	}
	*was = away
}

// pump carries the partition's outbox to one sink while this node owns it, and
// trims what every sink has.
func (r *replica) pump(ctx context.Context, to projections.Sink) {
	sink := &tenured{Sink: to, r: r}
	p := NewPump(r.store, sink, PumpOptions{Partition: r.partition, MaxRows: blockRows, Tracer: r.n.deps.Tracer,
		Told: func() projections.Held { return r.view.Load().told }})
	failing := false
	for ctx.Err() == nil {
		wait := r.done.wait()
		again := 30 * time.Second
		if now := r.terms.Load(); now != sink.term { // another node may have shipped in between
			p.known, sink.term = false, now
			r.gone(&failing, false)
		}
		if r.owner.Load() {
			rows, err := p.Run(ctx)
			var gap *GapError
			if errors.As(err, &gap) {
				r.gone(&failing, false) // it answers: what is told meanwhile is kept for it
				rows, err = r.refill(ctx, sink, p)
			}
			switch {
			case err != nil && ctx.Err() == nil && r.owner.Load():
				if !failing {
					r.n.deps.Logger.Warn("a sink is behind, trying again", "sink", sink.Name(), "partition", r.partition, "error", err)
				}
				r.gone(&failing, true)
				again = 2 * time.Second
				r.n.deps.Observer.SinkFailed(sink.Name(), r.partition, err)
			case err == nil:
				r.gone(&failing, false)
			}
			if rows > 0 {
				r.n.deps.Observer.Pumped(sink.Name(), r.partition, rows)
			}
			r.trim()
		}
		if failing { // a commit is no reason to try a dead sink at once
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

// trim removes the outbox blobs that every sink has. The oldest beyond the cap
// go as well, unless every sink is at hand and takes them: refolding for one
// that is merely slower than the fold would make it slower still.
func (r *replica) trim() {
	o := r.outbox.Load()
	err := o.Trim()
	if err == nil && (!r.owner.Load() || r.away.Load() > 0) {
		err = o.Cap()
	}
	if err != nil {
		r.n.deps.Logger.Warn("trimming the outbox failed", "partition", r.partition, "error", err)
	}
}
