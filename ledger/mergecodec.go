package ledger

func appendMoved(b []byte, m *Moved) []byte {
	b = appendUint(appendText(b, string(m.Root)), m.Number)
	b = appendInt(appendText(b, string(m.Member)), m.Route)
	b = appendUint(append(b, boolByte(m.Live), m.Depth, boolByte(m.Delivered)), m.Copies)
	return appendWholeEvent(b, &m.Event)
}

func (d *decoder) moved() *Moved {
	m := &Moved{Root: OrderKey(d.text()), Number: d.uint(), Member: OrderKey(d.text()), Route: d.int(), Live: d.bool(), Depth: d.byte(),
		Delivered: d.bool(), Copies: uint32(d.uint())}
	m.Event = *d.wholeEvent()
	return m
}

func appendThrough(b []byte, t *Through) []byte {
	b = appendInt(appendUint(appendInt(appendInt(b, t.From), t.To), t.Number), t.Route)
	b = appendUint(b, len(t.Feeds))
	for i := range t.Feeds {
		f := &t.Feeds[i]
		b = appendHoles(appendIntervals(appendFeedKey(b, f.Feed), f.Intervals), f.Holes)
	}
	b = appendUint(b, len(t.Parked))
	for _, k := range t.Parked {
		b = appendInt(appendInt(appendText(appendFeedKey(b, k.Feed), k.Type), k.From), k.Until)
	}
	b = appendUint(b, len(t.Words))
	for i := range t.Words {
		b = appendMemberWord(b, &t.Words[i])
	}
	return b
}

func appendMemberWord(b []byte, w *MemberWord) []byte {
	b = appendText(append(appendText(b, string(w.Order)), boolByte(w.Unanswered)), w.Contested)
	b = appendUint(b, len(w.Settled))
	for _, typ := range w.Settled {
		b = appendText(b, typ)
	}
	b = appendUint(b, len(w.Looked))
	for _, l := range w.Looked {
		b = appendInt(appendFeedKey(b, l.Feed), l.Until)
	}
	b = appendUint(b, len(w.Carried))
	for i := range w.Carried {
		c := &w.Carried[i]
		b = append(appendText(b, c.Rule), c.Exception[:]...)
		b = appendInt(appendText(appendAck(b, c.Ack), c.Assignee), c.SnoozedUntil)
	}
	return b
}

func (d *decoder) through() Through {
	t := Through{From: int32(d.int()), To: int32(d.int()), Number: d.uint(), Route: d.int()}
	for n := d.count(); n > 0; n-- {
		t.Feeds = append(t.Feeds, ThroughFeed{d.feedKey(), d.intervals(), d.holes()})
	}
	for n := d.count(); n > 0; n-- {
		t.Parked = append(t.Parked, Parked{d.feedKey(), d.text(), d.instant(), d.instant()})
	}
	for n := d.count(); n > 0; n-- {
		t.Words = append(t.Words, d.memberWord())
	}
	return t
}

func (d *decoder) memberWord() MemberWord {
	w := MemberWord{Order: OrderKey(d.text()), Unanswered: d.bool(), Contested: d.text()}
	for n := d.count(); n > 0; n-- {
		w.Settled = append(w.Settled, d.text())
	}
	for n := d.count(); n > 0; n-- {
		w.Looked = append(w.Looked, LookedTo{d.feedKey(), d.instant()})
	}
	for n := d.count(); n > 0; n-- {
		c := Carried{Rule: d.text()}
		d.fixed(c.Exception[:])
		c.Ack, c.Assignee, c.SnoozedUntil = d.ack(), d.text(), d.instant()
		w.Carried = append(w.Carried, c)
	}
	return w
}

// flushMerging writes what a partition knows of merged orders, if it knows
// anything.
func (p *Partition) flushMerging(b Batch) {
	if !p.merging {
		return
	}
	v := append(appendMerges(nil, &p.merges), boolByte(p.fresh))
	v = appendUint(v, len(p.throughs))
	for i := range p.throughs {
		v = appendThrough(v, &p.throughs[i])
	}
	targets := make([]int32, 0, len(p.toldThrough))
	for to := range p.opt.Partitions {
		if p.toldThrough[to] != nil {
			targets = append(targets, to)
		}
	}
	v = appendUint(v, len(targets))
	for _, to := range targets {
		v = appendBlob(appendInt(v, to), p.toldThrough[to])
	}
	v = appendUint(v, len(p.mutes))
	for i := range p.mutes {
		v = appendMute(v, &p.mutes[i])
	}
	b.Put(metaKey(metaMerge), v)
}

func (p *Partition) loadMerging() error {
	v, ok, err := p.store.Get(metaKey(metaMerge))
	if err != nil || !ok {
		return err
	}
	p.merging = true
	d := &decoder{b: append([]byte(nil), v...)}
	p.merges, p.fresh = d.merges(), d.bool()
	for n := d.count(); n > 0; n-- {
		p.throughs = append(p.throughs, d.through())
	}
	for n := d.count(); n > 0; n-- {
		to := int32(d.int())
		if p.toldThrough == nil {
			p.toldThrough = map[int32][]byte{}
		}
		p.toldThrough[to] = d.blob()
	}
	for n := d.count(); n > 0; n-- {
		p.mutes = append(p.mutes, d.mute())
	}
	return d.end("merged orders")
}
