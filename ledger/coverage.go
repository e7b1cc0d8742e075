package ledger

import (
	"slices"
	"strings"
)

// FeedKey names one feed of one source.
type FeedKey struct {
	Source Source
	Feed   string
}

// String returns "source/feed".
func (k FeedKey) String() string { return string(k.Source) + "/" + k.Feed }

// Compare orders feeds by source, then name.
func (k FeedKey) Compare(l FeedKey) int {
	if c := strings.Compare(string(k.Source), string(l.Source)); c != 0 {
		return c
	}
	return strings.Compare(k.Feed, l.Feed)
}

// AddInterval returns the union of a set of disjoint ascending intervals and
// one more; touching intervals join. The set is not modified.
func AddInterval(set []Interval, iv Interval) []Interval {
	if iv.From >= iv.Until {
		return set
	}
	out := make([]Interval, 0, len(set)+1)
	for _, s := range set {
		switch {
		case s.Until < iv.From:
			out = append(out, s)
		case iv.Until < s.From:
			out = append(out, iv)
			iv = s
		default:
			iv = Interval{From: min(iv.From, s.From), Until: max(iv.Until, s.Until)}
		}
	}
	return append(out, iv)
}

// CutInterval returns the set without the stretch iv.
func CutInterval(set []Interval, iv Interval) []Interval {
	out := make([]Interval, 0, len(set)+1)
	for _, s := range set {
		if s.Until <= iv.From || iv.Until <= s.From {
			out = append(out, s)
			continue
		}
		if s.From < iv.From {
			out = append(out, Interval{From: s.From, Until: iv.From})
		}
		if iv.Until < s.Until {
			out = append(out, Interval{From: iv.Until, Until: s.Until})
		}
	}
	return out
}

// CoversInterval reports whether one interval of the set contains iv.
func CoversInterval(set []Interval, iv Interval) bool {
	for _, s := range set {
		if s.From <= iv.From && iv.Until <= s.Until {
			return true
		}
	}
	return false
}

// Feed is what a partition knows of one feed: the coverage that ticks brought.
type Feed struct {
	Key          FeedKey
	Epoch        Epoch
	Intervals    []Interval
	Withdrawn    []Interval
	Holes        []Hole
	LastHeard    Instant
	SkewExceeded bool
	// Unkeyed is how far the feed has appended records without a computable key,
	// as the newest satisfied status says.
	Unkeyed []UnkeyedOffset
	// Next are statuses that wait until their unkeyed records are joined.
	Next []FeedCoverage
	// Known is the clock at which the policy first named the feed.
	Known Instant
	// Silent is whether the feed's lag exceeded its patience at the last tick.
	Silent bool
}

// Until is the end of the newest stretch heard, Beginning if none.
func (f *Feed) Until() Instant {
	if len(f.Intervals) == 0 {
		return Beginning
	}
	return f.Intervals[len(f.Intervals)-1].Until
}

// heardTo is the instant from which the feed's silence counts: the end of what
// its connectors heard, whether it was joined to its orders yet or not, or when
// the policy first named a feed that never was heard.
func (f *Feed) heardTo() Instant {
	until := f.Until()
	for i := range f.Next {
		if list := f.Next[i].Intervals; len(list) > 0 {
			until = max(until, list[len(list)-1].Until)
		}
	}
	if until == Beginning {
		return f.Known
	}
	return until
}

