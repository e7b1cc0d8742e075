package ledger

import (
	"encoding/binary"
	"slices"
)

// shelve keeps a document's unmapped words: they stand in the history as
// UNMAPPED, are counted per word, open an exception of the word, and go to
// quarantine with the raw bytes (S-10).
func (p *Partition) shelve(o *order, d *doc, body Body) {
	shelved := false
	for i := range d.ev.Claims {
		c := &d.ev.Claims[i]
		if !c.Axis.Valid() || d.states[i] != Unmapped {
			continue
		}
		if !shelved {
			o.shelved++
			shelved = true
		}
		if p.plan.newest == nil || repeatsWord(d, i) {
			continue // before the first policy every word is shelved, silently
		}
		p.shelveWord(o, d, c, body)
	}
}

// shelveWhole counts a document of a merged order that has an unmapped word.
func (o *order) shelveWhole(d *doc) {
	for i := range d.ev.Claims {
		if d.ev.Claims[i].Axis.Valid() && d.states[i] == Unmapped {
			o.shelved++
			return
		}
	}
}

// shelveWord tells that one word of a document is unmapped. The bytes are
// those of the document's record, which stands in the log at its offset; they
// are not kept, so a document heard before its word was looked at has none.
func (p *Partition) shelveWord(o *order, d *doc, c *Claim, body Body) {
	p.quarantineAt(d.offset, &Quarantined{Reason: "unmapped-status", Detail: c.Axis.String() + " " + c.Native, Source: d.ev.Source, Feed: d.ev.Feed,
		Order: o.key, Of: d.ev.ID, Axis: c.Axis, Native: c.Native, ReceivedAt: d.received, Delivery: d.ev.Delivery, Body: body})
	p.fact(o, Fact{Kind: FactShelved, Name: c.Axis.String() + " " + c.Native, Text: string(d.ev.Source)})
	p.word(d.ev.Source, c, 1)
}

// repeatsWord reports whether an earlier claim of the document has the same
// word on the same axis, so that a word counts once per document.
func repeatsWord(d *doc, i int) bool {
	c := &d.ev.Claims[i]
	return slices.ContainsFunc(d.ev.Claims[:i], func(x Claim) bool { return x.Axis == c.Axis && x.Native == c.Native })
}

// word counts shelved documents of one word, and opens or resolves the word's
// exception as the count leaves or reaches zero.
func (p *Partition) word(src Source, c *Claim, by int64) {
	s := Subject{Kind: SubjectWord, Partition: p.opt.Partition, Source: src, Axis: c.Axis, Native: c.Native}
	name := s.String()
	n := int64(p.words[name]) + by
	if n <= 0 {
		delete(p.words, name)
		p.del(append([]byte{keyWord}, name...))
		n = 0
	} else {
		p.words[name] = uint64(n)
		p.put(append([]byte{keyWord}, name...), binary.AppendUvarint(nil, uint64(n)))
	}
	x := Exception{Subject: s, Rule: RuleUnmapped, Name: NameUnmapped, Severity: SeverityWarning, Owner: ownerIntegrate, Hop: string(src),
		Impact: "Orders that carry this status are held: rules that read it cannot be judged.",
		Remedy: "Map the word in the policy's matrix; shelved documents are released by themselves.", Count: uint64(n)}
	p.subject(&x, n > 0)
}

// subject opens or resolves an exception that is about no order.
func (p *Partition) subject(want *Exception, open bool) {
	key := want.Subject.String() + "\x00" + want.Rule
	pos := p.subs[key]
	if pos == nil {
		if !open {
			return
		}
		pos = &orderException{rule: want.Rule}
		p.subs[key] = pos
	}
	if want.Since == (Within{}) {
		want.Since = Within{p.guard.Clock, p.guard.Clock}
	}
	x, _ := p.exception(pos.id) // a store fault surfaces at the next read of an order
	switch {
	case open && pos.open && x != nil:
		if x.Severity == want.Severity && x.Name == want.Name {
			x.Count = want.Count
			p.keep(x)
			return
		}
		x.Severity, x.Name, x.Step, x.Count, x.SteppedAt = want.Severity, want.Name, want.Step, want.Count, p.guard.Clock
		p.changed(nil, x, FactExceptionStepped)
	case open && x != nil && pos.n > 0 && p.guard.Clock.Sub(x.ResolvedAt) <= p.reopenWindow():
		pos.open = true
		x.Open, x.ResolvedAt, x.Cause, x.Severity, x.Step = true, 0, BecauseNone, want.Severity, want.Step
		x.Episode++
		x.Count, x.Since, x.Offset = want.Count, want.Since, p.rec.Offset
		p.hushFeed(x)
		p.changed(nil, x, FactExceptionReopened)
	case open:
		n := *want
		n.ID = NewExceptionID(n.Subject.String(), n.Rule, pos.n)
		n.N, n.Episode, n.Open, n.Announced, n.OpenedAt, n.Offset = pos.n, 1, true, true, p.guard.Clock, p.rec.Offset
		pos.id, pos.open = n.ID, true
		pos.n++
		p.hushFeed(&n)
		p.changed(nil, &n, FactExceptionOpened)
	case pos.open && x != nil:
		pos.open = false
		if x.SnoozedUntil != 0 {
			p.del(snoozeKey(x.SnoozedUntil, x.ID))
			x.SnoozedUntil = 0
		}
		x.Open, x.ResolvedAt, x.Cause, x.Count = false, p.guard.Clock, BecauseHealed, want.Count
		p.changed(nil, x, FactExceptionResolved)
	default:
		return
	}
	p.putSubject(key, pos)
}

func (p *Partition) reopenWindow() Micros {
	if p.plan.newest == nil {
		return 0
	}
	return p.plan.newest.Settings.ReopenWindow
}

func (p *Partition) putSubject(key string, pos *orderException) {
	v := binary.AppendUvarint(nil, pos.n)
	v = append(append(v, pos.id[:]...), boolByte(pos.open))
	p.put(append([]byte{keySubject}, key...), appendText(v, pos.rule))
}
