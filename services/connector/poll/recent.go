package poll

import "github.com/orderledger/orderledger/ledger"

// recent remembers what was appended lately, so that the overlap of two polls
// is not appended twice. It may forget at any time: the fold takes every event
// once anyway (S-5).
type recent struct {
	limit int
	order []string
	seen  map[string]bool // true once a definite read was appended
	// state is the last content of objects without versions.
	state map[ledger.Object]ledger.EventID
}

func newRecent(limit int) *recent {
	return &recent{limit: limit, seen: map[string]bool{}, state: map[ledger.Object]ledger.EventID{}}
}

// needed reports whether a read must be appended. A first sight is; so is the
// first definite read, asked so late that nothing of the same stamp can follow,
// because S-6 lets it decide between words of one version.
func (r *recent) needed(id string, definite bool) bool {
	was, known := r.seen[id]
	return !known || (definite && !was)
}

// note remembers a read that was appended.
func (r *recent) note(id string, definite bool) {
	if _, known := r.seen[id]; !known {
		r.order = append(r.order, id)
		if len(r.order) > r.limit {
			delete(r.seen, r.order[0])
			r.order = r.order[1:]
		}
	}
	r.seen[id] = definite || r.seen[id]
}

// changed reports whether an object without versions shows another content
// than when it was last appended (S-4: A → B → A is three events).
func (r *recent) changed(o ledger.Object, content ledger.EventID) bool {
	last, known := r.state[o]
	return !known || last != content
}

// noteState remembers the content of an object without versions.
func (r *recent) noteState(o ledger.Object, content ledger.EventID) {
	if len(r.state) >= r.limit {
		clear(r.state)
	}
	r.state[o] = content
}

// definite reports whether a read asked at that instant shows everything that
// can still carry the event's stamp.
func definite(e *ledger.Event, b bounds) bool {
	var latest ledger.Instant
	for i := range e.Claims {
		latest = max(latest, e.Claims[i].Latest)
	}
	return e.AskedAt >= latest.Add(b.settle)
}

// contentOf is the event's id as if it had not been asked at any instant.
func contentOf(e *ledger.Event) ledger.EventID {
	c := *e
	c.AskedAt = 0
	return c.ComputeID()
}
