package ledger

import (
	"slices"
)

// phase is a stage of the work a tick makes.
type phase uint8

const (
	phaseTimers  phase = 1 // timers due at the clock
	phaseSnoozes phase = 2
	phaseWaits   phase = 3 // obligations waiting for feeds that were heard, or fell silent
	phaseShrunk  phase = 4 // breaches whose coverage was withdrawn
	phaseSweep   phase = 5 // orders a new policy must visit
	phaseForward phase = 6 // how far the alias store has joined, what members of merged orders heard
	phaseDone    phase = 7
)

// feedWork is one feed whose waiting obligations must be looked at: those that
// need it no further than until.
type feedWork struct {
	feed  FeedKey
	until Instant
}

// continuation is the work left of the last tick (S-16).
type continuation struct {
	active bool
	phase  phase
	after  []byte // last key visited in the phase
	clock  Instant
	feeds  []feedWork
	shrunk bool
	sweep  bool
	why    Because
	// recorded is the timestamp of the record whose work this is.
	recorded Instant
}

// feed returns what the partition knows of a feed, adding it if new.
func (p *Partition) feed(k FeedKey) *Feed {
	at, ok := slices.BinarySearchFunc(p.feeds, k, func(f *Feed, k FeedKey) int { return f.Key.Compare(k) })
	if !ok {
		p.feeds = slices.Insert(p.feeds, at, &Feed{Key: k, Known: p.guard.Clock})
		p.meta = true
	}
	return p.feeds[at]
}

// applyTick folds a tick: its coverage counts at once, its wall if the guard
// believes it; then everything due is worked off in slices.
func (p *Partition) applyTick(t *Tick) error {
	var grown []FeedKey
	shrunk := false
	for i := range t.Feeds {
		c := &t.Feeds[i]
		grew, lost := p.hear(c)
		if grew {
			grown = append(grown, FeedKey{c.Source, c.Feed})
		}
		shrunk = shrunk || lost
	}
	for _, f := range p.feeds {
		if len(f.Next) == 0 {
			continue
		}
		grew, lost := p.rehear(f)
		if grew && !slices.Contains(grown, f.Key) {
			grown = append(grown, f.Key)
		}
		shrunk = shrunk || lost
	}
	moved := p.guard.Offer(t)
	p.meta = true
	c := continuation{active: true, phase: phaseTimers, clock: p.guard.Clock, shrunk: shrunk, recorded: p.rec.RecordedAt}
	if moved {
		c.sweep = p.adopt()
	}
	c.feeds = p.feedWork(grown)
	p.fresh = false
	if c.sweep {
		c.why = BecausePolicy
	}
	p.cont = c
	p.silences()
	return p.Continue()
}

// feedWork lists, ascending, the feeds whose waiting obligations a tick may
// release: those heard further, those assumed to be heard, those that fell
// silent or were heard again.
func (p *Partition) feedWork(grown []FeedKey) []feedWork {
	var out []feedWork
	for _, f := range p.feeds {
		spec := p.plan.feeds[f.Key]
		if spec == nil {
			continue
		}
		if f.Known == 0 {
			f.Known = p.guard.Clock
		}
		switch {
		case p.turned(f, spec), p.fresh:
			out = append(out, feedWork{f.Key, Forever})
		case spec.Coverage == CoverageAssumed:
			out = append(out, feedWork{f.Key, p.guard.Clock.Add(-spec.Settle)})
		case slices.Contains(grown, f.Key):
			until := f.Until()
			if len(f.Holes) > 0 {
				until = Forever
			}
			out = append(out, feedWork{f.Key, until})
		}
	}
	return out
}

// turned updates whether a feed is silent and reports whether that changed.
func (p *Partition) turned(f *Feed, spec *FeedSpec) bool {
	if spec.Coverage == CoverageAssumed || len(spec.Proves) == 0 || p.guard.Clock == 0 {
		return false
	}
	silent := p.guard.Clock.Sub(f.heardTo()) > spec.patience()
	if silent == f.Silent {
		return false
	}
	f.Silent = silent
	return true
}

