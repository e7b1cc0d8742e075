package ledger

import (
	"fmt"
	"slices"
)

// raiseRule makes one rule's exception of an order agree with its verdicts.
func (p *Partition) raiseRule(o *order, rule string, b *broken, why Because) error {
	at := slices.IndexFunc(o.excs, func(x orderException) bool { return x.rule == rule })
	if at < 0 {
		if !b.open {
			return nil
		}
		o.excs = append(o.excs, orderException{rule: rule})
		at = len(o.excs) - 1
	}
	pos := &o.excs[at]
	if pos.held && pos.claims == o.touched {
		return nil // a person resolved it, and nothing was claimed since
	}
	pos.held = false
	switch {
	case b.open && !pos.open:
		return p.openException(o, pos, b)
	case b.open:
		return p.stepException(o, pos, b)
	case pos.open:
		return p.closeException(o, pos, b.settled, why)
	}
	return nil
}

// openException opens a new exception, or reopens the last one of the rule if
// it resolved within the reopen window (S-30).
func (p *Partition) openException(o *order, pos *orderException, b *broken) error {
	if pos.n > 0 {
		last, err := p.exception(pos.id)
		if err != nil {
			return err
		}
		if last != nil && p.guard.Clock.Sub(last.ResolvedAt) <= p.plan.newest.Settings.ReopenWindow {
			pos.open = true
			last.Open, last.ResolvedAt, last.Cause = true, 0, BecauseNone
			last.Episode++
			last.Count++
			last.Offset = p.rec.Offset
			p.describe(o, last, b)
			if m := p.mutedBy(p.concerns(o, b.j)); m != nil {
				p.hush(last, m)
			}
			p.changed(o, last, FactExceptionReopened)
			return nil
		}
	}
	x := &Exception{Subject: p.subjectOf(o), Rule: pos.rule, N: pos.n,
		Episode: 1, Count: 1, Open: true, OpenedAt: p.guard.Clock, Offset: p.rec.Offset}
	x.ID = NewExceptionID(x.Subject.String(), x.Rule, pos.n)
	pos.id, pos.open = x.ID, true
	pos.n++
	p.describe(o, x, b)
	if m := p.mutedBy(p.concerns(o, b.j)); m != nil {
		p.hush(x, m)
	}
	p.changed(o, x, FactExceptionOpened)
	if o.whole {
		p.takeOver(o, x)
	}
	return nil
}

// stepException moves an open exception up, if a later step is breached, or if
// another policy says of its step something else.
func (p *Partition) stepException(o *order, pos *orderException, b *broken) error {
	x, err := p.exception(pos.id)
	if err != nil || x == nil {
		return err
	}
	s := &b.j.Steps[b.step]
	up := b.step != x.Step || s.Exception != x.Name || s.Severity != x.Severity
	if !up && b.basis == x.Basis && b.a == x.Since && b.a.Latest.Add(s.After) == x.Deadline {
		return nil
	}
	p.describe(o, x, b)
	if up {
		p.changed(o, x, FactExceptionStepped)
		return nil
	}
	p.keep(x)
	return nil
}

// closeException resolves an open exception with the cause its verdicts give.
func (p *Partition) closeException(o *order, pos *orderException, settled, why Because) error {
	x, err := p.exception(pos.id)
	if err != nil || x == nil {
		return err
	}
	if why == BecausePolicy || why == BecauseWithdrawn || why == BecauseClock {
		settled = why
	} else if settled == BecauseUntil {
		settled = BecauseHealed
	}
	pos.open = false
	x.Open, x.ResolvedAt, x.Cause = false, p.guard.Clock, settled
	if x.SnoozedUntil != 0 {
		p.del(snoozeKey(x.SnoozedUntil, x.ID))
		x.SnoozedUntil = 0
	}
	p.changed(o, x, FactExceptionResolved)
	return nil
}

// describe fills in what a rule and its breach say about an exception.
func (p *Partition) describe(o *order, x *Exception, b *broken) {
	s := &b.j.Steps[b.step]
	x.Name, x.Severity, x.Step = s.Exception, s.Severity, b.step
	x.Hop, x.Owner, x.Impact, x.Remedy, x.Runbook = b.j.Hop, b.j.Owner, b.j.Impact, b.j.Remedy, b.j.Runbook
	x.Since, x.Deadline, x.Basis = b.a, b.a.Latest.Add(s.After), b.basis
	x.Historic = b.past
	x.Announced = x.Announced || !b.past
	x.SteppedAt = p.guard.Clock
	x.AtRisk = p.atRisk(o, b.j.Rule)
	x.Evidence = p.evidence(o, b)
}

