package shop

import (
	"container/heap"
	"time"
)

// Entry is one document as a list shows it at an instant, not yet written out.
type Entry struct {
	// Order is the key of the order it speaks of, "" if of none.
	Order string
	// At is when it took this state.
	At time.Time

	doc  *doc
	body any
}

// Body writes the document out.
func (e *Entry) Body() ([]byte, error) { return encode(e.body) }

// Latest reports whether the document still stands so at an instant.
func (e *Entry) Latest(at time.Time) bool {
	for _, v := range e.doc.versions {
		if v.at.After(e.At) && !v.at.After(at) {
			return false
		}
	}
	return true
}

// Followed says what is followed: a collection, and of it what a query by the
// same stamp or of the same family of events would list. By Created, a document is
// shown as it was made.
type Followed struct {
	Collection Collection
	By         Stamp
	Family     string
}

// Follower yields what changes in a collection, as a perfect poller would find
// it, at a cost that does not grow with what was there before. A world that is
// followed forgets what its orders were like: it answers no lists.
type Follower struct {
	w   *World
	of  Followed
	due entries
}

// Follow begins to follow; it must begin before the first order is born.
func (w *World) Follow(of Followed) *Follower {
	f := &Follower{w: w, of: of}
	w.followers = append(w.followers, f)
	return f
}

// Next yields what changed up to an instant since it was asked last: of each
// document the state it is in then, in the order of these states.
func (f *Follower) Next(to time.Time) []Entry {
	f.w.grow(to)
	var out []Entry
	for len(f.due) > 0 && !f.due[0].At.After(to) {
		e, ok := heap.Pop(&f.due).(Entry)
		if ok && (f.of.By != Changed || e.Latest(to)) {
			out = append(out, e)
		}
	}
	return out
}

func (w *World) forgets() bool { return len(w.followers) > 0 }

// follow hands a new document to those that follow its collection.
func (w *World) follow(d *doc) {
	for _, f := range w.followers {
		if f.of.Collection != d.collection || len(d.kind) < len(f.of.Family) || d.kind[:len(f.of.Family)] != f.of.Family {
			continue
		}
		for n, v := range d.versions {
			if (f.of.By == Created && n > 0) || (f.of.By == Voided && n == 0) {
				continue
			}
			heap.Push(&f.due, Entry{Order: d.order, At: v.at, doc: d, body: v.body})
		}
	}
}

// forget lets go of everything but what went wrong.
func (l *life) forget() {
	l.docs, l.deliveries, l.depotDoc, l.salesDoc, l.frontDoc, l.money, l.parcels, l.rng = nil, nil, nil, nil, nil, account{}, nil, nil
	l.front = order{Name: l.front.Name}
}

// entries is a heap of entries by instant.
type entries []Entry

func (q entries) Len() int           { return len(q) }
func (q entries) Less(i, j int) bool { return q[i].At.Before(q[j].At) }
func (q entries) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *entries) Push(x any) { *q = append(*q, x.(Entry)) }

// Pop implements heap.Interface.
func (q *entries) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = Entry{}
	*q = old[:len(old)-1]
	return e
}

// Listed reports whether a list that was followed still shows an entry as it was.
func (f *Follower) Listed(e *Entry, at time.Time) bool { return f.of.By != Changed || e.Latest(at) }

// KeyOf is the key of the order of that number, counted from 0 by birth.
func (w *World) KeyOf(index int) string { return keyOf(&w.cfg, index) }
