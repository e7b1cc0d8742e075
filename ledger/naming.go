package ledger

import "slices"

// name is one alias of an order, with the shortest way to a keyed record.
type name struct {
	alias    Alias
	depth    uint8
	stamp    Instant // of the evidence, which is the earliest at that depth
	evidence EventID
}

// binding is what an order last bound of one alias, and the alias store's answer.
type binding struct {
	AliasBinding
	answered uint64 // the version it answered last
	route    int64
	ok       bool
}

// learn takes in the aliases of a document by which records are joined.
func (o *order) learn(d *doc, pl *plan) {
	if len(pl.aliases) == 0 || len(d.ev.Aliases) == 0 || o.whole {
		return
	}
	depth := d.depth()
	if depth > maxDepth {
		return
	}
	for _, a := range d.ev.Aliases {
		if pl.aliases[a.Type] == nil {
			continue
		}
		n := name{alias: a, depth: depth, stamp: d.stamp, evidence: d.ev.ID}
		at, ok := slices.BinarySearchFunc(o.names, a, func(x name, a Alias) int { return x.alias.Compare(a) })
		switch {
		case !ok:
			o.names = slices.Insert(o.names, at, n)
		case n.better(&o.names[at]):
			o.names[at] = n
		}
	}
}

func (n *name) better(x *name) bool {
	switch {
	case n.depth != x.depth:
		return n.depth < x.depth
	case n.stamp != x.stamp:
		return n.stamp < x.stamp
	default:
		return string(n.evidence[:]) < string(x.evidence[:])
	}
}

// bind tells the alias store what changed about the order's names (S-35).
func (p *Partition) bind(o *order) {
	if len(o.names) == 0 && len(o.bindings) == 0 {
		return
	}
	from, ended := p.lifetime(o)
	for i := range o.names {
		n := &o.names[i]
		want := AliasBinding{Alias: n.alias, Order: o.key, From: from, Until: Forever, Depth: n.depth, Live: true, Evidence: n.evidence}
		if spec := p.plan.aliases[n.alias.Type]; spec == nil {
			want.Live = false
		} else if spec.Recycle > 0 && ended != Forever {
			want.Until = ended.Add(spec.Recycle)
		}
		p.rebind(o, want)
	}
	for i := range o.bindings {
		b := &o.bindings[i]
		if _, ok := slices.BinarySearchFunc(o.names, b.Alias, func(x name, a Alias) int { return x.alias.Compare(a) }); !ok && b.Live {
			dead := b.AliasBinding
			dead.Live = false
			p.rebind(o, dead)
		}
	}
}

// lifetime is the stretch in which an order's recyclable names are its own: from
// its creation, less its clock's error, to its end, Forever if it has not ended.
func (p *Partition) lifetime(o *order) (from, ended Instant) {
	from, ended = Beginning, Forever
	if o.run.created != Forever {
		from = o.run.created.Add(-p.plan.skew(o.key.Origin()))
	}
	src := o.find(o.key.Origin())
	for i := range o.run.cells {
		c := &o.run.cells[i]
		if int(c.src) != src || c.axis != AxisOrder {
			continue
		}
		switch c.state {
		case OrderCompleted, OrderClosed, OrderRejected, OrderCancelled:
			ended = c.since.Latest
		}
	}
	return from, ended
}

// rebind sends a binding's next version if it says anything new.
func (p *Partition) rebind(o *order, want AliasBinding) {
	at, ok := slices.BinarySearchFunc(o.bindings, want.Alias, func(b binding, a Alias) int { return b.Alias.Compare(a) })
	if !ok {
		if !want.Live {
			return
		}
		o.bindings = slices.Insert(o.bindings, at, binding{route: -1})
	}
	b := &o.bindings[at]
	want.Version = b.Version
	if ok && want == b.AliasBinding {
		return
	}
	want.Version++
	b.AliasBinding = want
	p.touch(o)
	p.send(Outgoing{Binding: &want})
}

// applyBound takes the alias store's answer to a binding.
func (p *Partition) applyBound(r *Bound) error {
	if PartitionOf([]byte(r.Order), p.opt.Partitions) != p.opt.Partition {
		return nil
	}
	o, err := p.order(r.Order)
	if err != nil {
		return err
	}
	at, ok := slices.BinarySearchFunc(o.bindings, r.Alias, func(b binding, a Alias) int { return b.Alias.Compare(a) })
	if !ok || r.Route <= o.bindings[at].route {
		return nil
	}
	b := &o.bindings[at]
	b.route, b.answered, b.ok = r.Route, r.Version, r.OK
	p.touch(o)
	return p.revisit(o, BecauseNone)
}

