package judge

import (
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// stretch is (Earliest, Latest] in which something began.
type stretch = ledger.Within

// both is when two things hold that began in a and in b.
func both(a, b stretch) stretch {
	return stretch{Earliest: max(a.Earliest, b.Earliest), Latest: max(a.Latest, b.Latest)}
}

// change is one step in the history of one object.
type change struct {
	at    ledger.Instant // where it stands: never before the one before it
	began stretch
	state ledger.State
}

// compareVersions orders two claims of one object: by version, or by stamp where
// the source has none.
func compareVersions(a, b *ledger.Claim) int {
	switch {
	case a.Version.Scheme != b.Version.Scheme:
		return int(a.Version.Scheme) - int(b.Version.Scheme)
	case a.Version.Scheme == ledger.SchemeNone:
		return compareInstants(a.Earliest, b.Earliest)
	}
	return slices.Compare(a.Version.Parts[:], b.Version.Parts[:])
}

func compareInstants(a, b ledger.Instant) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// historyOf lays out what happened to one object (S-6, S-12).
func (l *law) historyOf(words []word) []change {
	var current, dated []word
	for _, w := range words {
		if w.Mode == ledger.Current {
			current = append(current, w)
		} else {
			dated = append(dated, w)
		}
	}
	byVersion := func(a, b word) int { return compareVersions(&a.Claim, &b.Claim) }
	slices.SortStableFunc(current, byVersion)
	dated = onceEach(dated)

	var out []change
	at, floor := ledger.Beginning, ledger.Beginning // of the last change, and the newest stamp
	put := func(w word, state ledger.State, earliest ledger.Instant) {
		at, floor = max(at, w.Earliest), max(floor, w.Earliest)
		latest := min(w.Latest, w.received.Add(l.skew(w.ev.Source)))
		out = append(out, change{at, stretch{Earliest: min(earliest, latest), Latest: latest}, state})
	}
	for i := 0; i < len(current); {
		n := i
		for n < len(current) && byVersion(current[i], current[n]) == 0 {
			n++
		}
		for len(dated) > 0 && byVersion(dated[0], current[i]) <= 0 {
			put(dated[0], dated[0].state, dated[0].Earliest)
			dated = dated[1:]
		}
		w, state := l.decide(current[i:n])
		put(w, state, max(floor, l.firstShown(current[i:])))
		i = n
	}
	for _, w := range dated {
		put(w, w.state, w.Earliest)
	}
	return out
}

// onceEach keeps of every dated state the copy of least version and id, in the
// order in which they enter the history: by version, stamp, word.
func onceEach(dated []word) []word {
	type mark struct {
		native string
		stamp  ledger.Instant
	}
	least := map[mark]word{}
	for _, w := range dated { // by event id
		m := mark{w.Native, w.Earliest}
		if old, ok := least[m]; !ok || compareVersions(&w.Claim, &old.Claim) < 0 {
			least[m] = w
		}
	}
	var out []word
	for _, w := range least { //lint:sorted below
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b word) int {
		if c := compareVersions(&a.Claim, &b.Claim); c != 0 {
			return c
		}
		if c := compareInstants(a.Earliest, b.Earliest); c != 0 {
			return c
		}
		return strings.Compare(a.Native, b.Native)
	})
	return out
}

// firstShown is the bound that polls give to the first of some claims: had its
// state begun before, the poll before the one that showed it, or any later one,
// would have shown it.
func (l *law) firstShown(current []word) ledger.Instant {
	for _, w := range current {
		if w.prev != 0 {
			return w.prev.Add(-l.settle(ledger.FeedKey{Source: w.ev.Source, Feed: w.ev.Feed}))
		}
	}
	return ledger.Beginning
}

// decide says which of the claims of one version holds (S-6).
func (l *law) decide(claims []word) (word, ledger.State) {
	if len(claims) == 1 {
		return claims[0], claims[0].state
	}
	var read *word
	for i := range claims {
		if w := &claims[i]; w.asked != 0 && (read == nil || w.asked > read.asked) {
			read = w
		}
	}
	if read != nil && read.asked >= read.Latest.Add(l.settle(ledger.FeedKey{Source: read.ev.Source, Feed: read.ev.Feed})) {
		return *read, read.state
	}
	var best *word
	words, unmapped := map[string]bool{}, false
	for i := range claims {
		w := &claims[i]
		if w.asked != 0 && !w.delivered && w != read {
			continue // a read that a later one replaced
		}
		words[w.Native], unmapped = true, unmapped || w.state == ledger.Unmapped
		if best == nil || w.state > best.state {
			best = w
		}
	}
	if len(words) > 1 && unmapped {
		return *best, ledger.Conflict
	}
	return *best, best.state
}
