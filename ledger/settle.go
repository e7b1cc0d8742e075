package ledger

import (
	"slices"
	"strings"
)

// settle recomputes an order after something about it changed, and tells the
// difference: verdicts, exceptions, timers, the summary.
func (p *Partition) settle(o *order, why Because) error {
	if o.walked {
		return p.conclude(o, false, why)
	}
	before := o.digestCells()
	p.walk(o)
	return p.conclude(o, o.digestCells() != before, why)
}

// conclude judges an order once it was walked, and tells whether its cells
// changed.
func (p *Partition) conclude(o *order, changed bool, why Because) error {
	open := o.openCount()
	p.foldTail(o)
	if !o.whole {
		p.bind(o)
	}
	if p.plan.newest == nil {
		p.mark(keyActive, o, true) // the first policy must visit it
		p.touch(o)
	} else if o.whole && !p.current(o) {
		p.touch(o) // its merge is not known here yet
		return nil
	} else if err := p.review(o, why); err != nil {
		return err
	}
	if changed || o.openCount() != open || o.events <= 1 {
		p.summarise(o)
	}
	return nil
}

// review judges every obligation of an order at the present clock and tells
// what changed.
func (p *Partition) review(o *order, why Because) error {
	p.judgeAll(o)
	p.tell(o, why)
	p.arm(o)
	if err := p.raise(o, why); err != nil {
		return err
	}
	p.touch(o)
	return nil
}

// judgeAll lists the present verdicts of an order in (rule, episode, step)
// order into p.verdicts.
func (p *Partition) judgeAll(o *order) {
	p.verdicts = p.verdicts[:0]
	op := p.originPlan(o)
	for i, j := range op.rules {
		if i >= len(o.run.rules) {
			break
		}
		eps := o.run.rules[i].eps
		for k := range eps {
			e := &eps[k]
			if e.a.Latest < j.from || e.a.Latest >= j.until {
				continue // another version of the policy judges this anchor
			}
			for s := range j.Steps {
				p.verdicts = append(p.verdicts, p.judgeStep(o, j, e, s))
			}
		}
	}
}

// tell compares the present verdicts with what was said before, tells every
// difference and keeps the result.
func (p *Partition) tell(o *order, why Because) {
	old := o.said
	var small [32]bool
	used := small[:]
	if len(old) > len(used) {
		used = make([]bool, len(old))
	}
	next := p.told[:0]
	for i := range p.verdicts {
		v := &p.verdicts[i]
		at := matchSaid(old, used, v)
		s := said{rule: v.j.Name, by: v.e.by, at: v.e.at, n: v.e.n, step: v.step, state: v.state, basis: v.basis}
		if v.state == VerdictUndetermined {
			s.feed = v.feed
		}
		if at >= 0 {
			used[at] = true
			s.announced = old[at].announced
			p.revise(o, &old[at], &s, v, why)
		} else {
			p.say(o, &s, v)
		}
		next = append(next, s)
	}
	for i := range old {
		if !used[i] {
			p.retract(o, &old[i], why)
		}
	}
	p.told = next
	o.said = append(o.said[:0], next...)
}

// matchSaid finds what was said of a verdict's obligation: by its opening
// document, else of an episode whose opening stands inside this one's run.
func matchSaid(old []said, used []bool, v *verdict) int {
	for i := range old {
		if !used[i] && old[i].step == v.step && old[i].rule == v.j.Name && old[i].by == v.e.by {
			return i
		}
	}
	for i := range old {
		s := &old[i]
		if !used[i] && s.step == v.step && s.rule == v.j.Name && s.at >= v.e.at && s.at <= v.e.runEnd {
			return i
		}
	}
	return -1
}

// say tells a verdict for the first time. PENDING is not worth telling.
func (p *Partition) say(o *order, s *said, v *verdict) {
	switch s.state {
	case VerdictPending, VerdictNone:
		return
	case VerdictMet, VerdictMetImprecise, VerdictVoid:
		if s.step == 0 { // what keeps the first step keeps the later ones
			p.fact(o, p.verdictFact(FactVerdict, v, VerdictPending, s.state, v.why))
		}
	case VerdictMetLate: // known only once it was over
		p.fact(o, p.verdictFact(FactVerdict, v, VerdictPending, VerdictBreached, BecauseDue))
		p.fact(o, p.verdictFact(FactRevised, v, VerdictBreached, VerdictMetLate, v.why))
	default:
		p.fact(o, p.verdictFact(FactVerdict, v, VerdictPending, s.state, v.why))
	}
}

