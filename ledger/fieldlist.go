package ledger

import (
	"bytes"
	"fmt"
)

// field is one named value of a stored record, in words.
type field struct{ name, value string }

// fieldList takes a stored value apart for whoever must be told what of it is
// wrong.
type fieldList []field

// add adds names and values, by turns, each name behind a prefix.
func (l *fieldList) add(prefix string, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		*l = append(*l, field{fmt.Sprint(prefix, pairs[i]), fmt.Sprint(pairs[i+1])})
	}
}

// fieldsOf lists the fields of a stored value; none if its kind has no names
// for them or the bytes can not be read.
func fieldsOf(k, v []byte) []field {
	var l fieldList
	v = bytes.Clone(v)
	switch k[0] {
	case keyOrder:
		if o, err := decodeOrderRecord(OrderKey(k[1:]), v); err == nil {
			l.order(o)
		}
	case keyClaims:
		if d, err := decodeDoc(v); err == nil {
			l.doc(d)
		}
	case keyFact:
		if f, err := decodeFact(v); err == nil {
			l.fact(&f)
		}
	case keyException:
		if x, err := DecodeException(v); err == nil {
			l.exception(x)
		}
	case keyEntry:
		if q, err := decodeQuarantined(v); err == nil {
			l.entry(&q)
		}
	}
	return l
}

func (l *fieldList) order(o *order) {
	l.add("", "policy", o.policy, "facts", o.facts, "events", o.events, "shelved", o.shelved, "touched", o.touched, "marks", o.marks, "timer", o.timer)
	for i := range o.said {
		s := &o.said[i]
		l.add(fmt.Sprintf("said[%s %d %d].", s.rule, s.n, s.step), "state", s.state, "basis", s.basis, "by", s.by, "at", s.at, "feed", s.feed, "announced", s.announced)
	}
	for i := range o.excs {
		x := &o.excs[i]
		l.add(fmt.Sprintf("exceptions[%s].", x.rule), "id", x.id, "given", x.n, "open", x.open, "held", x.held, "claims", x.claims)
	}
	for i, w := range o.waits {
		l.add(fmt.Sprintf("waits[%d].", i), "feed", w.feed, "need", w.need)
	}
	for i, x := range o.looked {
		l.add(fmt.Sprintf("looked[%d].", i), "feed", x.feed, "until", x.until)
	}
	if o.base != nil {
		l.base(o, o.base)
	}
}

func (l *fieldList) base(o *order, x *base) {
	l.add("base.", "at", x.at, "stamp", x.stamp, "folded", x.folded, "created", x.run.created, "last", x.run.last)
	for i := range x.run.cells {
		c := &x.run.cells[i]
		l.add(fmt.Sprintf("base.cells[%s %s].", o.sources[c.src], c.axis), "state", c.axis.StateName(c.state), "since", c.since, "at", c.at, "by", c.by)
	}
	for i := range x.run.rules {
		r := &x.run.rules[i]
		at := fmt.Sprintf("base.rules[%d].", i)
		l.add(at, "last", r.last, "unknown", r.unknown, "n", r.n, "close", r.close, "unless", r.unless)
		for k := range r.eps {
			l.add(at, fmt.Sprintf("episodes[%d]", k), r.eps[k])
		}
	}
	for i := range x.regs {
		r := &x.regs[i]
		l.add(fmt.Sprintf("base.registers[%s %s %s %s].", r.src, r.axis, r.object.Type, r.object.ID), "used", r.base.used,
			"state", r.axis.StateName(r.base.state), "unread", r.base.unread, "version", r.base.version, "at", r.base.at, "stamp", r.base.stamp, "dated", r.base.dated)
	}
	for i := range x.amounts {
		r := &x.amounts[i]
		l.add(fmt.Sprintf("base.amounts[%s %s %s %s].", o.sources[r.src], r.kind, r.object.Type, r.object.ID), "version", r.version, "amounts", r.amounts)
	}
}

