package ledger

import "slices"

// cells explains every cell that was heard, by source and axis.
func (e *explainer) cells() []CellWhy {
	var out []CellWhy
	for _, view := range slices.Clone(e.p.summary(e.o).Cells) {
		c := CellWhy{CellView: view}
		src := e.o.find(view.Source)
		for i := range e.o.regs {
			r := &e.o.regs[i]
			if int(r.src) != src || r.axis != view.Axis {
				continue
			}
			c.System = e.o.system(r.src, e.p.plan)
			decl := r.known.decl
			if decl != nil {
				c.How, c.Objects = decl.How, decl.Objects
			}
			if len(c.Registers) >= explainedRegisters {
				c.More++
				continue
			}
			c.Registers = append(c.Registers, e.register(r, decl == nil || declared(decl, r.object.Type)))
		}
		out = append(out, c)
	}
	return out
}

// absent explains the cells that a bound source could have filled.
func (e *explainer) absent() []CellWhy {
	var out []CellWhy
	for role := RoleStorefront; int(role) <= Roles; role++ {
		spec := e.p.plan.sources[e.op.bind[role]]
		if spec == nil {
			continue
		}
		for axis := Axis(1); axis <= Axes; axis++ {
			if e.hasCell(spec.Name, axis) {
				continue
			}
			c := CellWhy{CellView: CellView{Source: spec.Name, Axis: axis}, System: spec.System}
			for i := range spec.Feeds {
				f := &spec.Feeds[i]
				if slices.ContainsFunc(f.Proves, func(pr Proof) bool { return pr.Axis == axis }) {
					c.Feeds = append(c.Feeds, e.hearing(FeedKey{spec.Name, f.Name}, e.soFar(FeedKey{spec.Name, f.Name}, f)))
				}
			}
			if len(c.Feeds) > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

// soFar is the order's life as far as a feed was heard of it: from its creation,
// or its first document if the origin was never heard.
func (e *explainer) soFar(k FeedKey, spec *FeedSpec) Interval {
	from := e.o.run.created
	for _, d := range e.o.docs {
		if e.o.run.created == Forever {
			from = min(from, d.received)
		}
	}
	until := e.p.feed(k).Until()
	if spec.Coverage == CoverageAssumed {
		until = e.p.guard.Clock.Add(-spec.Settle)
	}
	for _, l := range e.o.looked {
		if l.feed == k {
			until = max(until, l.until)
		}
	}
	return Interval{From: from, Until: max(from.Add(1), until)}
}

func (e *explainer) hasCell(s Source, a Axis) bool {
	src := e.o.find(s)
	return slices.ContainsFunc(e.o.run.cells, func(c cellRun) bool { return int(c.src) == src && c.axis == a })
}

// register explains one object's part.
func (e *explainer) register(r *register, counts bool) RegisterWhy {
	out := RegisterWhy{Object: r.object, Counts: counts, State: r.value}
	if r.n == 0 {
		return out
	}
	last := &e.p.w.entries[r.lo+r.n-1]
	won := ref{last.by, claimIndex(last.by, last.claim)}
	c := e.claim(r, won)
	c.Within = last.within
	out.Decides = &c
	add := func(x ref, why Lost) {
		if len(out.Others) >= explainedClaims {
			out.More++
			return
		}
		l := e.claim(r, x)
		l.Lost = why
		out.Others = append(out.Others, l)
	}
	for i := len(r.current) - 1; i >= 0; i-- {
		if x := r.current[i]; x != won {
			add(x, e.lost(r, won, x, last.state))
		}
	}
	for i := len(r.dated) - 1; i >= 0; i-- {
		x := r.dated[i]
		switch {
		case x == won || i > 0 && sameDated(r.dated[i-1], x):
			// a later version of a document repeats what it dates
		case sameDated(x, won) && won.claim().Mode != Current:
		default:
			add(x, LostDated)
		}
	}
	return out
}

// lost says why a current claim does not decide, as resolve decides.
func (e *explainer) lost(r *register, won, x ref, state State) Lost {
	if won.claim().Mode != Current || compareVersions(x.claim(), won.claim()) != 0 {
		return LostOlder
	}
	switch {
	case x.claim().Native == won.claim().Native:
		return LostRepeats
	case state == Conflict:
		return LostConflict
	case x.d.asked != 0 && !x.d.delivered && x.d.asked < e.lastAsked(r, won.claim()):
		return LostReread
	case won.d.asked != 0 && won.d.asked == e.lastAsked(r, won.claim()) &&
		won.d.asked >= won.claim().Latest.Add(e.p.plan.settle(won.d.ev.Source, won.d.ev.Feed)):
		return LostReread
	default:
		return LostRank
	}
}

// lastAsked is when a version was last read.
func (e *explainer) lastAsked(r *register, version *Claim) Instant {
	last := Instant(0)
	for _, x := range r.current {
		if compareVersions(x.claim(), version) == 0 {
			last = max(last, x.d.asked)
		}
	}
	return last
}

func claimIndex(d *doc, c *Claim) int {
	for i := range d.ev.Claims {
		if &d.ev.Claims[i] == c {
			return i
		}
	}
	return 0
}

// claim tells what a claim says, and what the matrix makes of it.
func (e *explainer) claim(r *register, x ref) ClaimWhy {
	c := x.claim()
	out := ClaimWhy{Event: x.d.ev.ID, Source: x.d.ev.Source, Feed: x.d.ev.Feed, Order: x.d.ev.Order, Object: c.Object, Mode: c.Mode, Native: c.Native,
		Version: c.Version, Within: Within{c.Earliest, min(c.Latest, x.d.received.Add(r.known.skew))}, Received: x.d.received, Asked: x.d.asked,
		Offset: x.d.offset}
	if !e.o.whole { // in a merged order documents come by their members
		out.By = x.d.by()
	}
	out.Row = MatrixRow{System: x.d.ev.System, Axis: c.Axis, Native: c.Native, State: x.state()}
	if e.p.plan.newest == nil {
		return out
	}
	rows := e.p.plan.newest.Rows
	if at, ok := slices.BinarySearchFunc(rows, out.Row, MatrixRow.Compare); ok {
		out.Row, out.Mapped = rows[at], true
	}
	return out
}
