package ledger

import (
	"fmt"
	"slices"
)

// base is the older part of a long order, folded away: every entry that stands
// before the instant at. A claim that belongs there unfolds it again.
type base struct {
	at      Instant   // entries before it are in the base
	stamp   Instant   // no document after the base has a lesser stamp
	folded  []EventID // folded documents whose stamp is not less, ascending
	run     run
	regs    []baseRegister
	amounts []amountRegister
}

// baseRegister is a register's base under its own name.
type baseRegister struct {
	src    Source
	axis   Axis
	object Object
	base   registerBase
}

// holds reports whether a document read from the store is folded into the base.
func (b *base) holds(d *doc) bool {
	return d.stamp < b.stamp || slices.Contains(b.folded, d.ev.ID)
}

// seen looks for an earlier copy of an event. It also reports whether the
// event, being new, belongs before the order's base.
func (p *Partition) seen(o *order, ev *Event) (*doc, bool, error) {
	for i := len(o.docs) - 1; i >= 0 && o.filter&idBit(ev.ID) != 0; i-- {
		if o.docs[i].ev.ID == ev.ID {
			return o.docs[i], false, nil
		}
	}
	if o.base == nil && !o.joined && !inert(ev) {
		return nil, false, nil
	}
	d := &doc{ev: ev, stamp: stampOf(ev)}
	p.buf = appendClaimKey(p.buf[:0], o.key, d)
	for _, pending := range o.added {
		if pending.ev.ID == ev.ID {
			return pending, false, nil
		}
	}
	v, ok, err := p.store.Get(p.buf)
	if err != nil {
		return nil, false, err
	}
	if ok {
		old, err := decodeDoc(v)
		if err != nil {
			return nil, false, fmt.Errorf("order %s: %w", o.key, err)
		}
		return old, false, nil
	}
	return nil, o.base != nil && o.precedes(ev), nil
}

// inert reports whether an event takes part in nothing derived: it is kept and
// shown, and never held in memory.
func inert(ev *Event) bool {
	return len(ev.Claims) == 0 && len(ev.Amounts) == 0 && len(ev.Aliases) == 0
}

// precedes reports whether a new event may change anything the base folded away.
func (o *order) precedes(ev *Event) bool {
	if inert(ev) {
		return false
	}
	if stampOf(ev) < o.base.stamp {
		return true
	}
	src := o.sourceIndex(ev.Source)
	for i := range ev.Claims {
		c := &ev.Claims[i]
		if !c.Axis.Valid() {
			continue
		}
		b := o.register(src, c.Axis, c.Object).base
		if b == nil {
			b = &registerBase{}
		}
		switch {
		case b.unread && ev.PrevAsked != 0:
			return true
		case c.Mode != Current && b.repeats(c):
		case c.Earliest < o.base.at:
			return true
		case b.used && compareVersions(c, &Claim{Version: b.version, Earliest: b.stamp}) <= 0:
			return true
		}
	}
	return false
}

// unfold brings every document of an order back into memory.
func (p *Partition) unfold(o *order) error { return p.unfoldBut(o, nil) }

// unfoldBut brings back every document but one that is about to be taken in.
func (p *Partition) unfoldBut(o *order, but *doc) error {
	added := o.added
	o.base, o.docs, o.regs, o.names, o.sumsOK, o.walked = nil, nil, nil, nil, false, false // sources stay: the last run still counts by them
	if err := p.readSaid(o); err != nil {
		return err
	}
	held := map[EventID]*doc{}
	for _, d := range added {
		held[d.ev.ID] = d
		if d.alive() && d != but {
			o.insert(d, p.plan)
		}
	}
	prefix := orderPrefix(keyClaims, o.key)
	return p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d, err := decodeDoc(v)
		if err != nil {
			return false, fmt.Errorf("order %s: %w", o.key, err)
		}
		if held[d.ev.ID] == nil && d.alive() {
			o.insert(d, p.plan)
		}
		return true, nil
	})
}

// readSaid brings back the closed verdicts that left the order record.
func (p *Partition) readSaid(o *order) error {
	prefix := orderPrefix(keySaid, o.key)
	return p.store.Scan(prefix, PrefixEnd(prefix), func(k, v []byte) (bool, error) {
		d := &decoder{b: v}
		s := d.said()
		if err := d.end("verdict"); err != nil {
			return false, fmt.Errorf("order %s: %w", o.key, err)
		}
		if !slices.ContainsFunc(o.said, func(x said) bool { return x.key(&s) == 0 }) {
			o.said = append(o.said, s)
		}
		p.del(slices.Clone(k))
		return true, nil
	})
}

// foldTail moves the older part of a long order into its base, so that adding
// a claim costs the same at its 10th and its 5,000th (S-42).
func (p *Partition) foldTail(o *order) {
	if len(o.docs) <= p.opt.TailLimit || o.shelved > 0 {
		return
	}
	cut := p.cutPoint(o)
	if cut == Beginning {
		p.walk(o) // looking for the cut took the run apart
		return
	}
	next := &base{at: cut, stamp: cut}
	p.w.begin(p.plan, p.originPlan(o), o)
	spans := p.w.spans()
	p.w.walk(cut)
	next.run.copyFrom(&o.run)
	p.closeEpisodes(o, &next.run)
	var folded, kept []*doc
	for i, d := range o.docs {
		if spans[i].until < cut {
			folded = append(folded, d)
		} else {
			kept = append(kept, d)
			next.stamp = min(next.stamp, d.stamp)
		}
	}
	for _, d := range folded {
		if d.stamp >= next.stamp {
			next.folded = append(next.folded, d.ev.ID)
		}
	}
	if o.base != nil {
		next.folded = append(next.folded, o.base.folded...)
	}
	p.w.amounts.collect(o, folded)
	next.amounts = p.w.amounts.registers()
	for i := range o.regs {
		r := &o.regs[i]
		next.regs = append(next.regs, baseRegister{o.sources[r.src], r.axis, r.object, r.advanced(p.w.entries[r.lo:r.lo+r.n], cut)})
	}
	o.rebase(next, kept, p.plan)
	p.walk(o)
}

