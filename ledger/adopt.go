package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// applyPolicy takes a policy whose version follows the newest one taken. The
// first is adopted at its record, later ones at the first tick at or after
// their effective_at (S-32).
func (p *Partition) applyPolicy(r *PolicyRecord) error {
	newest, effective := uint64(0), Instant(0)
	for _, known := range slices.Concat(p.policies, p.waiting) {
		newest, effective = known.Version, known.EffectiveAt
	}
	if r.Version <= newest {
		return nil // another owner appended it before
	}
	pol, err := DecodePolicy(r.Tree)
	if err == nil {
		err = pol.Validate()
	}
	switch {
	case r.Version != newest+1:
		err = fmt.Errorf("version %d does not follow %d", r.Version, newest)
	case err != nil:
	case sha256.Sum256(r.Tree) != r.Digest:
		err = fmt.Errorf("the digest is not that of the tree")
	case pol.Version != r.Version || pol.EffectiveAt != r.EffectiveAt:
		err = fmt.Errorf("the tree states another version or effective_at")
	case newest > 0 && r.EffectiveAt < effective:
		err = fmt.Errorf("effective_at decreases")
	}
	if err != nil {
		p.quarantine(&Quarantined{Reason: "policy-refused", Detail: err.Error()})
		return nil
	}
	p.put(policyKey(r.Version), r.Tree)
	p.waiting = append(p.waiting, pol)
	p.meta = true
	if newest > 0 {
		return nil
	}
	p.adopt()
	p.cont = continuation{active: true, phase: phaseSweep, clock: p.guard.Clock, sweep: true, why: BecausePolicy, recorded: p.rec.RecordedAt}
	return p.Continue()
}

// adopt brings waiting policies into force and reports whether any was.
func (p *Partition) adopt() bool {
	n := 0
	for n < len(p.waiting) && (len(p.policies) == 0 || p.waiting[n].EffectiveAt <= p.guard.Clock) {
		p.policies = append(p.policies, p.waiting[n])
		n++
	}
	if n == 0 {
		return false
	}
	p.waiting = slices.Clone(p.waiting[n:])
	p.plan = compile(p.policies)
	for i := range p.plan.newest.Sources { // every declared feed is known from now on
		s := &p.plan.newest.Sources[i]
		for j := range s.Feeds {
			p.feed(FeedKey{s.Name, s.Feeds[j].Name})
		}
	}
	p.meta = true
	return true
}

// migrate recomputes an order under the newest policy before anything else
// touches it: shelved words that the matrix knows now are released.
func (p *Partition) migrate(o *order) error {
	from := o.policy
	if o.base != nil {
		if err := p.unfold(o); err != nil {
			return err
		}
	} else {
		docs := o.docs
		o.docs, o.regs = nil, nil
		for _, d := range docs {
			o.insert(d, p.plan)
		}
	}
	o.policy = p.plan.version
	o.shelved = 0
	for _, d := range o.docs {
		p.remap(o, d, from)
	}
	p.touch(o)
	// Its cells under the policy before are known only to who still holds them, so
	// that they cannot decide what is told: a new policy tells every order anew.
	p.walk(o)
	return p.conclude(o, true, BecausePolicy)
}

// remap compares a document's states before and after a migration and tells
// what was released, or shelved for the first time.
func (p *Partition) remap(o *order, d *doc, from uint64) {
	held := false
	for i := range d.ev.Claims {
		c := &d.ev.Claims[i]
		if !c.Axis.Valid() {
			continue
		}
		now := d.states[i]
		held = held || now == Unmapped
		if repeatsWord(d, i) {
			continue
		}
		wasShelved := from != 0 && p.stateUnder(from, d.ev.System, c) == Unmapped
		switch {
		case o.whole:
			// told under the member that heard it
		case now == Unmapped && !wasShelved:
			p.shelveWord(o, d, c, Body{})
		case now != Unmapped && wasShelved:
			p.fact(o, Fact{Kind: FactReleased, Name: c.Axis.String() + " " + c.Native, Text: c.Axis.StateName(now), Because: BecausePolicy})
			p.word(d.ev.Source, c, -1)
		}
	}
	if held {
		o.shelved++
	}
}

// stateUnder maps a claim's word as an earlier version of the policy did.
func (p *Partition) stateUnder(version uint64, system string, c *Claim) State {
	rows := p.policies[version-1].Rows
	at, ok := slices.BinarySearchFunc(rows, MatrixRow{System: system, Axis: c.Axis, Native: c.Native}, MatrixRow.Compare)
	if !ok {
		return Unmapped
	}
	return rows[at].State
}
