package ledger

import "slices"

// support is one way an event reached an order: keyed by its connector, or
// joined by an alias. The event counts while any of them is live (S-36), and
// its bounds are those of the live ones.
type support struct {
	alias     Alias // zero for copies that came keyed
	route     int64
	live      bool
	depth     uint8 // 0 for keyed copies, else 1 + the depth of the binding
	received  Instant
	asked     Instant
	prev      Instant
	delivered bool
	copies    uint32
}

// alive reports whether the event counts in its order.
func (d *doc) alive() bool {
	for i := range d.support {
		if d.support[i].live {
			return true
		}
	}
	return d.support == nil
}

// by lists the aliases that joined the document; none if a copy came keyed.
func (d *doc) by() []Alias {
	var out []Alias
	for i := range d.support {
		s := &d.support[i]
		if s.live && s.alias == (Alias{}) {
			return nil
		}
		if s.live {
			out = append(out, s.alias)
		}
	}
	return out
}

// depth is the least number of joins the event is away from a keyed record.
func (d *doc) depth() uint8 {
	least := uint8(0)
	for i := range d.support {
		if s := &d.support[i]; s.live && (least == 0 || s.depth < least) {
			if s.depth == 0 {
				return 0
			}
			least = s.depth
		}
	}
	return least
}

// weigh derives the document's bounds from its live supports.
func (d *doc) weigh() {
	d.asked, d.prev, d.delivered, d.copies = 0, 0, false, 0
	first := true
	for i := range d.support {
		s := &d.support[i]
		if !s.live {
			continue
		}
		if first || s.received < d.received {
			d.received = s.received
		}
		first = false
		d.asked = max(d.asked, s.asked)
		if s.prev != 0 && (d.prev == 0 || s.prev < d.prev) {
			d.prev = s.prev
		}
		d.delivered = d.delivered || s.delivered
		d.copies += s.copies
	}
}

// keyedSupport is what the keyed copies of a document taught.
func (d *doc) keyedSupport() support {
	return support{live: true, received: d.received, asked: d.asked, prev: d.prev, delivered: d.delivered, copies: d.copies}
}

// supported finds the support of an alias, adding a dead one if new.
func (d *doc) supported(a Alias) *support {
	if d.support == nil {
		d.support = []support{d.keyedSupport()}
	}
	at, ok := slices.BinarySearchFunc(d.support, a, func(s support, a Alias) int { return s.alias.Compare(a) })
	if !ok {
		d.support = slices.Insert(d.support, at, support{alias: a, route: -1})
	}
	return &d.support[at]
}

// applyReemit folds an event that the alias store joined to an order, or took
// back. It is derived: its record was counted where it was parked (S-40).
func (p *Partition) applyReemit(r *Reemit) error {
	ev := &r.Event
	if PartitionOf([]byte(r.Order), p.opt.Partitions) != p.opt.Partition {
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "the order key belongs to another partition", Source: ev.Source,
			Feed: ev.Feed, Order: r.Order, Of: ev.ID, ReceivedAt: ev.ReceivedAt})
		return nil
	}
	return p.joinIn(r)
}

// joinIn folds an event that reached its order by an alias, or a merged one by
// a member.
func (p *Partition) joinIn(r *Reemit) error {
	ev := &r.Event
	o, err := p.order(r.Order)
	if err != nil {
		return err
	}
	old, rebuild, err := p.seen(o, ev)
	if err != nil {
		return err
	}
	next := support{alias: r.Alias, route: r.Route, live: r.Live, depth: r.Depth + 1, received: ev.ReceivedAt, asked: ev.AskedAt, prev: ev.PrevAsked,
		delivered: r.Delivered, copies: r.Copies}
	if old != nil {
		return p.resupport(o, old, next, ev.Body)
	}
	o.joined = true
	body := ev.Body
	ev.Body = Body{}
	d := &doc{ev: ev, stamp: stampOf(ev), received: ev.ReceivedAt, offset: p.rec.Offset, recorded: p.rec.RecordedAt, support: []support{next}}
	d.weigh()
	if !r.Live { // remembered, so that an older route does not bring it
		p.keepDoc(o, d)
		p.touch(o)
		return nil
	}
	if rebuild {
		if err := p.unfold(o); err != nil {
			return err
		}
	}
	return p.take(o, d, body)
}

