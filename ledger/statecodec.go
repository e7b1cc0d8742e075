package ledger

// appendOrderRecord writes what an order keeps beside its documents.
func appendOrderRecord(b []byte, o *order) []byte {
	b = appendUint(b, o.policy)
	b = appendUint(b, o.facts)
	b = appendUint(b, o.events)
	b = appendUint(b, o.shelved)
	b = appendUint(b, o.touched)
	b = appendInt(append(b, o.marks), o.timer)
	b = appendUint(b, len(o.said))
	for i := range o.said {
		b = appendSaid(b, &o.said[i])
	}
	b = appendUint(b, len(o.excs))
	for i := range o.excs {
		x := &o.excs[i]
		b = appendText(b, x.rule)
		b = appendUint(b, x.n)
		b = append(b, x.id[:]...)
		b = append(b, boolByte(x.open), boolByte(x.held))
		b = appendUint(b, x.claims)
	}
	b = appendUint(b, len(o.waits))
	for _, w := range o.waits {
		b = appendInt(appendFeedKey(b, w.feed), w.need)
	}
	b = appendUint(b, len(o.looked))
	for _, l := range o.looked {
		b = appendInt(appendFeedKey(b, l.feed), l.until)
	}
	b = appendBase(b, o)
	if !o.joined && len(o.bindings) == 0 {
		return b
	}
	b = appendUint(append(b, boolByte(o.joined)), len(o.bindings))
	for i := range o.bindings {
		x := &o.bindings[i]
		b = appendUint(appendAliasBinding(b, &x.AliasBinding), x.answered)
		b = append(appendInt(b, x.route), boolByte(x.ok))
	}
	b = appendUint(b, len(o.names))
	for i := range o.names {
		x := &o.names[i]
		b = append(append(appendAlias(b, x.alias), x.depth), x.evidence[:]...)
		b = appendInt(b, x.stamp)
	}
	return b
}

func appendSaid(b []byte, s *said) []byte {
	b = appendText(b, s.rule)
	b = append(b, s.by[:]...)
	b = appendInt(b, s.at)
	b = appendUint(b, s.n)
	b = append(b, s.step, byte(s.state), byte(s.basis), boolByte(s.announced))
	if s.state == VerdictUndetermined {
		b = appendFeedKey(b, s.feed)
	}
	return b
}

func (d *decoder) said() said {
	s := said{rule: d.text()}
	d.fixed(s.by[:])
	s.at, s.n = d.instant(), uint32(d.uint())
	s.step, s.state, s.basis, s.announced = d.byte(), VerdictState(d.byte()), Basis(d.byte()), d.bool()
	if s.state == VerdictUndetermined {
		s.feed = d.feedKey()
	}
	return s
}

func decodeOrderRecord(key OrderKey, b []byte) (*order, error) {
	d := &decoder{b: b}
	o := &order{key: key, whole: isWhole(key), policy: d.uint(), facts: d.uint(), events: d.uint(), shelved: uint32(d.uint()), touched: d.uint(), marks: d.byte(), timer: d.instant()}
	for n := d.count(); n > 0; n-- {
		o.said = append(o.said, d.said())
	}
	for n := d.count(); n > 0; n-- {
		x := orderException{rule: d.text(), n: d.uint()}
		d.fixed(x.id[:])
		x.open, x.held, x.claims = d.bool(), d.bool(), d.uint()
		o.excs = append(o.excs, x)
	}
	for n := d.count(); n > 0; n-- {
		o.waits = append(o.waits, wait{d.feedKey(), d.instant()})
	}
	for n := d.count(); n > 0; n-- {
		o.looked = append(o.looked, lookedFeed{d.feedKey(), d.instant()})
	}
	d.base(o)
	if len(d.b) > 0 {
		d.bindings(o)
	}
	return o, d.end("order record")
}

func (d *decoder) bindings(o *order) {
	o.joined = d.bool()
	for n := d.count(); n > 0; n-- {
		x := binding{AliasBinding: d.aliasBinding(), answered: d.uint(), route: d.int(), ok: d.bool()}
		o.bindings = append(o.bindings, x)
	}
	for n := d.count(); n > 0; n-- {
		x := name{alias: d.alias(), depth: d.byte()}
		d.fixed(x.evidence[:])
		x.stamp = d.instant()
		o.names = append(o.names, x)
	}
}

func appendAck(b []byte, a Acknowledgement) []byte {
	return appendInt(appendText(appendText(b, a.Actor), a.Comment), a.At)
}

func (d *decoder) ack() Acknowledgement {
	return Acknowledgement{Actor: d.text(), Comment: d.text(), At: d.instant()}
}

