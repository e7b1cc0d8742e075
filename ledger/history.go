package ledger

// resolved is the outcome of all current claims of one version.
type resolved struct {
	ref
	state State
}

// history derives the register's entries after its base (S-6, S-12): one per
// version, with the dated claims of each document just before the first
// version that carries them.
func (r *register) history(w *walker) {
	r.restart()
	r.emit(w, r.firstVersions(w), 0)
}

// restart goes back to where the register's base ends.
func (r *register) restart() {
	r.at, r.floor, r.top, r.value = Beginning, Beginning, nil, Absent
	if r.base != nil {
		r.value = r.base.state
		if r.base.used {
			r.at, r.floor = r.base.at, r.base.stamp
		}
	}
}

// emit appends to the register's history the dated claims given, in the order
// they enter it, and its current claims from an index on.
func (r *register) emit(w *walker, dated []ref, from int) {
	r.lo = int32(len(w.entries))
	for lo := from; lo < len(r.current); {
		hi := lo + 1
		for hi < len(r.current) && compareVersions(r.current[lo].claim(), r.current[hi].claim()) == 0 {
			hi++
		}
		win := resolve(r.current[lo:hi], w.pl)
		for len(dated) > 0 && compareVersions(dated[0].claim(), win.claim()) <= 0 {
			r.put(w, dated[0], dated[0].state(), dated[0].claim().Earliest)
			dated = dated[1:]
		}
		r.put(w, win.ref, win.state, max(r.floor, r.heardSince(lo, w.pl)))
		lo = hi
	}
	for _, x := range dated {
		r.put(w, x, x.state(), x.claim().Earliest)
	}
	r.n = int32(len(w.entries)) - r.lo
}

// put appends one entry to the register's history.
func (r *register) put(w *walker, x ref, state State, earliest Instant) {
	c := x.claim()
	version := c
	if c.Mode != Current {
		version = nil
	}
	latest := min(c.Latest, x.d.received.Add(r.known.skew))
	r.at, r.floor = max(r.at, c.Earliest), max(r.floor, c.Earliest)
	if r.top == nil || compareVersions(c, r.top) > 0 {
		r.top = c
	}
	w.entries = append(w.entries, entry{at: r.at, within: Within{min(earliest, latest), latest}, state: state, by: x.d, claim: c, version: version})
}

// extend appends the claims of the newest document to the register's history.
// It reports false if they do not all stand behind everything held, so that
// the history must be derived anew.
func (r *register) extend(w *walker, d *doc) bool {
	fresh := 0
	for i := range r.current {
		if r.current[i].d == d {
			fresh++
		}
	}
	from := len(r.current) - fresh
	if fresh > 1 || fresh == 1 && r.current[from].d != d {
		return false
	}
	if fresh == 1 && from > 0 {
		before := r.current[from-1]
		if compareVersions(before.claim(), r.current[from].claim()) >= 0 || before.d.prev == 0 && d.prev != 0 {
			return false // a read narrows the beginnings of what no read showed before
		}
	}
	dated := w.dated[:0]
	for i, x := range r.dated {
		if x.d != d || i > 0 && sameDated(r.dated[i-1], x) {
			continue
		}
		if i+1 < len(r.dated) && sameDated(x, r.dated[i+1]) && r.dated[i+1].d != d {
			return false // it takes the place of a later copy of the claim
		}
		if r.base.repeats(x.claim()) {
			continue
		}
		dated = append(dated, x)
	}
	w.dated = dated
	if r.top != nil {
		for _, x := range dated {
			if compareVersions(x.claim(), r.top) <= 0 {
				return false
			}
		}
		if fresh == 1 && compareVersions(r.current[from].claim(), r.top) <= 0 {
			return false
		}
	}
	byVersion(dated)
	r.emit(w, dated, from)
	return true
}

// sameDated reports whether two documents date the same state alike.
func sameDated(a, b ref) bool {
	return a.claim().Native == b.claim().Native && a.claim().Earliest == b.claim().Earliest
}

// byVersion sorts dated claims by version; stable, so that stamps decide
// within one version.
func byVersion(list []ref) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && compareVersions(list[j-1].claim(), list[j].claim()) > 0; j-- {
			list[j-1], list[j] = list[j], list[j-1]
		}
	}
}

// firstVersions lists the dated claims once each, at the first version of
// their document, in the order they enter the history.
func (r *register) firstVersions(w *walker) []ref {
	if len(r.dated) == 0 {
		return nil
	}
	out := w.dated[:0]
	for _, x := range r.dated {
		if n := len(out); n > 0 && sameDated(out[n-1], x) {
			continue // a later version of the same document repeats it
		}
		if r.base.repeats(x.claim()) {
			continue
		}
		out = append(out, x)
	}
	byVersion(out)
	w.dated = out
	return out
}

func (b *registerBase) repeats(c *Claim) bool {
	if b == nil {
		return false
	}
	for _, m := range b.dated {
		if m.native == c.Native && m.stamp == c.Earliest {
			return true
		}
	}
	return false
}

// heardSince is the bound that a poll gives the claims from index lo on: the
// first asking of the poll before the one that read it, or before the next
// later one that was read, less the feed's settle time (S-12).
func (r *register) heardSince(lo int, pl *plan) Instant {
	for _, x := range r.current[lo:] {
		if x.d.prev != 0 {
			return x.d.prev - Instant(pl.settle(x.d.ev.Source, x.d.ev.Feed))
		}
	}
	return Beginning
}

// resolve decides between the claims of one version (S-6): the last-asked read
// wins once it was asked late enough to be settled; otherwise it and the
// deliveries contend by tie rank, and an unmapped word among several different
// ones is a conflict.
func resolve(group []ref, pl *plan) resolved {
	if len(group) == 1 {
		return resolved{group[0], group[0].state()}
	}
	read := -1
	for i, x := range group {
		if x.d.asked != 0 && (read < 0 || x.d.asked > group[read].d.asked) {
			read = i
		}
	}
	if read >= 0 {
		x := group[read]
		if x.d.asked >= x.claim().Latest.Add(pl.settle(x.d.ev.Source, x.d.ev.Feed)) {
			return resolved{x, x.state()}
		}
	}
	best, words, unmapped := -1, 0, false
	for i, x := range group {
		if x.d.asked != 0 && !x.d.delivered && i != read {
			continue // an older read of the same version
		}
		if best < 0 || x.claim().Native != group[best].claim().Native {
			words++
		}
		unmapped = unmapped || x.state() == Unmapped
		if best < 0 || x.state() > group[best].state() {
			best = i
		}
	}
	if words > 1 && unmapped {
		return resolved{group[best], Conflict}
	}
	return resolved{group[best], group[best].state()}
}