// named says whether every name of an order has been answered, and which one is
// contested.
func (o *order) named() (answered bool, contested *Alias) {
	answered = true
	for i := range o.bindings {
		b := &o.bindings[i]
		if b.answered != b.Version {
			answered = false
		} else if !b.ok && b.Live {
			contested = &b.Alias
		}
	}
	return answered, contested
}

// applyForward takes in how far a partition of unkeyed records was joined.
func (p *Partition) applyForward(f *Forwarded) {
	if f.To != p.opt.Partition {
		return
	}
	at, ok := slices.BinarySearchFunc(p.forwards, f.Partition, func(x Forwarded, n int32) int { return int(x.Partition - n) })
	switch {
	case !ok:
		p.forwards = slices.Insert(p.forwards, at, *f)
	case f.Route > p.forwards[at].Route:
		p.forwards[at] = *f
	}
}

// satisfied reports whether everything a status covers that named no order has
// been joined or has waited long enough (S-37).
func (p *Partition) satisfied(c *FeedCoverage) bool {
	for _, u := range c.Unkeyed {
		at, ok := slices.BinarySearchFunc(p.forwards, u.Partition, func(x Forwarded, n int32) int { return int(x.Partition - n) })
		if !ok || p.forwards[at].Through <= u.Offset {
			return false
		}
		for _, h := range p.forwards[at].Held {
			if h.Feed == (FeedKey{c.Source, c.Feed}) && h.Offset <= u.Offset {
				return false
			}
		}
	}
	return true
}

// wait keeps a status until what it covers is joined: the oldest, so that it
// comes to pass, and the newest.
func (f *Feed) wait(c *FeedCoverage) {
	if len(f.Next) == 2 {
		f.Next = f.Next[:1]
	}
	f.Next = append(f.Next, *c)
}

// hear merges what a tick says of a feed, if it is satisfied.
func (p *Partition) hear(c *FeedCoverage) (grew, shrank bool) {
	f := p.feed(FeedKey{c.Source, c.Feed})
	if p.satisfied(c) {
		f.Next = nil
		return f.merge(c)
	}
	f.LastHeard = max(f.LastHeard, c.LastHeard)
	f.wait(c)
	return false, false
}

// rehear merges the statuses that were waiting and are satisfied now.
func (p *Partition) rehear(f *Feed) (grew, shrank bool) {
	for len(f.Next) > 0 && p.satisfied(&f.Next[0]) {
		g, s := f.merge(&f.Next[0])
		grew, shrank = grew || g, shrank || s
		f.Next = slices.Clone(f.Next[1:])
	}
	return grew, shrank
}

// parkedOver names a type of alias under which a record of a feed is parked
// that may be about an order in a stretch of time; "" if there is none.
func (p *Partition) parkedOver(o *order, k FeedKey, over Interval) string {
	for i := range p.forwards {
		for _, x := range p.forwards[i].Parked {
			if x.Feed == k && x.From < over.Until && over.From <= x.Until && !p.settledBy(o, x.Type) {
				return x.Type
			}
		}
	}
	return ""
}

// settledBy reports whether an order has its one alias of a type, bound.
func (p *Partition) settledBy(o *order, typ string) bool {
	spec := p.plan.aliases[typ]
	return spec != nil && spec.Single && slices.ContainsFunc(o.bindings, func(b binding) bool {
		return b.Alias.Type == typ && b.Live && b.ok && b.answered == b.Version
	})
}

// joinedOver narrows what a feed was heard to by what of it found no order: its
// records may stand under a name of this order whose answer is on its way, under
// a contested one, or under a name that nobody bound (S-37).
func (p *Partition) joinedOver(o *order, f *Feed, h heard, over Interval) heard {
	if !h.ok || len(f.Unkeyed) == 0 && len(p.forwards) == 0 {
		return h
	}
	if len(f.Unkeyed) > 0 {
		answered, contested := o.named()
		if !answered {
			return heard{until: f.Until()}
		}
		if contested != nil {
			h.incomplete, h.hole = true, contested.String()
		}
	}
	if typ := p.parkedOver(o, f.Key, over); typ != "" {
		h.incomplete, h.hole = true, typ
	}
	return h
}