func appendSubject(b []byte, s *Subject) []byte {
	b = append(b, byte(s.Kind), byte(s.Axis))
	b = appendInt(b, s.Partition)
	b = appendFeedKey(appendText(b, string(s.Order)), s.Feed)
	return appendText(appendText(appendText(b, s.Alias), string(s.Source)), s.Native)
}

func (d *decoder) subject() Subject {
	s := Subject{Kind: SubjectKind(d.byte()), Axis: Axis(d.byte()), Partition: int32(d.int())}
	s.Order, s.Feed = OrderKey(d.text()), d.feedKey()
	s.Alias, s.Source, s.Native = d.text(), Source(d.text()), d.text()
	return s
}

// EncodeException returns the canonical encoding of an exception.
func EncodeException(b []byte, x *Exception) []byte {
	b = append(b, x.ID[:]...)
	b = appendSubject(b, &x.Subject)
	for _, s := range [...]string{x.Rule, x.Name, x.Hop, x.Owner, x.Impact, x.Remedy, x.Runbook, x.Assignee, x.AtRisk.Currency} {
		b = appendText(b, s)
	}
	b = append(b, x.Step, byte(x.Severity), byte(x.Cause), byte(x.Basis))
	b = append(b, boolByte(x.Open), boolByte(x.Announced), boolByte(x.Historic), boolByte(x.FalsePositive), boolByte(x.Held))
	b = appendUint(b, x.N)
	b = appendUint(b, x.Episode)
	b = appendWithin(b, x.Since)
	for _, i := range [...]Instant{x.Deadline, x.OpenedAt, x.SteppedAt, x.ResolvedAt, x.SnoozedUntil} {
		b = appendInt(b, i)
	}
	b = appendInt(b, x.AtRisk.Minor)
	b = appendInt(b, x.Offset)
	b = appendUint(b, x.Count)
	b = appendAck(b, x.Ack)
	b = appendUint(b, len(x.Comments))
	for _, c := range x.Comments {
		b = appendAck(b, c)
	}
	b = appendUint(b, len(x.Evidence))
	for i := range x.Evidence {
		e := &x.Evidence[i]
		b = appendText(appendText(appendText(b, e.Text), string(e.Source)), e.Feed)
		b = append(b, e.Event[:]...)
		b = appendInt(b, e.At)
	}
	return b
}

// DecodeException reads what EncodeException wrote.
func DecodeException(b []byte) (*Exception, error) {
	d := &decoder{b: b}
	x := &Exception{}
	d.fixed(x.ID[:])
	x.Subject = d.subject()
	for _, s := range [...]*string{&x.Rule, &x.Name, &x.Hop, &x.Owner, &x.Impact, &x.Remedy, &x.Runbook, &x.Assignee, &x.AtRisk.Currency} {
		*s = d.text()
	}
	x.Step, x.Severity, x.Cause, x.Basis = d.byte(), Severity(d.byte()), Because(d.byte()), Basis(d.byte())
	x.Open, x.Announced, x.Historic, x.FalsePositive, x.Held = d.bool(), d.bool(), d.bool(), d.bool(), d.bool()
	x.N, x.Episode = d.uint(), uint32(d.uint())
	x.Since = d.within()
	for _, i := range [...]*Instant{&x.Deadline, &x.OpenedAt, &x.SteppedAt, &x.ResolvedAt, &x.SnoozedUntil} {
		*i = d.instant()
	}
	x.AtRisk.Minor, x.Offset, x.Count = d.int(), d.int(), d.uint()
	x.Ack = d.ack()
	for n := d.count(); n > 0; n-- {
		x.Comments = append(x.Comments, d.ack())
	}
	for n := d.count(); n > 0; n-- {
		e := Evidence{Text: d.text(), Source: Source(d.text()), Feed: d.text()}
		d.fixed(e.Event[:])
		e.At = d.instant()
		x.Evidence = append(x.Evidence, e)
	}
	return x, d.end("exception")
}

func appendIntervals(b []byte, set []Interval) []byte {
	b = appendUint(b, len(set))
	for _, iv := range set {
		b = appendInt(appendInt(b, iv.From), iv.Until)
	}
	return b
}

func (d *decoder) intervals() []Interval {
	var out []Interval
	for n := d.count(); n > 0; n-- {
		out = append(out, Interval{d.instant(), d.instant()})
	}
	return out
}

