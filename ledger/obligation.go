package ledger

import "slices"

// cellRun is one cell while its history is walked.
type cellRun struct {
	src   uint8
	axis  Axis
	state State
	since Within
	at    Instant
	by    EventID // the document that brought the state
}

// segment is the newest stretch over which a closing predicate was certainly true.
type segment struct {
	on   bool
	seen bool
	w    Within
	at   Instant
	end  Instant // valid if seen and not on
}

// episode is one obligation: from the false → true edge of a rule's opening
// predicate to what ends it (S-25).
type episode struct {
	n       uint32
	a       Within  // the anchor
	at      Instant // where the anchor stands in the history
	by      EventID // the opening claim's document
	unknown Instant // where the unknown before the edge began, 0 if none
	runEnd  Instant // where the opening predicate turned false, Forever if it has not

	ended    bool // by close
	until    Within
	untilAt  Instant
	untilBy  EventID
	voided   bool // by unless
	voidedAt Within
	atA      bool // unless was already true at the anchor

	hidden    Instant // where the first gap began in which close could have hidden, Forever if none
	uncertain bool    // close was unknown at some step, so that it may hold
}

// ruleRun is one rule's position in an order's history.
type ruleRun struct {
	last    Truth   // the opening predicate's last certain value
	unknown Instant // where its present unknown began, 0 if it is certain
	close   segment
	unless  segment
	n       uint32
	eps     []episode
}

// run is the result of walking an order's history.
type run struct {
	cells []cellRun
	rules []ruleRun // parallel to originPlan.rules
	// created is the beginning of the origin's order, Forever if unheard.
	created Instant
	last    Instant // where the newest step stands
}

// copyFrom makes r a deep copy of s, reusing r's memory.
func (r *run) copyFrom(s *run) {
	r.cells = append(r.cells[:0], s.cells...)
	r.created, r.last = s.created, s.last
	r.rules = slices.Grow(r.rules[:0], len(s.rules))[:len(s.rules)]
	for i := range s.rules {
		eps := append(r.rules[i].eps[:0], s.rules[i].eps...)
		r.rules[i] = s.rules[i]
		r.rules[i].eps = eps
	}
}

// reset empties r for n rules, keeping its memory.
func (r *run) reset(n int) {
	if r.cells == nil {
		r.cells = make([]cellRun, 0, 8)
	}
	r.cells = r.cells[:0]
	r.created, r.last = Forever, Beginning
	r.rules = slices.Grow(r.rules[:0], n)[:n]
	for i := range r.rules {
		r.rules[i] = ruleRun{eps: r.rules[i].eps[:0]}
	}
}

// stepRef points at an entry of a register while histories are merged.
type stepRef struct {
	at    Instant
	reg   int32
	entry int32 // in walker.entries
}

// walker walks one order's history. It is scratch memory, reused.
type walker struct {
	pl    *plan
	op    *originPlan
	o     *order
	r     *run
	refs  []stepRef
	roles [Roles + 1]int16 // role → source index, -1 if unheard
	// entries holds the histories of the registers, dated one register's dated
	// claims.
	entries []entry
	dated   []ref
	amounts tally
	// known holds what the plan says, per kind of register.
	known map[registerKind]*registerPlan
	// swap, when set, makes a cell appear in another state (hidden states).
	swap      int
	changed   bool // some cell changed since the order was attached
	swapState State
}

// registerKind is what a register's plan depends on, beside the plan itself.
type registerKind struct {
	op     *originPlan
	source Source
	system string
	axis   Axis
}

// attach turns the walker to an order.
func (w *walker) attach(pl *plan, op *originPlan, o *order) {
	if w.pl != pl {
		w.known = map[registerKind]*registerPlan{}
	}
	w.pl, w.op, w.o, w.r, w.swap = pl, op, o, &o.run, -1
	w.changed = false
	w.refs, w.entries = w.refs[:0], w.entries[:0]
	for role := range w.roles {
		w.roles[role] = -1
	}
	for i, s := range o.sources {
		for role := range op.bind {
			if op.bind[role] == s {
				w.roles[role] = int16(i)
			}
		}
	}
}

