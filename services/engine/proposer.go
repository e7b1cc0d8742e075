package engine

import (
	"github.com/orderledger/orderledger/ledger"
)

// ProposerView is what a proposer reads of its node at one instant.
type ProposerView struct {
	// Name is the proposer's name in ticks.
	Name      string
	Now       ledger.Instant
	BootID    [16]byte
	BootClock ledger.Micros
}

// Proposer decides what one node appends to one partition: the passage of time
// with the coverage that grew, and, while it owns the partition, the next policy
// and the next merge, split or mute. It is a step function: no clock, no I/O.
type Proposer struct {
	ticker        Ticker
	sent, looked  uint64 // coverage generations: travelled whole, looked at
	policy, merge carried
}

// Proposal says what to append now, in this order, and when to ask again. Nil
// records are not appended.
type Proposal struct {
	Policy *ledger.PolicyRecord
	// Numbered is the next merge, split or mute.
	Numbered any
	Tick     *ledger.Tick
	Again    ledger.Instant
}

// Step decides by what a seat has committed and what its node has heard.
func (p *Proposer) Step(s *Seat, h *Heard, now ProposerView) Proposal {
	v, changed, gen := p.tickView(s, h, now)
	state := s.view.Load()
	var out Proposal
	if rec := h.policies.after(state.taken); v.Owner && rec != nil && p.policy.due(rec.Version, v.Now) {
		out.Policy = rec
	}
	if rec := h.merges.after(state.merged); v.Owner && rec != nil && p.merge.due(state.merged+1, v.Now) {
		out.Numbered = rec
	}
	d := p.ticker.Decide(v)
	out.Again = d.Again
	if d.Propose {
		p.sent, p.looked = gen, gen
		out.Tick = &ledger.Tick{Partition: s.opt.Fold.Partition, Wall: v.Now, Proposer: now.Name, SourceDate: v.Date, Feeds: changed,
			BootID: now.BootID, BootClock: now.BootClock}
	}
	return out
}

// Failed says that the last tick may not be in the log: what travelled is
// unknown, and is sent again.
func (p *Proposer) Failed() { p.sent = 0 }

// tickView gathers what the ticker decides by. Coverage that changed since it
// was last looked at is wanted if some obligation of the store waits for it.
func (p *Proposer) tickView(s *Seat, h *Heard, now ProposerView) (TickView, []ledger.FeedCoverage, uint64) {
	v := TickView{Now: now.Now, Owner: s.owner.Load(), BootID: now.BootID}
	state := s.view.Load()
	v.Clock, v.NextTimer = state.guard.Clock, state.next
	if state.taken > state.policy {
		if rec := h.policies.after(state.policy); rec != nil {
			v.PolicyAt = rec.EffectiveAt
		}
	}
	if w := state.guard.Withheld; w != nil {
		v.Withheld, v.WithheldBoot = true, w.Boot
	}
	v.Forward, v.Satisfied, v.Idle = state.unforwarded, state.satisfied, state.idle
	changed, gen, date := h.feed.since(p.sent)
	v.Date = date
	if s.joins() {
		return v, nil, gen // nothing here waits for coverage
	}
	if !v.Owner {
		return v, changed, gen
	}
	recent, _, _ := h.feed.since(p.looked)
	for i := range recent {
		c := &recent[i]
		k := ledger.FeedKey{Source: c.Source, Feed: c.Feed}
		until := ledger.Beginning
		if n := len(c.Intervals); n > 0 {
			until = c.Intervals[n-1].Until
		}
		if waits, err := ledger.Waiting(s.state, k, until); err == nil && waits {
			v.Wanted = append(v.Wanted, k)
		}
	}
	if len(v.Wanted) == 0 {
		p.looked = gen
	}
	return v, changed, gen
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
