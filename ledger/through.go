package ledger

import (
	"bytes"
	"slices"
	"strings"
)

// applyThrough takes in what another partition heard on behalf of its members
// of merged orders.
func (p *Partition) applyThrough(t *Through) {
	if t.To != p.opt.Partition {
		return
	}
	at, ok := p.throughAt(t.From)
	if ok && t.Route <= p.throughs[at].Route {
		return
	}
	if !ok {
		p.throughs = slices.Insert(p.throughs, at, *t)
	} else {
		p.throughs[at] = *t
	}
	p.merging, p.fresh = true, true
}

func (p *Partition) throughAt(from int32) (int, bool) {
	return slices.BinarySearchFunc(p.throughs, from, func(x Through, n int32) int { return int(x.From - n) })
}

// wholeHears asks about a stretch of time on behalf of a merged order: it was
// heard if each member's partition heard it, at this merge or later, and each
// member alone would have nothing against it.
func (p *Partition) wholeHears(o *order, f *Feed, spec *FeedSpec, over Interval) heard {
	root, _, _ := rootOf(o.key)
	g := p.merges.find(root)
	out := heard{ok: true, until: over.Until}
	if g == nil {
		return heard{until: Beginning}
	}
	for _, k := range g.members {
		h := p.memberHears(k, g, f, spec, over)
		if !h.ok {
			return h
		}
		if h.incomplete && !out.incomplete {
			out.incomplete, out.hole = true, h.hole
		}
	}
	return out
}

func (p *Partition) memberHears(k OrderKey, g *group, f *Feed, spec *FeedSpec, over Interval) heard {
	at, ok := p.throughAt(PartitionOf([]byte(k), p.opt.Partitions))
	if !ok || p.throughs[at].Number < g.since {
		return heard{until: f.heardTo()} // its events may still be on their way
	}
	t := &p.throughs[at]
	word := t.word(k)
	h := t.hears(word, f, spec, over, p)
	if !h.ok {
		return h
	}
	if word.Unanswered {
		return heard{until: f.heardTo()}
	}
	if word.Contested != "" {
		h.incomplete, h.hole = true, word.Contested
	}
	for _, x := range t.Parked {
		if x.Feed == f.Key && x.From < over.Until && over.From <= x.Until && !slices.Contains(word.Settled, x.Type) {
			h.incomplete, h.hole = true, x.Type
			break
		}
	}
	return h
}

func (t *Through) hears(word *MemberWord, f *Feed, spec *FeedSpec, over Interval, p *Partition) heard {
	for _, l := range word.Looked {
		if l.Feed == f.Key && l.Until >= over.Until {
			return heard{ok: true, until: l.Until}
		}
	}
	if spec.Coverage == CoverageAssumed {
		return p.assumes(spec, over)
	}
	at, ok := slices.BinarySearchFunc(t.Feeds, f.Key, func(x ThroughFeed, k FeedKey) int { return x.Feed.Compare(k) })
	if !ok {
		return heard{until: f.heardTo()}
	}
	there := Feed{Key: f.Key, Intervals: t.Feeds[at].Intervals, Holes: t.Feeds[at].Holes, Known: f.Known}
	return there.covers(over, p.guard.Clock, p.plan.newest.Settings.HoldMax)
}

// word is what a member tells; who is not listed has nothing to say.
func (t *Through) word(k OrderKey) *MemberWord {
	at, ok := slices.BinarySearchFunc(t.Words, k, func(w MemberWord, k OrderKey) int { return strings.Compare(string(w.Order), string(k)) })
	if !ok {
		return &MemberWord{}
	}
	return &t.Words[at]
}

// carried is what people did about a rule's exceptions of the members of a
// merged order, of the smallest member that has one.
func (p *Partition) carried(o *order, rule string) (*Carried, OrderKey) {
	root, _, _ := rootOf(o.key)
	g := p.merges.find(root)
	if g == nil {
		return nil, ""
	}
	for _, k := range g.members {
		at, ok := p.throughAt(PartitionOf([]byte(k), p.opt.Partitions))
		if !ok {
			continue
		}
		w := p.throughs[at].word(k)
		for i := range w.Carried {
			if w.Carried[i].Rule == rule {
				return &w.Carried[i], k
			}
		}
	}
	return nil, ""
}

