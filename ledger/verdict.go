package ledger

import "strings"

// VerdictState is what the ledger says of one obligation (S-24). The numbers
// are frozen.
type VerdictState uint8

// The verdicts.
const (
	VerdictNone         VerdictState = 0
	VerdictPending      VerdictState = 1
	VerdictMet          VerdictState = 2
	VerdictMetImprecise VerdictState = 3
	VerdictMetLate      VerdictState = 4
	VerdictBreached     VerdictState = 5
	VerdictVoid         VerdictState = 6
	VerdictUndetermined VerdictState = 7
	// VerdictRetracted is how a revision from BREACHED to nothing is said.
	VerdictRetracted VerdictState = 8
)

var verdictNames = [...]string{"NONE", "PENDING", "MET", "MET_IMPRECISE", "MET_LATE", "BREACHED", "VOID", "UNDETERMINED", "RETRACTED"}

// String returns the verdict's name, such as "MET_LATE".
func (v VerdictState) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return "NONE"
}

// Basis says how well a verdict is founded. The numbers are frozen.
type Basis uint8

// The bases, from the best.
const (
	BasisProven     Basis = 0
	BasisAssumed    Basis = 1
	BasisIncomplete Basis = 2
)

var basisNames = [...]string{"proven", "assumed", "incomplete"}

// String returns the basis' name.
func (b Basis) String() string {
	if int(b) < len(basisNames) {
		return basisNames[b]
	}
	return "incomplete"
}

// Because says why a verdict stands or changed. The numbers are frozen.
type Because uint8

// The reasons.
const (
	BecauseNone       Because = 0
	BecauseUntil      Because = 1 // the closing predicate became true
	BecauseUnless     Because = 2 // the obligation lapsed
	BecauseDue        Because = 3 // the deadline passed, and nothing came
	BecauseSilent     Because = 4 // a feed it depends on is not heard
	BecauseHeld       Because = 5 // a shelved word may be what it waits for
	BecauseUnprovable Because = 6 // it depends on a feed that does not exist
	BecauseRearranged Because = 7 // late evidence rearranged the history
	BecausePolicy     Because = 8 // another policy came into force
	BecauseWithdrawn  Because = 9 // coverage was withdrawn
	BecauseHealed     Because = 10
	BecauseOperator   Because = 11
	BecauseClock      Because = 12 // the clock was put back
	BecauseRegrouped  Because = 13 // orders were merged or split
)

var becauseNames = [...]string{"", "until", "unless", "due", "source-silent", "held", "unprovable", "rearranged", "policy", "withdrawn", "healed", "operator", "clock-reset", "regrouped"}

// String returns the reason's name, such as "source-silent".
func (b Because) String() string {
	if int(b) < len(becauseNames) {
		return becauseNames[b]
	}
	return ""
}

// verdict is the present judgement of one (rule, episode, step).
type verdict struct {
	j      *judge
	e      *episode
	a      Within // the anchor, not before the order began
	step   uint8
	state  VerdictState
	basis  Basis
	why    Because
	feed   FeedKey // the feed it waits for
	since  Instant // since when that feed is not heard
	due    Instant // next instant at which it must be looked at, 0 if none
	need   Instant // waits until feed is heard past this, 0 if it does not
	closed bool    // BREACHED, but lapsed since: no exception any more
	past   bool    // historic: not announced (S-28)
	name   string  // record that makes it incomplete
}

// said is the last verdict told of one (rule, episode, step).
type said struct {
	rule  string
	by    EventID // the episode's opening document
	at    Instant // where the episode stands in the history
	n     uint32
	step  uint8
	state VerdictState
	basis Basis
	feed  FeedKey // for UNDETERMINED
	// announced: the breach was told while it lasted.
	announced bool
}

func (s *said) key(t *said) int {
	if c := strings.Compare(s.rule, t.rule); c != 0 {
		return c
	}
	if c := strings.Compare(string(s.by[:]), string(t.by[:])); c != 0 {
		return c
	}
	return int(s.step) - int(t.step)
}