// revise tells the change of a verdict.
func (p *Partition) revise(o *order, was, now *said, v *verdict, why Because) {
	if was.state == now.state && was.basis == now.basis && was.feed == now.feed {
		return
	}
	if was.state == VerdictPending {
		p.say(o, now, v)
		return
	}
	if was.state == VerdictUndetermined && now.state == VerdictMetLate {
		p.fact(o, p.verdictFact(FactRevised, v, VerdictUndetermined, VerdictBreached, BecauseDue))
		p.fact(o, p.verdictFact(FactRevised, v, VerdictBreached, VerdictMetLate, v.why))
		return
	}
	to, because := now.state, v.why
	if was.state == VerdictBreached && (to == VerdictMet || to == VerdictVoid || to == VerdictMetImprecise) {
		to = VerdictRetracted
	}
	if because == BecauseNone || why == BecausePolicy || why == BecauseWithdrawn {
		because = why
	}
	p.fact(o, p.verdictFact(FactRevised, v, was.state, to, because))
}

// retract tells that an obligation spoken of no longer exists.
func (p *Partition) retract(o *order, was *said, why Because) {
	if was.state == VerdictPending {
		return
	}
	p.fact(o, Fact{Kind: FactRevised, Rule: was.rule, Step: was.step, Episode: was.n, From: was.state, To: VerdictRetracted, Because: why})
}

func (p *Partition) verdictFact(kind FactKind, v *verdict, from, to VerdictState, why Because) Fact {
	s := &v.j.Steps[v.step]
	f := Fact{Kind: kind, Rule: v.j.Name, Step: v.step, Episode: v.e.n, Anchor: v.a, Deadline: v.a.Latest.Add(s.After),
		From: from, To: to, Basis: v.basis, Because: why, Name: s.Exception, Text: v.name}
	if to == VerdictUndetermined {
		f.Feed, f.Since = v.feed, v.since
	}
	return f
}

// fact appends one fact to an order's timeline and to the rows.
func (p *Partition) fact(o *order, f Fact) {
	o.facts++
	f.Seq, f.Offset, f.At, f.RecordedAt = o.facts, p.rec.Offset, p.guard.Clock, p.rec.RecordedAt
	p.buf = appendOrdered(append(appendOrderKey(p.buf[:0], keyFact, o.key), 0), Instant(f.Seq))
	p.enc = appendFact(p.enc[:0], &f)
	p.put(p.buf, p.enc)
	p.touch(o)
	if p.shadowed(o) {
		return
	}
	key := o.key
	if o.whole {
		key, _, _ = rootOf(key)
	}
	p.seqs.History++
	p.rows.History = append(p.rows.History, HistoryRow{Seq: p.seqs.History, Offset: f.Offset, RecordedAt: f.RecordedAt, Order: key, Fact: &f})
}

// arm keeps the order's timer at the first instant at which it must be looked
// at, and its waits at the feeds it needs to hear (S-16, S-21).
func (p *Partition) arm(o *order) {
	due := Instant(0)
	var waits []wait
	for i := range p.verdicts {
		v := &p.verdicts[i]
		if v.due != 0 && (due == 0 || v.due < due) {
			due = v.due
		}
		if v.need != 0 {
			if w := (wait{v.feed, v.need}); !slices.Contains(waits, w) {
				waits = append(waits, w)
			}
		}
	}
	if due != 0 {
		due = max(due, p.guard.Clock+1) // armed already due: the next tick
	}
	if due != o.timer {
		if o.timer != 0 {
			p.buf = appendTimerKey(p.buf[:0], o.timer, o.key)
			p.del(p.buf)
		}
		if due != 0 {
			p.buf = appendTimerKey(p.buf[:0], due, o.key)
			p.put(p.buf, nil)
		}
		o.timer = due
	}
	if len(waits) > 1 {
		slices.SortFunc(waits, func(a, b wait) int {
			if c := a.feed.Compare(b.feed); c != 0 {
				return c
			}
			return cmpInstant(a.need, b.need)
		})
	}
	if slices.Equal(waits, o.waits) {
		return
	}
	for _, w := range o.waits {
		p.del(waitKey(w.feed, w.need, o.key))
	}
	for _, w := range waits {
		p.put(waitKey(w.feed, w.need, o.key), nil)
	}
	o.waits = waits
}

// broken is what the present verdicts say of one rule of an order.
type broken struct {
	j       *judge
	e       *episode
	a       Within
	step    uint8
	basis   Basis
	past    bool
	open    bool
	settled Because // why it is not open, of the newest verdict
}