func (l *fieldList) doc(d *doc) {
	e := d.ev
	l.add("", "id", e.ID, "kind", e.Kind, "direction", e.Direction, "source", e.Source, "system", e.System, "feed", e.Feed, "order", e.Order,
		"native_kind", e.NativeKind, "native_id", e.NativeID, "object.type", e.Object.Type, "object.id", e.Object.ID, "version", e.Version)
	for i, a := range e.Aliases {
		l.add(fmt.Sprintf("aliases[%d].", i), "scope", a.Scope, "type", a.Type, "value", a.Value)
	}
	for i := range e.Claims {
		c := &e.Claims[i]
		l.add(fmt.Sprintf("claims[%d].", i), "axis", c.Axis, "mode", c.Mode, "object.type", c.Object.Type, "object.id", c.Object.ID,
			"version", c.Version, "native", c.Native, "earliest", c.Earliest, "latest", c.Latest)
	}
	for i := range e.Lines {
		s := &e.Lines[i]
		l.add(fmt.Sprintf("lines[%d].", i), "kind", s.Kind, "object.type", s.Object.Type, "object.id", s.Object.ID, "complete", s.Complete, "lines", s.Lines)
	}
	for i := range e.Amounts {
		s := &e.Amounts[i]
		l.add(fmt.Sprintf("amounts[%d].", i), "kind", s.Kind, "object.type", s.Object.Type, "object.id", s.Object.ID, "complete", s.Complete, "amounts", s.Amounts)
	}
	l.add("", "delivery.topic", e.Delivery.Topic, "delivery.id", e.Delivery.ID, "delivery.attempt", e.Delivery.Attempt, "trace_id", e.TraceID,
		"received_at", d.received, "asked_at", d.asked, "prev_asked", d.prev, "delivered", d.delivered, "outcome", d.outcome, "copies", d.copies, "offset", d.offset)
}

func (l *fieldList) fact(f *Fact) {
	l.add("", "seq", f.Seq, "offset", f.Offset, "kind", f.Kind, "at", f.At, "rule", f.Rule, "step", f.Step, "episode", f.Episode, "anchor", f.Anchor,
		"deadline", f.Deadline, "from", f.From, "to", f.To, "basis", f.Basis, "because", f.Because, "feed", f.Feed, "since", f.Since,
		"exception", f.Exception, "name", f.Name, "actor", f.Actor, "text", f.Text, "announced", f.Announced)
}

func (l *fieldList) exception(x *Exception) {
	s := &x.Subject
	l.add("", "id", x.ID, "subject.kind", s.Kind, "subject.order", s.Order, "subject.feed", s.Feed, "subject.alias", s.Alias, "subject.source", s.Source,
		"subject.axis", s.Axis, "subject.native", s.Native, "rule", x.Rule, "name", x.Name, "step", x.Step, "severity", x.Severity, "hop", x.Hop,
		"owner", x.Owner, "impact", x.Impact, "remedy", x.Remedy, "runbook", x.Runbook, "n", x.N, "episode", x.Episode, "open", x.Open,
		"since", x.Since, "deadline", x.Deadline, "opened_at", x.OpenedAt, "stepped_at", x.SteppedAt, "resolved_at", x.ResolvedAt, "cause", x.Cause,
		"announced", x.Announced, "historic", x.Historic, "basis", x.Basis, "at_risk.minor", x.AtRisk.Minor, "at_risk.currency", x.AtRisk.Currency,
		"ack", x.Ack, "assignee", x.Assignee, "snoozed_until", x.SnoozedUntil, "false_positive", x.FalsePositive, "comments", x.Comments, "held", x.Held,
		"offset", x.Offset, "count", x.Count)
	for i := range x.Evidence {
		e := &x.Evidence[i]
		l.add(fmt.Sprintf("evidence[%d].", i), "text", e.Text, "source", e.Source, "feed", e.Feed, "event", e.Event, "at", e.At)
	}
}

func (l *fieldList) entry(q *Quarantined) {
	l.add("", "id", q.ID, "source", q.Source, "feed", q.Feed, "reason", q.Reason, "detail", q.Detail, "topic", q.Topic, "order", q.Order,
		"native", q.Native, "delivery.topic", q.Delivery.Topic, "delivery.id", q.Delivery.ID, "of", q.Of, "axis", q.Axis,
		"partition", q.Partition, "offset", q.Offset, "received_at", q.ReceivedAt, "expires_at", q.ExpiresAt)
}