// judgeStep judges one step of an episode at the partition's clock (S-23,
// S-24). It is a function of the episode, the clock and coverage alone.
func (p *Partition) judgeStep(o *order, j *judge, e *episode, step int) verdict {
	s := &j.Steps[step]
	a := o.anchor(j, e)
	v := verdict{j: j, e: e, a: a, step: uint8(step)}
	limit := a.Latest.Add(s.After).Add(j.sigma)
	early := a.Earliest.Add(s.After).Add(j.sigma)
	due := limit.Add(j.Grace)
	began := a.Earliest
	if e.unknown != 0 {
		began = min(began, e.unknown)
	}
	v.past = began.Add(s.After) < j.live || a.Earliest < j.Since
	late := false
	switch {
	case e.atA:
		v.state, v.why = VerdictMet, BecauseUnless
		return v
	case e.ended && e.until.Latest < early:
		v.state, v.why = VerdictMet, BecauseUntil
		return v
	case e.ended && e.until.Earliest < limit:
		v.state, v.why = VerdictMetImprecise, BecauseUntil
		return v
	case e.ended:
		late = true
	case e.voided && e.voidedAt.Earliest < limit:
		v.state, v.why = VerdictVoid, BecauseUnless
		return v
	case e.voided:
		v.closed = true
	}
	if p.guard.Clock < due {
		v.state, v.due = VerdictPending, due
		return v
	}
	if late {
		v.state, v.why = VerdictMetLate, BecauseUntil
		return v
	}
	if e.hidden < limit {
		v.basis = BasisIncomplete
	}
	p.prove(o, &v, o.window(j, a, limit))
	return v
}

// window is the stretch over which an absence has to be proven (S-19).
func (o *order) window(j *judge, a Within, limit Instant) Interval {
	from := o.run.created
	if from == Forever { // the origin was never heard
		from = a.Earliest
	}
	return Interval{from.Add(-j.sigma), limit}
}

// anchor is when an episode began: nothing of an order begins before the
// order itself did, but for the clocks' skew.
func (o *order) anchor(j *judge, e *episode) Within {
	if o.run.created == Forever {
		return e.a
	}
	return Within{Earliest: max(e.a.Earliest, min(o.run.created.Add(-j.sigma), e.a.Latest)), Latest: e.a.Latest}
}

// prove decides between BREACHED, PENDING and UNDETERMINED by coverage and
// holds (S-19 … S-21).
func (p *Partition) prove(o *order, v *verdict, over Interval) {
	if v.j.missing != "" {
		v.state, v.why, v.name = VerdictUndetermined, BecauseUnprovable, v.j.missing
		return
	}
	hold := p.plan.newest.Settings.HoldMax
	if v.e.uncertain && o.shelved > 0 {
		if end := o.heldSince().Add(hold); p.guard.Clock < end {
			v.state, v.why, v.due = VerdictUndetermined, BecauseHeld, end
			return
		}
		v.basis = BasisIncomplete
	}
	for _, k := range v.j.deps {
		spec := p.plan.feeds[k]
		f := p.feed(k)
		var h heard
		if o.whole {
			h = p.wholeHears(o, f, spec, over)
		} else {
			h = p.joinedOver(o, f, p.hears(o, f, spec, over), over)
		}
		if h.ok {
			if h.incomplete {
				v.basis, v.name = max(v.basis, BasisIncomplete), h.hole
			} else if spec.Coverage == CoverageAssumed {
				v.basis = max(v.basis, BasisAssumed)
			}
			continue
		}
		v.feed, v.since, v.need, v.why = k, h.until, over.Until, BecauseSilent
		v.state = VerdictPending
		if f.Silent {
			v.state = VerdictUndetermined
		}
		if h.held != "" {
			v.state, v.why, v.name, v.due = VerdictUndetermined, BecauseHeld, h.held, h.free
		}
		return
	}
	v.state, v.why = VerdictBreached, BecauseDue
}

// hears asks one feed about a stretch, for one order: by its coverage, by
// assumption, or by a look-up of this order.
func (p *Partition) hears(o *order, f *Feed, spec *FeedSpec, over Interval) heard {
	for _, l := range o.looked {
		if l.feed == f.Key && l.until >= over.Until {
			return heard{ok: true, until: l.until}
		}
	}
	if spec.Coverage == CoverageAssumed {
		return p.assumes(spec, over)
	}
	return f.covers(over, p.guard.Clock, p.plan.newest.Settings.HoldMax)
}

// assumes takes a feed that can prove nothing as heard once it has settled (S-21).
func (p *Partition) assumes(spec *FeedSpec, over Interval) heard {
	if until := p.guard.Clock.Add(-spec.Settle); until < over.Until {
		return heard{until: until}
	}
	return heard{ok: true, until: over.Until}
}

// heldSince is the first receipt among the order's shelved documents.
func (o *order) heldSince() Instant {
	first := Forever
	for _, d := range o.docs {
		for i, s := range d.states {
			if s == Unmapped && d.ev.Claims[i].Axis.Valid() {
				first = min(first, d.received)
			}
		}
	}
	return first
}