// silences keeps the exceptions of silent feeds, in the one partition that
// each source's name falls to (S-22).
func (p *Partition) silences() {
	if p.plan.newest == nil {
		return
	}
	for _, f := range p.feeds {
		spec := p.plan.feeds[f.Key]
		if spec == nil || spec.Coverage == CoverageAssumed || len(spec.Proves) == 0 ||
			PartitionOf([]byte(f.Key.Source), p.opt.Partitions) != p.opt.Partition {
			continue
		}
		since := f.heardTo()
		x := Exception{Subject: Subject{Kind: SubjectFeed, Feed: f.Key}, Rule: RuleSilent, Name: NameSilent, Severity: SeverityWarning,
			Hop: f.Key.String(), Owner: ownerPlatform, Since: Within{since, since}, Deadline: since.Add(spec.patience()),
			Impact: "Orders that depend on this feed cannot be judged; nothing is blamed on them.",
			Remedy: "Check the source's API, its credentials and the connector; polling resumes from its cursor."}
		if p.guard.Clock.Sub(since) > p.plan.newest.Settings.HoldMax {
			x.Severity, x.Step = SeverityCritical, 1
		}
		p.subject(&x, f.Silent)
	}
}

// Continue does one slice of the last tick's work, at most SliceTimers orders.
// The caller flushes between slices.
func (p *Partition) Continue() error {
	left := p.opt.SliceTimers
	for left > 0 && p.cont.phase != phaseDone {
		if p.cont.phase == phaseForward {
			if p.unflushed() {
				break // it reads what the tick wrote
			}
			told := p.tellThrough
			if p.joins() {
				told = p.forward
			}
			if err := told(); err != nil {
				return err
			}
			p.cont.phase = phaseDone
			break
		}
		n, done, err := p.slice(left)
		if err != nil {
			return err
		}
		left -= n
		if done {
			p.cont.phase++
			p.cont.after = nil
			p.skipPhases()
		}
		if !done {
			break
		}
	}
	p.meta = true
	if p.cont.phase == phaseDone {
		p.cont = continuation{}
	}
	return nil
}

func (p *Partition) skipPhases() {
	if p.cont.phase == phaseWaits && len(p.cont.feeds) == 0 {
		p.cont.phase++
	}
	if p.cont.phase == phaseShrunk && !p.cont.shrunk {
		p.cont.phase++
	}
	if p.cont.phase == phaseSweep && !p.cont.sweep {
		p.cont.phase++
	}
	if p.cont.phase == phaseForward && !p.joins() && len(p.merges.groups) == 0 {
		p.cont.phase++
	}
}

// slice works off up to max keys of the present phase.
func (p *Partition) slice(limit int) (n int, done bool, err error) {
	from, to := p.phaseRange()
	var keys [][]byte
	keep := func(k []byte) bool {
		keys = append(keys, slices.Clone(k))
		return len(keys) < limit
	}
	if p.cont.after == nil {
		err = p.scanFrom(from, to, keep)
	} else {
		err = p.store.Scan(append(slices.Clone(p.cont.after), 0), to, func(k, _ []byte) (bool, error) { return keep(k), nil })
	}
	if err != nil {
		return 0, false, err
	}
	for _, k := range keys {
		if err := p.visit(k); err != nil {
			return 0, false, err
		}
	}
	if len(keys) == limit {
		p.cont.after = keys[len(keys)-1]
		return len(keys), false, nil
	}
	if p.cont.phase == phaseWaits && len(p.cont.feeds) > 1 {
		p.cont.feeds, p.cont.after = p.cont.feeds[1:], nil
		more, done, err := p.slice(max(limit-len(keys), 1))
		return len(keys) + more, done, err
	}
	return len(keys), true, nil
}