// begin prepares a walk from the order's base.
func (w *walker) begin(pl *plan, op *originPlan, o *order) {
	w.attach(pl, op, o)
	o.walked = false
	if o.base != nil {
		o.run.copyFrom(&o.base.run)
	} else {
		o.run.reset(len(op.rules))
	}
	for i := range o.regs {
		r := &o.regs[i]
		w.know(r)
		r.history(w)
		w.refer(i)
	}
	w.sort()
}

// extend prepares to walk on from where the order's run ends, through what its
// newest document adds. It reports false if the document does not stand wholly
// behind the history, which must then be walked anew.
func (w *walker) extend(pl *plan, op *originPlan, o *order, d *doc) bool {
	w.attach(pl, op, o)
	for i := range o.regs {
		r := &o.regs[i]
		if o.sources[r.src] != d.ev.Source {
			continue
		}
		if r.known == nil { // the document is the first to speak of it
			w.know(r)
			r.restart()
		}
		if !r.extend(w, d) {
			return false
		}
		w.refer(i)
	}
	w.sort()
	return len(w.refs) == 0 || w.refs[0].at > o.run.last
}

// refer lists a register's entries among the steps to walk.
func (w *walker) refer(reg int) {
	r := &w.o.regs[reg]
	for i := r.lo; i < r.lo+r.n; i++ {
		w.refs = append(w.refs, stepRef{w.entries[i].at, int32(reg), i})
	}
}

func (w *walker) sort() {
	if len(w.refs) < 2 {
		return
	}
	slices.SortFunc(w.refs, func(a, b stepRef) int {
		if a.at != b.at {
			return cmpInstant(a.at, b.at)
		}
		if a.reg != b.reg {
			return int(a.reg) - int(b.reg)
		}
		return int(a.entry) - int(b.entry)
	})
}

// know looks up what the plan says about a register.
func (w *walker) know(r *register) {
	src := w.o.sources[r.src]
	kind := registerKind{w.op, src, w.o.system(r.src, w.pl), r.axis}
	if r.known = w.known[kind]; r.known != nil {
		return
	}
	k := &registerPlan{decl: w.pl.rollup(kind.system, r.axis), skew: w.pl.skew(src), origin: src == w.op.bind[w.op.role] && r.axis == AxisOrder}
	for role, s := range w.op.bind {
		if s == src {
			k.mask |= cellBit(CellRef{Role(role), r.axis})
		}
	}
	r.known, w.known[kind] = k, k
}

// walk steps through the history up to (not including) the instant end.
func (w *walker) walk(end Instant) {
	for lo := 0; lo < len(w.refs) && w.refs[lo].at < end; {
		hi := lo + 1
		for hi < len(w.refs) && w.refs[hi].at == w.refs[lo].at {
			hi++
		}
		w.step(w.refs[lo:hi])
		lo = hi
	}
}

// step applies every register change of one instant, rolls up the cells it
// touches and steps the rules that read them.
func (w *walker) step(refs []stepRef) {
	w.r.last = refs[0].at
	for i, x := range refs {
		if i+1 < len(refs) && refs[i+1].reg == x.reg {
			continue // a later change of the same register at the same instant
		}
		reg := &w.o.regs[x.reg]
		reg.value = w.entries[x.entry].state
	}
	var mask uint64
	for i, x := range refs {
		if i > 0 && w.sameCell(refs[i-1], x) {
			continue
		}
		mask |= w.settle(refs, x)
	}
	if mask == 0 {
		return
	}
	for i, j := range w.op.rules {
		if j.reads&mask != 0 {
			w.advance(j, &w.r.rules[i], refs[0].at)
		}
	}
}

func (w *walker) sameCell(a, b stepRef) bool {
	x, y := &w.o.regs[a.reg], &w.o.regs[b.reg]
	return x.src == y.src && x.axis == y.axis
}