// applyKeyedCopy folds a keyed copy of a document that an alias brought too.
func (p *Partition) applyKeyedCopy(o *order, d *doc, ev *Event) error {
	next, alive := *d.supported(Alias{}), d.alive()
	if !next.live {
		next = support{live: true, route: next.route, received: ev.ReceivedAt}
	}
	next.route++
	next.received, next.asked = min(next.received, ev.ReceivedAt), max(next.asked, ev.AskedAt)
	if ev.PrevAsked != 0 && (next.prev == 0 || ev.PrevAsked < next.prev) {
		next.prev = ev.PrevAsked
	}
	next.delivered = next.delivered || !ev.Read()
	next.copies++
	err := p.resupport(o, d, next, ev.Body)
	if alive {
		p.count(ev.Source, OutcomeDuplicate)
	} else {
		p.count(ev.Source, d.outcome)
	}
	return err
}

// resupport folds another word on a document that the order knows.
func (p *Partition) resupport(o *order, d *doc, next support, body Body) error {
	s := d.supported(next.alias)
	if next.route <= s.route {
		return nil // an older route, or the same once more
	}
	alive, before := d.alive(), *d
	*s = next
	o.joined = true
	d.weigh()
	p.keepDoc(o, d)
	p.touch(o)
	switch now := d.alive(); {
	case alive && !now:
		return p.withdraw(o, d)
	case !alive && now:
		return p.revive(o, d, body)
	case !now:
		return nil
	}
	if d.received == before.received && d.asked == before.asked && d.prev == before.prev && d.delivered == before.delivered && d.depth() == before.depth() {
		return nil
	}
	if err := p.refile(o); err != nil {
		return err
	}
	return p.settle(o, BecauseRearranged)
}

// withdraw takes a document out of its order: it belongs to another.
func (p *Partition) withdraw(o *order, d *doc) error {
	o.events--
	o.touched++
	p.release(o, d)
	p.fact(o, Fact{Kind: FactWithdrawn, Name: string(d.ev.Source) + " " + d.ev.Object.Type, Text: d.ev.ID.String(), Because: BecauseRearranged})
	if err := p.refile(o); err != nil {
		return err
	}
	for _, a := range d.ev.Aliases {
		if !o.whole && !slices.ContainsFunc(o.docs, func(x *doc) bool { return slices.Contains(x.ev.Aliases, a) }) {
			p.buf = appendAliasKey(p.buf[:0], a, o.key)
			p.del(p.buf)
		}
	}
	return p.settle(o, BecauseRearranged)
}

// release takes back what a document shelved.
func (p *Partition) release(o *order, d *doc) {
	shelved := false
	for i := range d.ev.Claims {
		c := &d.ev.Claims[i]
		if !c.Axis.Valid() || p.plan.state(d.ev.System, c.Axis, c.Native) != Unmapped {
			continue
		}
		shelved = true
		if p.plan.newest != nil && !o.whole && !repeatsWord(d, i) {
			p.word(d.ev.Source, c, -1)
		}
	}
	if shelved { // of a merged order, too
		o.shelved--
	}
}

// revive brings back a document that had been withdrawn.
func (p *Partition) revive(o *order, d *doc, body Body) error {
	if o.base != nil {
		if err := p.unfoldBut(o, d); err != nil {
			return err
		}
	}
	at := slices.Index(o.added, d)
	o.added = slices.Delete(o.added, at, at+1) // take adds it
	return p.take(o, d, body)
}

// refile files an order's living documents anew.
func (p *Partition) refile(o *order) error {
	if o.base != nil {
		return p.unfold(o)
	}
	docs := o.docs
	o.docs, o.regs, o.free, o.sumsOK, o.walked = nil, nil, nil, false, false
	o.names = o.names[:0]
	for _, d := range docs {
		if d.alive() {
			o.insert(d, p.plan)
		}
	}
	return nil
}

func appendSupports(b []byte, list []support) []byte {
	b = appendUint(b, len(list))
	for i := range list {
		s := &list[i]
		b = appendInt(appendAlias(b, s.alias), s.route)
		b = append(b, boolByte(s.live), s.depth, boolByte(s.delivered))
		b = appendUint(appendInt(appendInt(appendInt(b, s.received), s.asked), s.prev), s.copies)
	}
	return b
}

func (d *decoder) supports() []support {
	var out []support
	for n := d.count(); n > 0; n-- {
		s := support{alias: d.alias(), route: d.int(), live: d.bool(), depth: d.byte(), delivered: d.bool(), received: d.instant(), asked: d.instant(),
			prev: d.instant(), copies: uint32(d.uint())}
		out = append(out, s)
	}
	return out
}