// raise opens, moves up, reopens and resolves the order's exceptions so that
// they agree with its verdicts.
func (p *Partition) raise(o *order, why Because) error {
	breached := false
	for lo := 0; lo < len(p.verdicts); {
		hi := lo + 1
		for hi < len(p.verdicts) && p.verdicts[hi].j.Name == p.verdicts[lo].j.Name {
			hi++
		}
		b := breakage(p.verdicts[lo:hi])
		for i := lo; i < hi; i++ {
			breached = breached || p.verdicts[i].state == VerdictBreached
		}
		if err := p.raiseRule(o, p.verdicts[lo].j.Name, &b, why); err != nil {
			return err
		}
		lo = hi
	}
	for i := range o.excs {
		x := &o.excs[i]
		if x.open && !slices.ContainsFunc(p.verdicts, func(v verdict) bool { return v.j.Name == x.rule }) {
			if err := p.raiseRule(o, x.rule, &broken{settled: why}, why); err != nil {
				return err
			}
		}
	}
	p.mark(keyBreached, o, breached)
	p.mark(keyActive, o, o.timer != 0 || len(o.waits) > 0 || o.shelved > 0 || o.openCount() > 0)
	return nil
}

// mark keeps an order's entry in a set of orders.
func (p *Partition) mark(space byte, o *order, in bool) {
	bit := uint8(1)
	if space == keyActive {
		bit = 2
	}
	if in == (o.marks&bit != 0) {
		return
	}
	o.marks ^= bit
	p.buf = appendOrderKey(p.buf[:0], space, o.key)
	if in {
		p.put(p.buf, nil)
	} else {
		p.del(p.buf)
	}
}

// breakage joins a rule's verdicts: open while any is breached and not lapsed,
// at the greatest step breached, since the first such episode.
func breakage(vs []verdict) broken {
	b := broken{settled: BecauseHealed}
	for i := range vs {
		v := &vs[i]
		if v.state != VerdictBreached || v.closed {
			if v.state == VerdictBreached {
				b.settled = BecauseUnless
			} else if v.why != BecauseNone && !b.open {
				b.settled = v.why
			}
			continue
		}
		if !b.open {
			b = broken{j: v.j, e: v.e, a: v.a, step: v.step, basis: v.basis, past: v.past, open: true}
			continue
		}
		if v.step > b.step {
			b.step, b.j = v.step, v.j
		}
		b.basis = max(b.basis, v.basis)
		b.past = b.past && v.past
	}
	return b
}

// summarise emits the order's row.
func (p *Partition) summarise(o *order) {
	if !p.shadowed(o) {
		p.orderRow(p.summary(o))
	}
}

func (p *Partition) orderRow(s Summary) {
	p.seqs.Orders++
	p.rows.Orders = append(p.rows.Orders, OrderRow{Seq: p.seqs.Orders, Offset: p.rec.Offset, RecordedAt: p.rec.RecordedAt, Summary: s})
}

// digestCells is a number that changes with what a summary shows of the cells,
// whatever order they are held in.
func (o *order) digestCells() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	all := uint64(0)
	for i := range o.run.cells {
		c := &o.run.cells[i]
		h := uint64(offset)
		h = (h ^ uint64(c.axis)) * prime
		h = (h ^ uint64(c.state)) * prime
		h = (h ^ uint64(c.at)) * prime
		src := o.sources[c.src]
		for k := range len(src) {
			h = (h ^ uint64(src[k])) * prime
		}
		all += h
	}
	return all
}

func (o *order) openCount() uint32 {
	n := uint32(0)
	for i := range o.excs {
		if o.excs[i].open {
			n++
		}
	}
	return n
}

// sortCells sorts by source and axis: a few cells, mostly in order.
func sortCells(cells []CellView) {
	for i := 1; i < len(cells); i++ {
		for j := i; j > 0; j-- {
			a, b := &cells[j-1], &cells[j]
			if c := strings.Compare(string(a.Source), string(b.Source)); c < 0 || c == 0 && a.Axis <= b.Axis {
				break
			}
			*a, *b = *b, *a
		}
	}
}

// summary is the order as it stands.
func (p *Partition) summary(o *order) Summary {
	s := Summary{Key: o.key, Created: o.run.created, Updated: o.run.last, Events: o.events, Open: o.openCount(), Shelved: o.shelved, Policy: o.policy}
	if o.whole {
		s.Key, _, _ = rootOf(o.key)
	}
	from := len(p.cells)
	for i := range o.run.cells {
		c := &o.run.cells[i]
		p.cells = append(p.cells, CellView{Source: o.sources[c.src], Axis: c.axis, State: c.state, Since: c.since, At: c.at, By: c.by})
	}
	s.Cells = p.cells[from:len(p.cells):len(p.cells)]
	sortCells(s.Cells)
	if !o.sumsOK {
		p.w.amounts.total(o)
	}
	from = len(p.views)
	for _, x := range o.sums {
		p.views = append(p.views, SumView{Source: o.sources[x.src], Kind: x.kind, Money: Money{x.minor, x.currency}, Mixed: x.mixed})
	}
	s.Sums = p.views[from:len(p.views):len(p.views)]
	slices.SortFunc(s.Sums, func(a, b SumView) int {
		if c := strings.Compare(string(a.Source), string(b.Source)); c != 0 {
			return c
		}
		return int(a.Kind) - int(b.Kind)
	})
	return s
}