// settle rolls up the cell of one changed register. It returns the mask of the
// cell's bits if its state changed.
func (w *walker) settle(refs []stepRef, x stepRef) uint64 {
	reg := &w.o.regs[x.reg]
	at := w.cell(reg.src, reg.axis)
	cell := &w.r.cells[at]
	next := w.o.rollUp(reg.src, reg.axis, reg.known.decl)
	if next == cell.state {
		return 0
	}
	var since Within
	first := true
	for k, y := range refs {
		if !w.sameCell(x, y) || k+1 < len(refs) && refs[k+1].reg == y.reg {
			continue
		}
		e := &w.entries[y.entry]
		if first {
			since, cell.by, first = e.within, e.by.ev.ID, false
			continue
		}
		since = latestOf(since, e.within)
	}
	if reg.known.origin {
		w.r.created = min(w.r.created, since.Earliest)
	}
	w.hide(at, cell.state, next, since.Earliest)
	cell.state, cell.since, cell.at, w.changed = next, since, refs[0].at, true
	return reg.known.mask
}

// cell returns the index of a cell of the run, adding it if new.
func (w *walker) cell(src uint8, axis Axis) int {
	for i := range w.r.cells {
		if w.r.cells[i].src == src && w.r.cells[i].axis == axis {
			return i
		}
	}
	w.r.cells = append(w.r.cells, cellRun{src: src, axis: axis, at: Beginning, since: Within{Beginning, Beginning}})
	return len(w.r.cells) - 1
}

func (w *walker) lookup(c CellRef) int {
	src := w.roles[c.Role]
	if src < 0 {
		return -1
	}
	for i := range w.r.cells {
		if int16(w.r.cells[i].src) == src && w.r.cells[i].axis == c.Axis {
			return i
		}
	}
	return -1
}

// CellState implements Facts.
func (w *walker) CellState(c CellRef) State {
	i := w.lookup(c)
	if i < 0 {
		return Absent
	}
	if i == w.swap {
		return w.swapState
	}
	return w.r.cells[i].state
}

// CellSince implements Facts.
func (w *walker) CellSince(c CellRef) (Instant, bool) {
	i := w.lookup(c)
	if i < 0 || w.r.cells[i].state == Absent {
		return 0, false
	}
	return w.r.cells[i].at, true
}

// Sum implements Facts.
func (w *walker) Sum(a AmountRef) (int64, string, bool) {
	src := w.roles[a.Role]
	if src < 0 {
		return 0, "", false
	}
	return w.amounts.sum(w.o, uint8(src), a.Kind)
}

// edge is when a predicate's present truth began: the latest beginning among
// the heard cells it reads, and the document that brought it.
func (w *walker) edge(cells []CellRef) (Within, EventID) {
	out := Within{Beginning, Beginning}
	var by EventID
	newest := Beginning
	for _, c := range cells {
		i := w.lookup(c)
		if i < 0 || w.r.cells[i].state == Absent {
			continue
		}
		out = latestOf(out, w.r.cells[i].since)
		if w.r.cells[i].at > newest {
			newest, by = w.r.cells[i].at, w.r.cells[i].by
		}
	}
	return out, by
}

// advance steps one rule at an instant of the history.
func (w *walker) advance(j *judge, r *ruleRun, at Instant) {
	closed := j.close.Eval(w)
	w.track(&r.close, closed, j.closeCells, at)
	void := False
	if j.unless != nil {
		void = j.unless.Eval(w)
		w.track(&r.unless, void, j.unlessCells, at)
	}
	w.turn(j, r, at)
	for i := range r.eps {
		e := &r.eps[i]
		if e.ended || e.voided {
			continue
		}
		switch {
		case closed == True && j.Fresh && r.close.at < e.a.Earliest.Add(-j.sigma):
			// the closing predicate holds since before the anchor: not fresh
		case closed == True:
			e.ended, e.until, e.untilAt = true, r.close.w, at
			_, e.untilBy = w.edge(j.closeCells)
		case void == True:
			e.voided, e.voidedAt = true, r.unless.w
		case closed == Unknown || void == Unknown:
			e.uncertain = true
		}
	}
}

