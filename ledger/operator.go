package ledger

// Refusals of operator actions, as machine-readable reasons (S-31).
const (
	RefusedUnknown      = "EXCEPTION_NOT_FOUND"
	RefusedEpisode      = "EPISODE_MISMATCH"
	RefusedResolved     = "EXCEPTION_RESOLVED"
	RefusedAcknowledged = "ALREADY_ACKNOWLEDGED"
	RefusedInvalid      = "INVALID_ACTION"
	RefusedPast         = "SNOOZE_IN_THE_PAST"
	RefusedMoved        = "EXCEPTION_MOVED" // the merged order speaks for this one
)

// Answer is what the fold made of one operator action.
type Answer struct {
	RequestID string
	Accepted  bool
	Reason    string // why it was refused
	Offset    int64
}

// applyAction accepts or refuses an operator action where it stands in the log.
func (p *Partition) applyAction(a *OperatorAction) error {
	if a.RequestID != "" {
		if _, ok, err := p.store.Get(append([]byte{keyAction}, a.RequestID...)); err != nil || ok {
			return err // the same request again: its first answer stands
		}
		for i := range p.ops {
			if k := p.keyOf(&p.ops[i]); k[0] == keyAction && string(k[1:]) == a.RequestID {
				return nil
			}
		}
	}
	x, err := p.exception(a.Exception)
	if err != nil {
		return err
	}
	if x == nil {
		p.answer(a, RefusedUnknown)
		return nil
	}
	o, err := p.subjectOrder(x)
	if err != nil {
		return err
	}
	if o != nil && p.shadowed(o) { // it must come back as it was
		p.answer(a, RefusedMoved)
		return nil
	}
	reason := p.admit(a, x)
	p.answer(a, reason)
	if reason != "" {
		if o != nil {
			p.fact(o, Fact{Kind: FactRefused, Rule: x.Rule, Exception: x.ID, Episode: x.Episode, Name: a.Kind.String(), Actor: a.Actor, Text: reason})
		}
		return nil
	}
	p.act(o, x, a)
	return nil
}

// admit returns why an action is refused, or "".
func (p *Partition) admit(a *OperatorAction, x *Exception) string {
	switch {
	case a.Actor == "":
		return RefusedInvalid
	case a.Episode != x.Episode:
		return RefusedEpisode
	case !x.Open && a.Kind != ActionComment && a.Kind != ActionFalsePositive:
		return RefusedResolved
	case a.Kind == ActionAcknowledge && x.Ack.At != 0:
		return RefusedAcknowledged
	case a.Kind == ActionSnooze && a.SnoozeUntil == 0 && x.SnoozedUntil == 0, a.Kind == ActionAssign && a.Assignee == x.Assignee:
		return RefusedInvalid
	case a.Kind == ActionSnooze && a.SnoozeUntil != 0 && a.SnoozeUntil <= p.guard.Clock:
		return RefusedPast
	case a.Kind == ActionUnknown, a.Kind > ActionFalsePositive:
		return RefusedInvalid
	}
	return ""
}

func (p *Partition) answer(a *OperatorAction, reason string) {
	if a.RequestID == "" {
		return
	}
	v := append([]byte{boolByte(reason == "")}, appendText(nil, reason)...)
	p.put(append([]byte{keyAction}, a.RequestID...), appendInt(v, p.rec.Offset))
}

// act carries out an admitted action.
func (p *Partition) act(o *order, x *Exception, a *OperatorAction) {
	change := FactAction
	switch a.Kind {
	case ActionAcknowledge:
		x.Ack = Acknowledgement{Actor: a.Actor, Comment: a.Comment, At: max(a.ProposedAt, 1)}
	case ActionAssign:
		x.Assignee = a.Assignee
	case ActionSnooze:
		if x.SnoozedUntil != 0 {
			p.del(snoozeKey(x.SnoozedUntil, x.ID))
		}
		if x.SnoozedUntil = a.SnoozeUntil; a.SnoozeUntil != 0 {
			p.put(snoozeKey(a.SnoozeUntil, x.ID), nil)
		}
	case ActionFalsePositive:
		x.FalsePositive = true
	case ActionResolve:
		x.Open, x.ResolvedAt, x.Cause, x.Held = false, p.guard.Clock, BecauseOperator, true
		change = FactExceptionResolved
		p.hold(o, x)
	}
	if a.Comment != "" && a.Kind != ActionAcknowledge {
		x.Comments = append(x.Comments, Acknowledgement{Actor: a.Actor, Comment: a.Comment, At: p.guard.Clock})
	}
	if o != nil && change == FactAction {
		p.fact(o, Fact{Kind: FactAction, Rule: x.Rule, Exception: x.ID, Episode: x.Episode, Name: a.Kind.String(), Actor: a.Actor, Text: a.Comment})
		p.changed(nil, x, FactAction)
		return
	}
	p.changed(o, x, change)
}

// hold keeps a person's resolve until an input claim changes.
func (p *Partition) hold(o *order, x *Exception) {
	if o == nil {
		if pos := p.subs[x.Subject.String()+"\x00"+x.Rule]; pos != nil {
			pos.open = false
			p.putSubject(x.Subject.String()+"\x00"+x.Rule, pos)
		}
		return
	}
	for i := range o.excs {
		if o.excs[i].id == x.ID {
			o.excs[i].open, o.excs[i].held, o.excs[i].claims = false, true, o.touched
		}
	}
	p.touch(o)
}

// wake ends the snooze that was due at an instant; one that was replaced since
// ends nothing.
func (p *Partition) wake(id ExceptionID, due Instant) error {
	x, err := p.exception(id)
	if err != nil || x == nil || x.SnoozedUntil != due {
		return err
	}
	x.SnoozedUntil = 0
	o, err := p.subjectOrder(x)
	if err != nil {
		return err
	}
	p.changed(o, x, FactSnoozeEnded)
	return nil
}