// tellThrough tells each partition that holds a merged order with members of
// this one what was heard here, if that changed. It is called when a tick's
// work is done, on flushed state.
func (p *Partition) tellThrough() error {
	var targets []int32
	words := map[int32][]MemberWord{}
	for _, g := range p.merges.groups {
		to := PartitionOf([]byte(g.root()), p.opt.Partitions)
		for _, k := range g.members {
			if !p.owns(k) {
				continue
			}
			if !slices.Contains(targets, to) {
				targets = append(targets, to)
			}
			w, err := p.wordOf(k)
			if err != nil {
				return err
			}
			if w != nil {
				words[to] = append(words[to], *w)
			}
		}
	}
	slices.Sort(targets)
	for _, to := range targets {
		list := words[to]
		slices.SortFunc(list, func(a, b MemberWord) int { return strings.Compare(string(a.Order), string(b.Order)) })
		t := Through{From: p.opt.Partition, To: to, Number: p.merges.number, Feeds: p.heardFeeds(), Parked: p.allParked(), Words: list}
		enc := appendThrough(nil, &t)
		if bytes.Equal(enc, p.toldThrough[to]) {
			continue
		}
		if p.toldThrough == nil {
			p.toldThrough = map[int32][]byte{}
		}
		p.toldThrough[to] = enc
		t.Route = p.rec.Offset
		p.send(Outgoing{Through: &t})
	}
	return nil
}

func (p *Partition) heardFeeds() []ThroughFeed {
	var out []ThroughFeed
	for _, f := range p.feeds {
		if p.plan.feeds[f.Key] != nil && len(f.Intervals) > 0 {
			out = append(out, ThroughFeed{f.Key, f.Intervals, f.Holes})
		}
	}
	return out
}

func (p *Partition) allParked() []Parked {
	var out []Parked
	for i := range p.forwards {
		out = append(out, p.forwards[i].Parked...)
	}
	return out
}

// wordOf is what a member of this partition has to tell, nil if nothing.
func (p *Partition) wordOf(k OrderKey) (*MemberWord, error) {
	o, err := p.order(k)
	if err != nil || o.events == 0 && !o.joined {
		return nil, err
	}
	w := MemberWord{Order: k}
	if len(o.bindings) > 0 {
		answered, contested := o.named()
		w.Unanswered = !answered
		if contested != nil {
			w.Contested = contested.String()
		}
		for i := range o.bindings {
			if typ := o.bindings[i].Alias.Type; p.settledBy(o, typ) && !slices.Contains(w.Settled, typ) {
				w.Settled = append(w.Settled, typ)
			}
		}
		slices.Sort(w.Settled)
	}
	for _, l := range o.looked {
		w.Looked = append(w.Looked, LookedTo{l.feed, l.until})
	}
	for i := range o.excs {
		if !o.excs[i].open {
			continue
		}
		x, err := p.exception(o.excs[i].id)
		if err != nil {
			return nil, err
		}
		if x != nil {
			w.Carried = append(w.Carried, Carried{Rule: x.Rule, Exception: x.ID, Ack: x.Ack, Assignee: x.Assignee, SnoozedUntil: x.SnoozedUntil})
		}
	}
	if !w.Unanswered && w.Contested == "" && len(w.Settled)+len(w.Looked)+len(w.Carried) == 0 {
		return nil, nil
	}
	return &w, nil
}

// takeOver has a merged order's exception carry on with what people did about
// the member's.
func (p *Partition) takeOver(o *order, x *Exception) {
	c, member := p.carried(o, x.Rule)
	if c == nil {
		return
	}
	x.Ack, x.Assignee = c.Ack, c.Assignee
	if c.SnoozedUntil > max(p.guard.Clock, x.SnoozedUntil) { // a mute may have it wait already
		x.SnoozedUntil = c.SnoozedUntil
		p.put(snoozeKey(x.SnoozedUntil, x.ID), nil)
	}
	p.fact(o, Fact{Kind: FactExceptionMoved, Rule: x.Rule, Exception: x.ID, Name: c.Exception.String(), Text: string(member)})
	p.exceptionRow(FactExceptionMoved, x.clone())
}

// heardUntil is how far a feed was heard on behalf of an order.
func (p *Partition) heardUntil(o *order, f *Feed) Instant {
	if !o.whole {
		return f.Until()
	}
	root, _, _ := rootOf(o.key)
	until := Forever
	for _, k := range p.merges.find(root).members {
		at, ok := p.throughAt(PartitionOf([]byte(k), p.opt.Partitions))
		if !ok {
			return Beginning
		}
		i, ok := slices.BinarySearchFunc(p.throughs[at].Feeds, f.Key, func(x ThroughFeed, k FeedKey) int { return x.Feed.Compare(k) })
		if !ok {
			return Beginning
		}
		set := p.throughs[at].Feeds[i].Intervals
		until = min(until, set[len(set)-1].Until)
	}
	return until
}