// atRisk reads the money a rule puts at stake.
func (p *Partition) atRisk(o *order, r *Rule) Money {
	op := p.originPlan(o)
	role := r.MoneyRole
	if role == RoleNone {
		role = op.role
	}
	kind := r.Money
	if kind == 0 {
		kind = AmountOrdered
	}
	src := o.find(op.bind[role])
	if src < 0 {
		return Money{}
	}
	minor, currency, ok := p.w.amounts.sum(o, uint8(src), kind)
	if !ok {
		return Money{}
	}
	return Money{minor, currency}
}

// evidence lists what opened the obligation and what proves the absence.
func (p *Partition) evidence(o *order, b *broken) []Evidence {
	var out []Evidence
	for _, c := range b.j.openCells {
		src := o.find(p.originPlan(o).bind[c.Role])
		for i := range o.run.cells {
			cell := &o.run.cells[i]
			if int(cell.src) == src && cell.axis == c.Axis && cell.state != Absent {
				out = append(out, Evidence{Text: fmt.Sprintf("%s.%s is %s", c.Role, c.Axis, c.Axis.StateName(cell.state)),
					Source: o.sources[cell.src], Event: cell.by, At: cell.since.Latest})
			}
		}
	}
	for _, k := range b.j.deps {
		f := p.feed(k)
		text, until := "heard without a gap", p.heardUntil(o, f)
		if p.plan.feeds[k] != nil && p.plan.feeds[k].Coverage == CoverageAssumed {
			text, until = "assumed to be heard", p.guard.Clock.Add(-p.plan.feeds[k].Settle)
		}
		out = append(out, Evidence{Text: text, Source: k.Source, Feed: k.Feed, At: until})
	}
	return out
}

// exception returns an exception, loading it from the store; nil if unknown.
func (p *Partition) exception(id ExceptionID) (*Exception, error) {
	if x := p.excs[id]; x != nil {
		return x, nil
	}
	v, ok, err := p.store.Get(exceptionKey(keyException, id))
	if err != nil || !ok {
		return nil, err
	}
	x, err := DecodeException(v)
	if err != nil {
		return nil, fmt.Errorf("exception %s: %w", id, err)
	}
	return x, nil
}

// keep marks an exception as changed since the last flush.
func (p *Partition) keep(x *Exception) {
	if p.excs[x.ID] == nil {
		p.excs[x.ID] = x
		p.excSeq = append(p.excSeq, x.ID)
	}
}

// changed keeps an exception, keeps the index of the open ones, and tells the
// change in a row and, for an order, in its timeline.
func (p *Partition) changed(o *order, x *Exception, kind FactKind) {
	p.keep(x)
	shadowed := o != nil && p.shadowed(o)
	switch {
	case shadowed:
	case kind == FactExceptionOpened, kind == FactExceptionReopened:
		p.put(exceptionKey(keyOpen, x.ID), nil)
	case kind == FactExceptionResolved:
		p.del(exceptionKey(keyOpen, x.ID))
	}
	if !shadowed {
		p.exceptionRow(kind, x.clone())
	}
	if o == nil {
		return
	}
	p.fact(o, Fact{Kind: kind, Rule: x.Rule, Step: x.Step, Episode: x.Episode, Anchor: x.Since, Deadline: x.Deadline, Basis: x.Basis,
		Because: x.Cause, Exception: x.ID, Name: x.Name, Announced: x.Announced})
}

func (p *Partition) exceptionRow(change FactKind, x Exception) {
	p.seqs.Exceptions++
	p.rows.Exceptions = append(p.rows.Exceptions, ExceptionRow{Seq: p.seqs.Exceptions, Offset: p.rec.Offset, RecordedAt: p.rec.RecordedAt,
		Change: change, Exception: x})
}

// clone copies an exception so that a row does not change after it was told.
func (x *Exception) clone() Exception {
	c := *x
	c.Evidence, c.Comments = slices.Clone(x.Evidence), slices.Clone(x.Comments)
	return c
}
