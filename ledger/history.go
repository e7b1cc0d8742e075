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
	pl := w.pl
	first := len(w.entries)
	at, floor := Beginning, Beginning
	if r.base != nil && r.base.used {
		at, floor = r.base.at, r.base.stamp
	}
	dated := r.firstVersions(w)
	skew := r.known.skew
	put := func(x ref, state State, earliest Instant) {
		c := x.claim()
		version := c
		if c.Mode != Current {
			version = nil
		}
		latest := min(c.Latest, x.d.received.Add(skew))
		at = max(at, c.Earliest)
		w.entries = append(w.entries, entry{at: at, within: Within{min(earliest, latest), latest}, state: state, by: x.d, claim: c, version: version})
		floor = max(floor, c.Earliest)
	}
	takeDated := func(before *Claim) {
		for len(dated) > 0 && (before == nil || compareVersions(dated[0].claim(), before) <= 0) {
			put(dated[0], dated[0].state(), dated[0].claim().Earliest)
			dated = dated[1:]
		}
	}
	for lo := 0; lo < len(r.current); {
		hi := lo + 1
		for hi < len(r.current) && compareVersions(r.current[lo].claim(), r.current[hi].claim()) == 0 {
			hi++
		}
		win := resolve(r.current[lo:hi], pl)
		takeDated(win.claim())
		put(win.ref, win.state, max(floor, r.heardSince(lo, pl)))
		lo = hi
	}
	takeDated(nil)
	r.entries = w.entries[first:len(w.entries):len(w.entries)]
}

// firstVersions lists the dated claims once each, at the first version of
// their document, in the order they enter the history.
func (r *register) firstVersions(w *walker) []ref {
	if len(r.dated) == 0 {
		return nil
	}
	out := w.dated[:0]
	for _, x := range r.dated {
		c := x.claim()
		if n := len(out); n > 0 && out[n-1].claim().Native == c.Native && out[n-1].claim().Earliest == c.Earliest {
			continue // a later version of the same document repeats it
		}
		if r.base.repeats(c) {
			continue
		}
		out = append(out, x)
	}
	// by first version; stable, so that stamps decide within one version
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && compareVersions(out[j-1].claim(), out[j].claim()) > 0; j-- {
			out[j-1], out[j] = out[j], out[j-1]
		}
	}
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

// conflicting reports whether the claims of one version disagree in their words.
func conflicting(group []ref) bool {
	for _, x := range group[1:] {
		if x.claim().Native != group[0].claim().Native {
			return true
		}
	}
	return false
}
