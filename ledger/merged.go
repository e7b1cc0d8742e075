package ledger

import (
	"bytes"
	"fmt"
	"slices"
)

// Merged orders, on the orders' side (S-38). Every member, the root too, folds
// and judges on as if it stood alone; only nobody is told, so that a split
// restores it to the byte. What they all know is sent to the root's partition,
// which folds it as an order of its own: the whole.

// applyMerge takes the next merge or split.
func (p *Partition) applyMerge(m *Merge, live bool) error {
	if m.Number != p.merges.number+1 {
		return nil // taken before, or not yet due: its owner appends the next one only
	}
	gone, made := p.merges.take(m.A, m.B, live)
	p.put(mergeKey(m.Number), appendMergeRecord(nil, m, live, p.rec.Offset))
	p.merging, p.meta = true, true
	p.noteRequest(m.RequestID)
	if p.joins() {
		return p.rejoinMerged(gone, made)
	}
	for _, g := range gone {
		if p.owns(g.root()) {
			if err := p.dissolve(g); err != nil {
				return err
			}
		}
	}
	for _, k := range changedMembers(gone, made) {
		if !p.owns(k) {
			continue
		}
		if err := p.remember(k, p.merges.find(k)); err != nil {
			return err
		}
	}
	for _, g := range made {
		if p.owns(g.root()) {
			if err := p.found(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteRequest notes that a request of the control topic was carried out.
func (p *Partition) noteRequest(id string) {
	if id != "" {
		p.put(append([]byte{keyAction}, id...), appendInt(appendText([]byte{1}, ""), p.rec.Offset))
	}
}

// owns reports whether an order is of this partition.
func (p *Partition) owns(k OrderKey) bool {
	return PartitionOf([]byte(k), p.opt.Partitions) == p.opt.Partition
}

// changedMembers lists, ascending, the orders whose group is another now.
func changedMembers(gone, made []*group) []OrderKey {
	var out []OrderKey
	for _, g := range slices.Concat(gone, made) {
		out = append(out, g.members...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shadowed reports whether an order speaks through a merged one, and not itself.
func (p *Partition) shadowed(o *order) bool { return !o.whole && p.merges.find(o.key) != nil }

// remember tells what became of one order by a merge or a split: its open
// exceptions move, or come back, and all it knows is sent to the whole.
func (p *Partition) remember(k OrderKey, g *group) error {
	o, err := p.order(k)
	if err != nil {
		return err
	}
	if o.events == 0 && !o.joined {
		return nil // never heard of; what comes is sent on
	}
	p.touch(o)
	for i := range o.excs {
		x, err := p.exception(o.excs[i].id)
		if err != nil {
			return err
		}
		if x != nil {
			p.moveException(x, g)
		}
	}
	s := p.summary(o)
	if g == nil || g.root() != k { // the root's own line is the whole's
		if g != nil {
			s.MergedInto = g.root()
		}
		p.orderRow(s)
	}
	if g == nil {
		return nil
	}
	prefix := orderPrefix(keyClaims, k)
	return p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d, err := decodeDoc(bytes.Clone(v))
		if err != nil {
			return false, fmt.Errorf("order %s: %w", k, err)
		}
		if d.alive() {
			p.move(k, g, d)
		}
		return true, nil
	})
}

// moveException closes an exception as moved to its whole, or says how it
// stands now that its order stands alone again.
func (p *Partition) moveException(x *Exception, g *group) {
	if g != nil && !x.Open {
		return
	}
	row := x.clone()
	change := FactExceptionReturned
	if g != nil {
		change, row.MovedTo = FactExceptionMoved, g.root()
		row.Open, row.ResolvedAt, row.Cause = false, p.guard.Clock, BecauseRegrouped
		p.del(exceptionKey(keyOpen, x.ID))
	} else if x.Open {
		p.put(exceptionKey(keyOpen, x.ID), nil)
	}
	p.exceptionRow(change, row)
}

// move sends a document of a member to its whole, as it stands.
func (p *Partition) move(k OrderKey, g *group, d *doc) {
	m := &Moved{Root: g.root(), Number: g.since, Member: k, Route: p.rec.Offset, Live: d.alive(), Depth: d.depth(), Delivered: d.delivered,
		Copies: d.copies, Event: *d.ev}
	m.Event.Body, m.Event.ReceivedAt, m.Event.AskedAt, m.Event.PrevAsked = Body{}, d.received, d.asked, d.prev
	p.send(Outgoing{Moved: m})
}

// keepDoc has a document written at the next flush, and sent to the whole when
// the record is folded.
func (p *Partition) keepDoc(o *order, d *doc) {
	if !slices.Contains(o.added, d) {
		o.added = append(o.added, d)
	}
	if !o.whole && p.merges.find(o.key) != nil && !slices.ContainsFunc(p.movedDocs, func(x movedDoc) bool { return x.d == d }) {
		p.movedDocs = append(p.movedDocs, movedDoc{o.key, d})
	}
}

// movedDoc is a document of a member that the record being folded changed.
type movedDoc struct {
	order OrderKey
	d     *doc
}

// moveOn sends what the record changed of members' documents.
func (p *Partition) moveOn() {
	for _, x := range p.movedDocs {
		if g := p.merges.find(x.order); g != nil {
			p.move(x.order, g, x.d)
		}
	}
	p.movedDocs = p.movedDocs[:0]
}

// found tells of a new merged order, and lets it speak if its members' events
// came before the merge.
func (p *Partition) found(g *group) error {
	o, err := p.order(g.whole())
	if err != nil {
		return err
	}
	if o.events == 0 {
		return nil // its members' events are on their way
	}
	return p.settle(o, BecauseNone)
}

// dissolve ends a merged order: what it said stays said, what it held goes.
func (p *Partition) dissolve(g *group) error {
	k := g.whole()
	o, err := p.order(k)
	if err != nil {
		return err
	}
	for i := range o.excs {
		if !o.excs[i].open {
			continue
		}
		x, err := p.exception(o.excs[i].id)
		if err != nil {
			return err
		}
		if x == nil {
			continue
		}
		if err := p.closeException(o, &o.excs[i], BecauseRegrouped, BecauseRegrouped); err != nil {
			return err
		}
	}
	p.mark(keyBreached, o, false)
	p.mark(keyActive, o, false)
	p.verdicts = p.verdicts[:0]
	p.arm(o) // nothing to wait for
	for _, space := range [...]byte{keyClaims, keySaid} {
		prefix := orderPrefix(space, k)
		err := p.store.Scan(prefix, PrefixEnd(prefix), func(key, _ []byte) (bool, error) {
			p.del(key)
			return true, nil
		})
		if err != nil {
			return fmt.Errorf("merged order %s: %w", k, err)
		}
	}
	p.del(orderKeyOf(keyOrder, k))
	delete(p.orders, k)
	return nil
}

// applyMoved folds an event of a member into the whole. One that speaks of a
// set that is no more is stale; of one that is not yet known here, the events
// are kept and nothing is said.
func (p *Partition) applyMoved(m *Moved) error {
	ev := &m.Event
	if !p.owns(m.Root) {
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "the order key belongs to another partition", Source: ev.Source,
			Feed: ev.Feed, Order: m.Root, Of: ev.ID, ReceivedAt: ev.ReceivedAt})
		return nil
	}
	if g := p.merges.find(m.Root); m.Number <= p.merges.number && (g == nil || g.root() != m.Root || g.since != m.Number) {
		return nil
	}
	return p.joinIn(&Reemit{Order: wholeKey(m.Root, m.Number), Alias: memberAlias(m.Member), Route: m.Route, Live: m.Live, Depth: m.Depth,
		Delivered: m.Delivered, Copies: m.Copies, Event: *ev})
}

// memberAlias is how a merged order notes which member brought a document.
func memberAlias(k OrderKey) Alias { return Alias{Type: "order", Value: string(k)} }

// current reports whether a merged order is that of a set this partition knows
// of; the events of any other are kept in silence.
func (p *Partition) current(o *order) bool {
	root, _, _ := rootOf(o.key)
	g := p.merges.find(root)
	return g != nil && g.whole() == o.key
}

// subjectOrder is the order an exception is about, nil if it is about none or
// about a merged order that is no more.
func (p *Partition) subjectOrder(x *Exception) (*order, error) {
	k := x.Subject.Order
	switch x.Subject.Kind {
	case SubjectOrder:
	case SubjectMerged:
		k += wholeMark + OrderKey(x.Subject.Native)
		if g := p.merges.find(x.Subject.Order); g == nil || g.whole() != k {
			return nil, nil
		}
	default:
		return nil, nil
	}
	return p.order(k)
}

// subjectOf is what an order's exceptions are about.
func (p *Partition) subjectOf(o *order) Subject {
	if root, number, ok := rootOf(o.key); ok {
		return Subject{Kind: SubjectMerged, Order: root, Partition: p.opt.Partition, Native: number}
	}
	return Subject{Kind: SubjectOrder, Order: o.key, Partition: p.opt.Partition}
}

// rejoinMerged decides anew about the aliases that several of the changed orders
// claim: merged orders do not contest each other.
func (p *Partition) rejoinMerged(gone, made []*group) error {
	for _, k := range changedMembers(gone, made) {
		var shared [][]byte
		prefix := orderPrefix(keyShared, k)
		err := p.store.Scan(prefix, PrefixEnd(prefix), func(key, _ []byte) (bool, error) {
			shared = append(shared, bytes.Clone(key[len(prefix):]))
			return true, nil
		})
		if err != nil {
			return fmt.Errorf("names of order %s: %w", k, err)
		}
		for _, key := range shared {
			d := &decoder{b: key}
			s, err := p.aliasOf(d.alias())
			if err != nil {
				return err
			}
			p.touchAlias(s)
			p.rejoin(s, "")
		}
	}
	return nil
}

func mergeKey(number uint64) []byte { return appendOrdered([]byte{keyMerge}, Instant(number)) }

func appendMergeRecord(b []byte, m *Merge, live bool, offset int64) []byte {
	b = appendInt(append(appendUint(b, m.Number), boolByte(live)), offset)
	b = appendText(appendText(b, string(m.A)), string(m.B))
	b = appendText(appendText(appendText(b, m.Actor), m.Reason), m.RequestID)
	return appendInt(b, m.ProposedAt)
}

// Merged is a merge or a split as a partition took it.
type Merged struct {
	Merge
	Live   bool  // false: a split
	Offset int64 // in the partition's log
}

func decodeMerged(b []byte) (Merged, error) {
	d := &decoder{b: b}
	m := Merged{Merge: Merge{Number: d.uint()}, Live: d.bool(), Offset: d.int()}
	m.A, m.B = OrderKey(d.text()), OrderKey(d.text())
	m.Actor, m.Reason, m.RequestID, m.ProposedAt = d.text(), d.text(), d.text(), d.instant()
	return m, d.end("merge")
}