// track keeps the newest stretch over which a predicate was certainly true.
func (w *walker) track(s *segment, v Truth, cells []CellRef, at Instant) {
	switch {
	case v == True && !s.on:
		s.on, s.seen, s.at = true, true, at
		s.w, _ = w.edge(cells)
	case v != True && s.on:
		s.on, s.end = false, at
	}
}

// turn follows the opening predicate: its false → true edge opens an episode,
// unknown in between opens nothing (S-10).
func (w *walker) turn(j *judge, r *ruleRun, at Instant) {
	switch j.open.Eval(w) {
	case Unknown:
		if r.unknown == 0 {
			r.unknown = at
		}
	case False:
		if r.last == True {
			for i := range r.eps {
				r.eps[i].runEnd = min(r.eps[i].runEnd, at)
			}
		}
		r.last, r.unknown = False, 0
	case True:
		if r.last == False && !w.bridged(j, r, at) {
			w.open(j, r, at)
		}
		r.last, r.unknown = True, 0
	}
}

// bridged continues a drift rule's last episode over a gap shorter than bridge.
func (w *walker) bridged(j *judge, r *ruleRun, at Instant) bool {
	if !j.drift || j.Bridge == 0 || len(r.eps) == 0 {
		return false
	}
	e := &r.eps[len(r.eps)-1]
	if !e.ended || at.Sub(e.untilAt) >= j.Bridge {
		return false
	}
	e.ended, e.runEnd = false, Forever
	return true
}

// open begins an episode and looks at what already closes it.
func (w *walker) open(j *judge, r *ruleRun, at Instant) {
	a, by := w.edge(j.openCells)
	e := episode{n: r.n, a: a, at: at, by: by, unknown: r.unknown, runEnd: Forever, hidden: Forever}
	r.n++
	from := a.Earliest.Add(-j.sigma)
	if s := &r.close; !j.drift && s.seen && (s.on || s.end > from) && (!j.Fresh || s.at >= from) {
		e.ended, e.until, e.untilAt = true, s.w, s.at
		_, e.untilBy = w.edge(j.closeCells)
		if s.at < from {
			e.until = Within{min(from, s.w.Earliest), min(from, s.w.Latest)}
		}
	} else if s := &r.unless; s.on {
		e.voided, e.voidedAt, e.atA = true, s.w, true
	}
	r.eps = append(r.eps, e)
}

// hide notes, for every open episode, whether its closing predicate could have
// been true in a state the cell passed through unseen in the gap (from, now]
// between two versions. Lifecycles are taken to run forward; states beside the
// line are passed only if they are of the passing sort (S-25).
func (w *walker) hide(cell int, before, after State, from Instant) {
	for i, j := range w.op.rules {
		r := &w.r.rules[i]
		if j.drift || !r.pending() || !w.readsCell(j.closeCells, cell) || !w.couldHide(j, cell, before, after) {
			continue
		}
		for k := range r.eps {
			if e := &r.eps[k]; !e.ended && !e.voided {
				e.hidden = min(e.hidden, from)
			}
		}
	}
}

// pending reports whether an episode has not ended.
func (r *ruleRun) pending() bool {
	for i := range r.eps {
		if !r.eps[i].ended && !r.eps[i].voided {
			return true
		}
	}
	return false
}

func (w *walker) readsCell(cells []CellRef, cell int) bool {
	for _, c := range cells {
		if w.lookup(c) == cell {
			return true
		}
	}
	return false
}

func (w *walker) couldHide(j *judge, cell int, before, after State) bool {
	axis := w.r.cells[cell].axis
	lo, hi := axis.Rank(before), axis.Rank(after)
	found := false
	w.swap = cell
	for _, s := range axes[axis].codes {
		info := &axes[axis].states[s]
		between := hi > 0 && (lo > 0 || before == Absent) && int(info.rank) > lo && int(info.rank) < hi
		if s == before || s == after || !between && !info.passing {
			continue
		}
		w.swapState = s
		if j.close.Eval(w) == True {
			found = true
			break
		}
	}
	w.swap = -1
	return found
}