func appendFeed(b []byte, f *Feed) []byte {
	b = appendFeedKey(b, f.Key)
	b = appendText(appendUint(b, f.Epoch.Number), f.Epoch.OpenedBy)
	b = appendIntervals(appendIntervals(b, f.Intervals), f.Withdrawn)
	b = appendHoles(b, f.Holes)
	b = appendInt(appendInt(b, f.LastHeard), f.Known)
	b = appendUnkeyed(append(b, boolByte(f.SkewExceeded)), f.Unkeyed)
	return append(b, boolByte(f.Silent))
}

func (d *decoder) feed() *Feed {
	f := &Feed{Key: d.feedKey(), Epoch: Epoch{d.uint(), d.text()}, Intervals: d.intervals(), Withdrawn: d.intervals(), Holes: d.holes()}
	f.LastHeard, f.Known = d.instant(), d.instant()
	f.SkewExceeded, f.Unkeyed, f.Silent = d.bool(), d.unkeyed(), d.bool()
	return f
}

func appendGuard(b []byte, g *Guard) []byte {
	b = appendInt(appendInt(b, g.Clock), g.Date)
	b = appendUint(b, len(g.Boots))
	for i := range g.Boots {
		x := &g.Boots[i]
		b = append(b, x.ID[:]...)
		b = appendInt(appendInt(appendInt(appendInt(b, x.Wall), x.Clock), x.Credit), x.Offset)
	}
	w := g.Withheld
	if w == nil {
		return append(b, 0)
	}
	b = append(append(b, 1), w.Boot[:]...)
	return appendInt(appendUint(appendInt(appendInt(b, w.Wall), w.First), w.Ticks), w.Clock)
}

func (d *decoder) guard() Guard {
	g := Guard{Clock: d.instant(), Date: d.instant()}
	for n := d.count(); n > 0; n-- {
		var x boot
		d.fixed(x.ID[:])
		x.Wall, x.Clock, x.Credit, x.Offset = d.instant(), Micros(d.int()), Micros(d.int()), d.instant()
		g.Boots = append(g.Boots, x)
	}
	if d.bool() {
		w := &withheld{}
		d.fixed(w.Boot[:])
		w.Wall, w.First, w.Ticks, w.Clock = d.instant(), d.instant(), uint32(d.uint()), Micros(d.int())
		g.Withheld = w
	}
	return g
}

func appendQuarantined(b []byte, q *Quarantined) []byte {
	for _, s := range [...]string{q.ID, string(q.Source), q.Feed, q.Reason, q.Detail, q.Topic, string(q.Order), q.Native, q.Delivery.Topic, q.Delivery.ID} {
		b = appendText(b, s)
	}
	b = append(append(b, q.Of[:]...), byte(q.Axis))
	b = appendInt(appendInt(appendInt(b, q.Partition), q.Offset), q.ReceivedAt)
	return appendInt(b, q.ExpiresAt)
}

func decodeQuarantined(b []byte) (Quarantined, error) {
	d := &decoder{b: b}
	q := Quarantined{}
	for _, s := range [...]*string{&q.ID, (*string)(&q.Source), &q.Feed, &q.Reason, &q.Detail, &q.Topic, (*string)(&q.Order), &q.Native, &q.Delivery.Topic, &q.Delivery.ID} {
		*s = d.text()
	}
	d.fixed(q.Of[:])
	q.Axis = Axis(d.byte())
	q.Partition, q.Offset, q.ReceivedAt, q.ExpiresAt = int32(d.int()), d.int(), d.instant(), d.instant()
	return q, d.end("quarantine entry")
}

func appendBase(b []byte, o *order) []byte {
	if o.base == nil {
		return append(b, 0)
	}
	x := o.base
	b = appendInt(appendInt(append(b, 1), x.at), x.stamp)
	b = appendUint(b, len(x.folded))
	for _, id := range x.folded {
		b = append(b, id[:]...)
	}
	b = appendRun(b, o, &x.run)
	b = appendUint(b, len(x.regs))
	for i := range x.regs {
		r := &x.regs[i]
		b = appendObject(append(appendText(b, string(r.src)), byte(r.axis)), r.object)
		b = append(b, boolByte(r.base.used), byte(r.base.state), boolByte(r.base.unread))
		b = appendInt(appendInt(appendVersion(b, r.base.version), r.base.at), r.base.stamp)
		b = appendUint(b, len(r.base.dated))
		for _, m := range r.base.dated {
			b = appendInt(appendText(b, m.native), m.stamp)
		}
	}
	b = appendUint(b, len(x.amounts))
	for i := range x.amounts {
		r := &x.amounts[i]
		b = append(appendObject(appendText(b, string(o.sources[r.src])), r.object), byte(r.kind))
		b = appendVersion(b, r.version)
		b = appendUint(b, len(r.amounts))
		for _, a := range r.amounts {
			b = appendInt(appendText(appendText(b, a.ID), a.Currency), a.Minor)
			b = appendVersion(b, a.version)
		}
	}
	return b
}

