package ledger

func appendAlias(b []byte, a Alias) []byte { return a.appendKey(b) }

func (d *decoder) alias() Alias {
	return Alias{Scope: Source(d.text()), Type: d.text(), Value: d.text()}
}

func appendAliasBinding(b []byte, x *AliasBinding) []byte {
	b = appendText(appendAlias(b, x.Alias), string(x.Order))
	b = append(appendInt(appendInt(b, x.From), x.Until), x.Depth, boolByte(x.Live))
	return append(appendUint(b, x.Version), x.Evidence[:]...)
}

func (d *decoder) aliasBinding() AliasBinding {
	x := AliasBinding{Alias: d.alias(), Order: OrderKey(d.text()), From: d.instant(), Until: d.instant(), Depth: d.byte(), Live: d.bool(), Version: d.uint()}
	d.fixed(x.Evidence[:])
	return x
}

// appendWholeEvent writes an event with its receipt and its body.
func appendWholeEvent(b []byte, e *Event) []byte {
	b = appendEvent(b, e)
	b = appendInt(appendInt(appendInt(b, e.ReceivedAt), e.AskedAt), e.PrevAsked)
	return appendBody(appendText(b, e.NativeID), &e.Body)
}

func (d *decoder) wholeEvent() *Event {
	e := d.event()
	e.ReceivedAt, e.AskedAt, e.PrevAsked = d.instant(), d.instant(), d.instant()
	e.NativeID, e.Body = d.text(), d.body()
	return e
}

func appendOutgoing(b []byte, x *Outgoing) []byte {
	b = appendInt(appendUint(b, x.Seq), x.Offset)
	switch {
	case x.Binding != nil:
		return appendAliasBinding(append(b, 'b'), x.Binding)
	case x.Reemit != nil:
		r := x.Reemit
		b = appendInt(appendAlias(appendText(append(b, 'r'), string(r.Order)), r.Alias), r.Route)
		b = appendUint(append(b, boolByte(r.Live), r.Depth, boolByte(r.Delivered)), r.Copies)
		return appendWholeEvent(b, &r.Event)
	case x.Bound != nil:
		r := x.Bound
		b = appendAlias(appendText(append(b, 'o'), string(r.Order)), r.Alias)
		return append(appendInt(appendUint(b, r.Version), r.Route), boolByte(r.OK))
	case x.Moved != nil:
		return appendMoved(append(b, 'm'), x.Moved)
	case x.Through != nil:
		return appendThrough(append(b, 't'), x.Through)
	case x.Index != nil:
		return appendAliasIndex(append(b, 'i'), x.Index)
	default:
		return appendForwarded(append(b, 'f'), x.Forward)
	}
}

func (d *decoder) outgoing() Outgoing {
	x := Outgoing{Seq: d.uint(), Offset: d.int()}
	switch d.byte() {
	case 'b':
		v := d.aliasBinding()
		x.Binding = &v
	case 'r':
		r := &Reemit{Order: OrderKey(d.text()), Alias: d.alias(), Route: d.int(), Live: d.bool(), Depth: d.byte(), Delivered: d.bool(), Copies: uint32(d.uint())}
		r.Event = *d.wholeEvent()
		x.Reemit = r
	case 'o':
		x.Bound = &Bound{Order: OrderKey(d.text()), Alias: d.alias(), Version: d.uint(), Route: d.int(), OK: d.bool()}
	case 'f':
		f := d.forwarded()
		x.Forward = &f
	case 'i':
		i := d.aliasIndex()
		x.Index = &i
	case 'm':
		x.Moved = d.moved()
	case 't':
		t := d.through()
		x.Through = &t
	default:
		d.fail("outgoing record")
	}
	return x
}

func appendAliasIndex(b []byte, x *AliasIndex) []byte {
	b = appendUint(appendInt(appendAlias(b, x.Alias), x.Route), len(x.Claims))
	for i := range x.Claims {
		c := &x.Claims[i]
		b = appendInt(appendInt(appendText(b, string(c.Order)), c.From), c.Until)
		b = append(append(b, c.Depth, boolByte(c.Contested)), c.Evidence[:]...)
	}
	return b
}

func (d *decoder) aliasIndex() AliasIndex {
	x := AliasIndex{Alias: d.alias(), Route: d.int()}
	for n := d.count(); n > 0; n-- {
		c := AliasClaim{Order: OrderKey(d.text()), From: d.instant(), Until: d.instant(), Depth: d.byte(), Contested: d.bool()}
		d.fixed(c.Evidence[:])
		x.Claims = append(x.Claims, c)
	}
	return x
}

func appendForwarded(b []byte, f *Forwarded) []byte {
	b = appendInt(appendInt(appendInt(appendInt(b, f.Partition), f.To), f.Through), f.Route)
	b = appendUint(b, len(f.Held))
	for _, h := range f.Held {
		b = appendInt(appendFeedKey(b, h.Feed), h.Offset)
	}
	b = appendUint(b, len(f.Parked))
	for _, k := range f.Parked {
		b = appendInt(appendInt(appendText(appendFeedKey(b, k.Feed), k.Type), k.From), k.Until)
	}
	return b
}

func (d *decoder) forwarded() Forwarded {
	f := Forwarded{Partition: int32(d.int()), To: int32(d.int()), Through: d.int(), Route: d.int()}
	for n := d.count(); n > 0; n-- {
		f.Held = append(f.Held, HeldFeed{d.feedKey(), d.int()})
	}
	for n := d.count(); n > 0; n-- {
		f.Parked = append(f.Parked, Parked{d.feedKey(), d.text(), d.instant(), d.instant()})
	}
	return f
}

func appendFeedCoverage(b []byte, c *FeedCoverage) []byte {
	b = appendText(appendText(b, string(c.Source)), c.Feed)
	b = appendText(appendUint(b, c.Epoch.Number), c.Epoch.OpenedBy)
	b = appendIntervals(appendIntervals(b, c.Intervals), c.Withdrawn)
	b = appendHoles(b, c.Holes)
	b = appendUnkeyed(b, c.Unkeyed)
	return append(appendInt(b, c.LastHeard), boolByte(c.SkewExceeded))
}

func (d *decoder) feedCoverage() FeedCoverage {
	c := FeedCoverage{Source: Source(d.text()), Feed: d.text(), Epoch: Epoch{d.uint(), d.text()}, Intervals: d.intervals(), Withdrawn: d.intervals(),
		Holes: d.holes(), Unkeyed: d.unkeyed()}
	c.LastHeard, c.SkewExceeded = d.instant(), d.bool()
	return c
}

func appendHoles(b []byte, holes []Hole) []byte {
	b = appendUint(b, len(holes))
	for _, h := range holes {
		b = appendInt(appendInt(appendInt(b, h.Interval.From), h.Interval.Until), h.ReceivedAt)
		b = appendText(b, h.Quarantine)
	}
	return b
}

func (d *decoder) holes() []Hole {
	var out []Hole
	for n := d.count(); n > 0; n-- {
		out = append(out, Hole{Interval{d.instant(), d.instant()}, d.instant(), d.text()})
	}
	return out
}

func appendUnkeyed(b []byte, list []UnkeyedOffset) []byte {
	b = appendUint(b, len(list))
	for _, u := range list {
		b = appendInt(appendInt(b, u.Partition), u.Offset)
	}
	return b
}

func (d *decoder) unkeyed() []UnkeyedOffset {
	var out []UnkeyedOffset
	for n := d.count(); n > 0; n-- {
		out = append(out, UnkeyedOffset{int32(d.int()), d.int()})
	}
	return out
}