// span is the stretch of history in which a document's claims stand.
type span struct{ from, until Instant }

// spans returns, for each document in memory, where its claims stand in the
// registers' histories. It must be called after walker.begin.
func (w *walker) spans() []span {
	o := w.o
	out := make([]span, len(o.docs))
	place := make(map[*doc]int, len(o.docs))
	for i := range out {
		out[i] = span{Forever, Beginning}
		place[o.docs[i]] = i
	}
	note := func(d *doc, at Instant) {
		if i, ok := place[d]; ok {
			out[i] = span{min(out[i].from, at), max(out[i].until, at)}
		}
	}
	for i := range o.regs {
		r := &o.regs[i]
		next := 0 // both lists ascend by version
		entries := w.entries[r.lo : r.lo+r.n]
		for k := range entries {
			e := &entries[k]
			note(e.by, e.at)
			for e.version != nil && next < len(r.current) && compareVersions(r.current[next].claim(), e.version) <= 0 {
				note(r.current[next].d, e.at) // the losers of the version stand with its winner
				next++
			}
		}
	}
	return out
}

// cutPoint finds the newest instant before which the order's history may be
// folded: it leaves at least the newest documents whole and splits none.
// Beginning if there is none.
func (p *Partition) cutPoint(o *order) Instant {
	p.w.begin(p.plan, p.originPlan(o), o)
	spans := p.w.spans()
	cut := spans[len(spans)-p.opt.TailLimit/2].from
	for moved := true; moved; {
		moved = false
		for _, s := range spans {
			if s.from < cut && s.until >= cut {
				cut, moved = s.from, true
			}
		}
	}
	for _, s := range spans {
		if s.until < cut {
			return cut
		}
	}
	return Beginning
}

// advanced is the register's base once every entry before the cut is folded.
func (r *register) advanced(entries []entry, cut Instant) registerBase {
	var b registerBase
	if r.base != nil {
		b = *r.base
		b.dated = slices.Clone(b.dated)
	}
	var last *Claim // the newest current claim folded away
	for i := range entries {
		e := &entries[i]
		if e.at >= cut {
			break
		}
		c := e.claim
		b.used, b.at, b.state, b.stamp = true, e.at, e.state, max(b.stamp, c.Earliest)
		if e.version == nil {
			b.dated = append(b.dated, datedMark{c.Native, c.Earliest})
			continue
		}
		b.version, b.unread = c.Version, true
		last = c
	}
	for i := len(r.current) - 1; last != nil && i >= 0 && compareVersions(r.current[i].claim(), last) >= 0; i-- {
		b.unread = b.unread && r.current[i].d.prev == 0
	}
	return b
}

// rebase replaces an order's memory by its base and the documents after it.
func (o *order) rebase(b *base, kept []*doc, pl *plan) {
	sources := o.sources
	clear(o.regs)
	o.base, o.docs, o.regs, o.free, o.walked = b, o.docs[:0], o.regs[:0], nil, false
	o.sources = sources
	for i := range b.regs {
		x := &b.regs[i]
		o.register(o.sourceIndex(x.src), x.axis, x.object).base = &x.base
	}
	for _, d := range slices.Clone(kept) {
		o.insert(d, pl)
	}
}

// episodesKept is how many ended episodes of a rule stay with a long order.
const episodesKept = 8

// closeEpisodes moves all but the newest episodes that ended before the base
// out of the run, and their verdicts out of the order record; late evidence
// unfolds them again.
func (p *Partition) closeEpisodes(o *order, r *run) {
	for i := range r.rules {
		rule := &r.rules[i]
		if len(rule.eps) <= episodesKept {
			continue
		}
		j := p.originPlan(o).rules[i]
		keep := rule.eps[:0]
		for k := range rule.eps {
			e := &rule.eps[k]
			if k >= len(rule.eps)-episodesKept || !e.ended && !e.voided || !p.final(o, j, e) {
				keep = append(keep, *e)
			}
		}
		rule.eps = keep
	}
}

// final reports whether everything said of an episode can only change by late
// evidence, and if so moves it out of the order record.
func (p *Partition) final(o *order, j *judge, e *episode) bool {
	for i := range o.said {
		s := &o.said[i]
		if s.rule == j.Name && s.by == e.by && (s.state == VerdictPending || s.state == VerdictUndetermined || s.state == VerdictBreached) {
			return false
		}
	}
	keep := o.said[:0]
	for i := range o.said {
		s := o.said[i]
		if s.rule != j.Name || s.by != e.by {
			keep = append(keep, s)
			continue
		}
		k := append(orderPrefix(keySaid, o.key), s.rule...)
		k = append(append(append(k, 0), s.by[:]...), s.step)
		p.put(k, appendSaid(nil, &s))
	}
	o.said = keep
	return true
}
