package judge

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// hearing is what the ticks said of one feed.
type hearing struct {
	key       ledger.FeedKey
	epoch     ledger.Epoch
	heard     []ledger.Interval // disjoint, ascending
	holes     []ledger.Hole
	lastHeard ledger.Instant
	unkeyed   bool
	// later are statuses that wait until what they cover has found its orders:
	// the oldest and the newest.
	later  []ledger.FeedCoverage
	known  ledger.Instant // the clock when it was first spoken of
	silent bool
}

func (j *Judge) hearing(k ledger.FeedKey) *hearing {
	h := j.feeds[k]
	if h == nil {
		h = &hearing{key: k, known: j.watch.clock}
		j.feeds[k] = h
	}
	return h
}

// hear takes what a tick says of the feed, once all it covers has been joined.
func (h *hearing) hear(j *Judge, c *ledger.FeedCoverage) {
	if j.forwarded(c) {
		h.later = nil
		h.take(c)
		return
	}
	h.lastHeard = max(h.lastHeard, c.LastHeard)
	if len(h.later) == 2 {
		h.later = h.later[:1]
	}
	h.later = append(slices.Clone(h.later), *c)
}

// catchUp takes the statuses whose records have been joined meanwhile.
func (h *hearing) catchUp(j *Judge) {
	for len(h.later) > 0 && j.forwarded(&h.later[0]) {
		h.take(&h.later[0])
		h.later = h.later[1:]
	}
}

// forwarded reports whether every unkeyed record that a status covers was joined
// or waited long enough (S-37).
func (j *Judge) forwarded(c *ledger.FeedCoverage) bool {
	for _, u := range c.Unkeyed {
		f, ok := j.joined[u.Partition]
		if !ok || f.Through <= u.Offset {
			return false
		}
		if slices.ContainsFunc(f.Held, func(x ledger.HeldFeed) bool {
			return x.Feed == ledger.FeedKey{Source: c.Source, Feed: c.Feed} && x.Offset <= u.Offset
		}) {
			return false
		}
	}
	return true
}

// take merges a status: within an epoch coverage only grows; a later one begins
// by withdrawing; an earlier one, or a rival's of the same number, is not heard.
func (h *hearing) take(c *ledger.FeedCoverage) {
	if c.Epoch.Number < h.epoch.Number || c.Epoch.Number == h.epoch.Number && h.epoch.OpenedBy != "" && h.epoch.OpenedBy != c.Epoch.OpenedBy {
		return
	}
	if c.Epoch.Number > h.epoch.Number {
		for _, iv := range c.Withdrawn {
			h.heard = without(h.heard, iv)
		}
	}
	h.epoch = c.Epoch
	for _, iv := range c.Intervals {
		h.heard = with(h.heard, iv)
	}
	if c.LastHeard >= h.lastHeard {
		h.holes = slices.Clone(c.Holes)
	} else {
		for _, x := range c.Holes {
			if !slices.Contains(h.holes, x) {
				h.holes = append(h.holes, x)
			}
		}
	}
	h.lastHeard = max(h.lastHeard, c.LastHeard)
	h.unkeyed = h.unkeyed || len(c.Unkeyed) > 0
}

// silences looks which feeds have not been heard for longer than they may (S-21).
func (j *Judge) silences() {
	for k, h := range j.feeds { //lint:a each is looked at alone
		spec := j.law.feed(k)
		if spec == nil {
			continue
		}
		if h.known == 0 {
			h.known = j.watch.clock
		}
		if spec.Coverage == ledger.CoverageAssumed || len(spec.Proves) == 0 || j.watch.clock == 0 {
			continue
		}
		until := end(h.heard)
		for i := range h.later {
			if len(h.later[i].Intervals) > 0 {
				until = max(until, end(h.later[i].Intervals))
			}
		}
		if until == ledger.Beginning {
			until = h.known
		}
		h.silent = j.watch.clock.Sub(until) > spec.Settle+2*spec.ExpectedEvery
	}
}

func end(set []ledger.Interval) ledger.Instant {
	if len(set) == 0 {
		return ledger.Beginning
	}
	return set[len(set)-1].Until
}

// with is a set of stretches and one more; those that touch are one.
func with(set []ledger.Interval, iv ledger.Interval) []ledger.Interval {
	if iv.From >= iv.Until {
		return set
	}
	all := append(slices.Clone(set), iv)
	slices.SortFunc(all, func(a, b ledger.Interval) int { return compareInstants(a.From, b.From) })
	out := all[:1]
	for _, x := range all[1:] {
		if last := &out[len(out)-1]; x.From <= last.Until {
			last.Until = max(last.Until, x.Until)
		} else {
			out = append(out, x)
		}
	}
	return out
}

// without is a set of stretches less one.
func without(set []ledger.Interval, iv ledger.Interval) []ledger.Interval {
	var out []ledger.Interval
	for _, x := range set {
		for _, rest := range []ledger.Interval{{From: x.From, Until: min(x.Until, iv.From)}, {From: max(x.From, iv.Until), Until: x.Until}} {
			if rest.From < rest.Until {
				out = append(out, rest)
			}
		}
	}
	return out
}

func contains(set []ledger.Interval, iv ledger.Interval) bool {
	return slices.ContainsFunc(set, func(x ledger.Interval) bool { return x.From <= iv.From && iv.Until <= x.Until })
}

// proof is what can be said of a feed's silence over a stretch.
type proof struct {
	heard      bool
	incomplete bool // a record in quarantine stands in it, and is old
	held       bool // nothing but a young one keeps it from being heard
}

// over asks whether the feed was heard over a stretch (S-20).
func (h *hearing) over(iv ledger.Interval, clock ledger.Instant, holdMax ledger.Micros) proof {
	sound, patient, hopeful := h.heard, h.heard, h.heard
	young := false
	for _, x := range h.holes {
		sound = without(sound, x.Interval)
		hopeful = with(hopeful, x.Interval)
		if clock >= x.ReceivedAt.Add(holdMax) {
			patient = with(patient, x.Interval)
		}
	}
	for _, x := range h.holes {
		if clock < x.ReceivedAt.Add(holdMax) {
			patient = without(patient, x.Interval)
			young = young || x.Interval.From < iv.Until && iv.From < x.Interval.Until
		}
	}
	switch {
	case contains(sound, iv):
		return proof{heard: true}
	case contains(patient, iv):
		return proof{heard: true, incomplete: true}
	}
	return proof{held: young && contains(hopeful, iv)}
}