// merge takes in what a tick says of the feed. It returns whether coverage
// grew and whether some was withdrawn. Merging is a union within an epoch and
// forgets only what a later epoch withdrew, so the order of ticks inside an
// epoch does not matter.
func (f *Feed) merge(c *FeedCoverage) (grew, shrank bool) {
	switch {
	case c.Epoch.Number < f.Epoch.Number,
		c.Epoch.Number == f.Epoch.Number && f.Epoch.OpenedBy != "" && c.Epoch.OpenedBy != f.Epoch.OpenedBy:
		return false, false
	case c.Epoch.Number > f.Epoch.Number:
		for _, iv := range c.Withdrawn {
			cut := CutInterval(f.Intervals, iv)
			shrank = shrank || !slices.Equal(cut, f.Intervals)
			f.Intervals = cut
		}
		f.Withdrawn = slices.Clone(c.Withdrawn)
	}
	f.Epoch = c.Epoch
	before := f.Intervals
	for _, iv := range c.Intervals {
		if !CoversInterval(f.Intervals, iv) {
			f.Intervals = AddInterval(f.Intervals, iv)
			grew = true
		}
	}
	if holes := f.holesAfter(c); !slices.Equal(f.Holes, holes) {
		for i := range holes { // what was proven over a new hole is no longer
			shrank = shrank || !slices.Contains(f.Holes, holes[i])
		}
		f.Holes = holes
		grew = true
	}
	f.LastHeard = max(f.LastHeard, c.LastHeard)
	f.SkewExceeded = c.SkewExceeded
	if len(c.Unkeyed) > 0 {
		f.Unkeyed = slices.Clone(c.Unkeyed)
	}
	return grew || !slices.Equal(before, f.Intervals), shrank
}

// holesAfter are the feed's holes once it takes in what a tick says: holes are
// only forgotten by the newest word, so that a tick that was long under way
// brings none back to health.
func (f *Feed) holesAfter(c *FeedCoverage) []Hole {
	if c.LastHeard >= f.LastHeard {
		return slices.Clone(c.Holes)
	}
	out := slices.Clone(f.Holes)
	for i := range c.Holes {
		if !slices.Contains(out, c.Holes[i]) {
			out = append(out, c.Holes[i])
		}
	}
	return out
}

// heard is the outcome of asking a feed about a stretch of time.
type heard struct {
	ok bool
	// incomplete: only a hole older than hold_max stands in the stretch.
	incomplete bool
	hole       string
	// held names a younger hole, if nothing else keeps the stretch from being
	// heard; free is when the last of them is old enough.
	held string
	free Instant
	// until is how far the feed was heard without interruption from the
	// stretch's start (or its newest end, if it never covered the start).
	until Instant
}

// covers asks whether the feed was heard over iv at the given clock. A hole was
// not heard, whatever the intervals say, until it is older than holdMax (S-20).
func (f *Feed) covers(iv Interval, clock Instant, holdMax Micros) heard {
	if len(f.Holes) == 0 {
		if CoversInterval(f.Intervals, iv) {
			return heard{ok: true, until: iv.Until}
		}
		return heard{until: heardFrom(f.Intervals, iv)}
	}
	whole, aged := f.Intervals, f.Intervals
	var out heard
	for i := range f.Holes {
		h := &f.Holes[i]
		whole = CutInterval(whole, h.Interval)
		if clock >= h.ReceivedAt.Add(holdMax) {
			aged = AddInterval(aged, h.Interval)
		}
	}
	all := aged
	for i := range f.Holes {
		h := &f.Holes[i]
		over := h.Interval.From < iv.Until && iv.From < h.Interval.Until
		free := h.ReceivedAt.Add(holdMax)
		switch {
		case clock >= free && over:
			out.hole = h.Quarantine
		case clock < free:
			aged = CutInterval(aged, h.Interval)
			all = AddInterval(all, h.Interval)
			if over && free > out.free {
				out.held, out.free = h.Quarantine, free
			}
		}
	}
	switch {
	case CoversInterval(whole, iv):
		return heard{ok: true, until: iv.Until}
	case CoversInterval(aged, iv):
		return heard{ok: true, incomplete: true, hole: out.hole, until: iv.Until}
	case !CoversInterval(all, iv):
		out.held, out.free = "", 0
	}
	return heard{held: out.held, free: out.free, until: heardFrom(whole, iv)}
}

// heardFrom is how far a set of intervals reaches without interruption from a
// stretch's start, its newest end if it does not cover that.
func heardFrom(set []Interval, iv Interval) Instant {
	until := Beginning
	for _, s := range set {
		if s.From <= iv.From && iv.From < s.Until {
			return s.Until
		}
		until = s.Until
	}
	return until
}