func (d *decoder) base(o *order) {
	if !d.bool() {
		return
	}
	x := &base{at: d.instant(), stamp: d.instant()}
	for n := d.count(); n > 0; n-- {
		var id EventID
		d.fixed(id[:])
		x.folded = append(x.folded, id)
	}
	d.run(o, &x.run)
	for n := d.count(); n > 0; n-- {
		r := baseRegister{src: Source(d.text()), axis: Axis(d.byte()), object: d.object()}
		r.base.used, r.base.state, r.base.unread = d.bool(), State(d.byte()), d.bool()
		r.base.version, r.base.at, r.base.stamp = d.version(), d.instant(), d.instant()
		for m := d.count(); m > 0; m-- {
			r.base.dated = append(r.base.dated, datedMark{d.text(), d.instant()})
		}
		x.regs = append(x.regs, r)
		base := r.base
		o.register(o.sourceIndex(r.src), r.axis, r.object).base = &base
	}
	for n := d.count(); n > 0; n-- {
		r := amountRegister{src: o.sourceIndex(Source(d.text())), object: d.object(), kind: AmountKind(d.byte()), version: d.version()}
		for m := d.count(); m > 0; m-- {
			r.amounts = append(r.amounts, amountAt{Amount{ID: d.text(), Currency: d.text(), Minor: d.int()}, d.version()})
		}
		x.amounts = append(x.amounts, r)
	}
	o.base = x
}

func appendRun(b []byte, o *order, r *run) []byte {
	b = appendInt(appendInt(b, r.created), r.last)
	b = appendUint(b, len(r.cells))
	for i := range r.cells {
		c := &r.cells[i]
		b = append(appendText(b, string(o.sources[c.src])), byte(c.axis), byte(c.state))
		b = append(appendInt(appendWithin(b, c.since), c.at), c.by[:]...)
	}
	b = appendUint(b, len(r.rules))
	for i := range r.rules {
		x := &r.rules[i]
		b = appendUint(appendInt(append(b, byte(x.last)), x.unknown), x.n)
		for _, s := range [...]*segment{&x.close, &x.unless} {
			b = append(b, boolByte(s.on), boolByte(s.seen))
			b = appendInt(appendInt(appendWithin(b, s.w), s.at), s.end)
		}
		b = appendUint(b, len(x.eps))
		for k := range x.eps {
			b = appendEpisode(b, &x.eps[k])
		}
	}
	return b
}

func appendEpisode(b []byte, e *episode) []byte {
	b = append(appendUint(b, e.n), e.by[:]...)
	b = appendInt(appendInt(appendInt(appendWithin(b, e.a), e.at), e.unknown), e.runEnd)
	b = append(b, boolByte(e.ended), boolByte(e.voided), boolByte(e.atA), boolByte(e.uncertain))
	b = append(appendInt(appendWithin(b, e.until), e.untilAt), e.untilBy[:]...)
	return appendInt(appendWithin(b, e.voidedAt), e.hidden)
}

func (d *decoder) run(o *order, r *run) {
	r.created, r.last = d.instant(), d.instant()
	for n := d.count(); n > 0; n-- {
		c := cellRun{src: o.sourceIndex(Source(d.text())), axis: Axis(d.byte()), state: State(d.byte()), since: d.within(), at: d.instant()}
		d.fixed(c.by[:])
		r.cells = append(r.cells, c)
	}
	for n := d.count(); n > 0; n-- {
		x := ruleRun{last: Truth(d.byte()), unknown: d.instant(), n: uint32(d.uint())}
		for _, s := range [...]*segment{&x.close, &x.unless} {
			s.on, s.seen, s.w, s.at, s.end = d.bool(), d.bool(), d.within(), d.instant(), d.instant()
		}
		for m := d.count(); m > 0; m-- {
			x.eps = append(x.eps, d.episode())
		}
		r.rules = append(r.rules, x)
	}
}

func (d *decoder) episode() episode {
	e := episode{n: uint32(d.uint())}
	d.fixed(e.by[:])
	e.a, e.at, e.unknown, e.runEnd = d.within(), d.instant(), d.instant(), d.instant()
	e.ended, e.voided, e.atA, e.uncertain = d.bool(), d.bool(), d.bool(), d.bool()
	e.until, e.untilAt = d.within(), d.instant()
	d.fixed(e.untilBy[:])
	e.voidedAt, e.hidden = d.within(), d.instant()
	return e
}