// phaseRange is the range of keys the present phase visits.
func (p *Partition) phaseRange() (from, to []byte) {
	switch p.cont.phase {
	case phaseTimers:
		return []byte{keyTimer}, appendOrdered([]byte{keyTimer}, p.cont.clock+1)
	case phaseSnoozes:
		return []byte{keySnooze}, appendOrdered([]byte{keySnooze}, p.cont.clock+1)
	case phaseWaits:
		prefix := waitPrefix(p.cont.feeds[0].feed)
		if p.cont.feeds[0].until >= Forever {
			return prefix, PrefixEnd(prefix)
		}
		return prefix, appendOrdered(slices.Clone(prefix), p.cont.feeds[0].until+1)
	case phaseShrunk:
		return []byte{keyBreached}, []byte{keyBreached + 1}
	default:
		return []byte{keyActive}, []byte{keyActive + 1}
	}
}

// visit does what one key of the present phase asks for.
func (p *Partition) visit(k []byte) error {
	switch p.cont.phase {
	case phaseTimers:
		if p.joins() {
			return p.waited(k)
		}
		due, key := timerKeyParts(k)
		o, err := p.order(key)
		if err != nil {
			return err
		}
		if o.timer != due {
			p.del(k) // the order moved its timer in this very slice
			return nil
		}
		o.timer = 0
		p.del(k)
		return p.revisit(o, BecauseNone)
	case phaseSnoozes:
		var id ExceptionID
		copy(id[:], k[9:])
		p.del(k)
		return p.wake(id, orderedInstant(k[1:9]))
	case phaseWaits:
		return p.revisitKey(waitKeyOrder(k), BecauseNone)
	case phaseShrunk:
		return p.revisitKey(OrderKey(k[1:]), BecauseWithdrawn)
	default:
		return p.revisitKey(OrderKey(k[1:]), p.cont.why)
	}
}

func (p *Partition) revisitKey(k OrderKey, why Because) error {
	o, err := p.order(k) // migrates, under a new policy
	if err != nil {
		return err
	}
	return p.revisit(o, why)
}

// revisit judges an order again though no claim of it changed.
func (p *Partition) revisit(o *order, why Because) error {
	if p.plan.newest == nil {
		return nil
	}
	open := o.openCount()
	if err := p.review(o, why); err != nil {
		return err
	}
	if o.openCount() != open {
		p.summarise(o)
	}
	return nil
}

// applyLooked folds the answer of a by-order look-up (S-17).
func (p *Partition) applyLooked(l *Looked) error {
	if PartitionOf([]byte(l.Order), p.opt.Partitions) != p.opt.Partition {
		return nil
	}
	o, err := p.order(l.Order)
	if err != nil {
		return err
	}
	k := FeedKey{l.Source, l.Feed}
	until := l.AskedAt.Add(-p.plan.skew(l.Source))
	if spec := p.plan.feeds[k]; spec != nil {
		until = until.Add(-spec.LookupLag)
	}
	at := slices.IndexFunc(o.looked, func(x lookedFeed) bool { return x.feed == k })
	if at < 0 {
		o.looked = append(o.looked, lookedFeed{k, until})
		slices.SortFunc(o.looked, func(a, b lookedFeed) int { return a.feed.Compare(b.feed) })
	} else {
		o.looked[at].until = max(o.looked[at].until, until)
	}
	p.touch(o)
	return p.revisit(o, BecauseNone)
}

// applyReset puts the clock back when enough operators ask for it. Everything
// said in between is judged again.
func (p *Partition) applyReset(r *ClockReset) error {
	need := 2
	if p.plan.newest != nil && p.plan.newest.Settings.ResetOperators == 1 {
		need = 1
	}
	var who []string
	for _, o := range r.Operators {
		if o != "" && !slices.Contains(who, o) {
			who = append(who, o)
		}
	}
	if len(who) < need || r.Wall <= 0 {
		p.quarantine(&Quarantined{Reason: "clock-reset-refused", Detail: "a clock reset needs a wall and enough operators"})
		return nil
	}
	p.guard.Reset(r.Wall)
	p.cont = continuation{active: true, phase: phaseSweep, clock: r.Wall, sweep: true, why: BecauseClock, recorded: p.rec.RecordedAt}
	p.cont.feeds = p.feedWork(nil)
	p.meta = true
	return p.Continue()
}
