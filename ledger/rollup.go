package ledger

// rollUp turns the registers of one cell into its state, as the matrix
// declares (S-7). Values are the registers' current step while walking.
func (o *order) rollUp(src uint8, axis Axis, decl *Rollup) State {
	if decl == nil || decl.How == RollupProgress {
		return o.progress(src, axis, func(object string) bool { return decl == nil || declared(decl, object) })
	}
	best := Absent
	for i, object := range decl.Objects {
		s := o.progress(src, axis, func(t string) bool { return t == object })
		switch {
		case s == Absent:
		case !s.Certain():
			return s
		case best == Absent:
			best = s
		case decl.How == RollupFurthest && ahead(axis, s, best):
			best = s
		case decl.How == RollupLead && i > 0 && ahead(axis, s, best) && axis.settled(best):
			best = s
		}
	}
	return best
}

func declared(decl *Rollup, object string) bool {
	if len(decl.Objects) == 0 {
		return true
	}
	for _, d := range decl.Objects {
		if d == object {
			return true
		}
	}
	return false
}

// ahead reports whether a stands further along than b: by rank on the line; a
// state beside the line is ahead of one on it, since it ends or suspends it.
func ahead(axis Axis, a, b State) bool {
	ra, rb := axis.Rank(a), axis.Rank(b)
	if ra == 0 || rb == 0 {
		return ra == 0 && rb != 0 || ra == 0 && a > b
	}
	return ra > rb
}

// settled reports whether s lies at or beyond the state from which objects
// below the leading one may say more.
func (a Axis) settled(s State) bool {
	return a.Rank(s) > 0 && a.Rank(s) >= a.Rank(axes[a].leadFrom)
}

// progress rolls up objects of one kind: all at one state give it; on the
// line, the first milestone that some passed and some did not gives its
// partial state; states beside the line count only if nothing else is there.
func (o *order) progress(src uint8, axis Axis, take func(object string) bool) State {
	lo, hi, beside := Absent, Absent, Absent
	for i := range o.regs {
		r := &o.regs[i]
		if r.src != src || r.axis != axis || r.value == Absent || !take(r.object.Type) {
			continue
		}
		switch v := r.value; {
		case v == Conflict || v == Unmapped:
			beside = max(beside, v+60) // above every canonical state
		case axis.Rank(v) == 0:
			if beside < 60 {
				beside = max(beside, v)
			}
		default:
			if lo == Absent || axis.Rank(v) < axis.Rank(lo) {
				lo = v
			}
			if hi == Absent || axis.Rank(v) > axis.Rank(hi) {
				hi = v
			}
		}
	}
	switch {
	case beside > 60:
		return beside - 60
	case lo == Absent:
		return beside
	case lo == hi:
		return lo
	}
	return axis.between(lo, hi)
}

// between returns the partial state of the first milestone that hi reached and
// lo did not; lo if there is none.
func (a Axis) between(lo, hi State) State {
	rl, rh := a.Rank(lo), a.Rank(hi)
	for code := range axes[a].states { // states on the line ascend with their number
		w := &axes[a].states[code]
		if w.partial != Absent && int(w.rank) > rl && int(w.rank) <= rh {
			if a.Rank(w.partial) < rl {
				return lo // already past that partial state
			}
			return w.partial
		}
	}
	return lo
}
