package ledger

import (
	"fmt"
	"slices"
)

// standsFor is the key under which an order's state is read: its own, or that
// of the merged order whose root it is, once that holds anything.
func (r *Reader) standsFor(k OrderKey) (OrderKey, error) {
	g := r.p.merges.find(k)
	if g == nil || g.root() != k {
		return k, nil
	}
	_, ok, err := r.p.store.Get(orderKeyOf(keyOrder, g.whole()))
	if err != nil || !ok {
		return k, err
	}
	return g.whole(), nil
}

// Members lists the orders that are merged with one, itself included, ascending;
// the first is the root, which speaks for all. It is empty for an order that
// stands alone.
func (r *Reader) Members(k OrderKey) []OrderKey {
	if g := r.p.merges.find(k); g != nil {
		return slices.Clone(g.members)
	}
	return nil
}

// Merges visits the merges and splits that name an order, or every one for "",
// ascending by number.
func (r *Reader) Merges(k OrderKey, fn func(Merged) bool) error {
	return r.p.store.Scan([]byte{keyMerge}, []byte{keyMerge + 1}, func(_, v []byte) (bool, error) {
		m, err := decodeMerged(v)
		if err != nil {
			return false, err
		}
		return k != "" && m.A != k && m.B != k || fn(m), nil
	})
}

// mergeNotes are the merges and splits of an order as lines of its story.
func (r *Reader) mergeNotes(k OrderKey) ([]Told, error) {
	var out []Told
	err := r.Merges(k, func(m Merged) bool {
		kind := FactMerged
		if !m.Live {
			kind = FactSplit
		}
		out = append(out, Told{Offset: m.Offset, RecordedAt: m.ProposedAt, Fact: &Fact{Kind: kind, Offset: m.Offset, At: m.ProposedAt,
			Name: string(m.A) + " " + string(m.B), Actor: m.Actor, Text: m.Reason, RecordedAt: m.ProposedAt}})
		return true
	})
	return out, err
}

// overlay says of an exception where it moved to.
func (r *Reader) overlay(x *Exception, err error) (*Exception, error) {
	if err != nil || x == nil || !x.Open || x.Subject.Kind != SubjectOrder {
		return x, err
	}
	if g := r.p.merges.find(x.Subject.Order); g != nil {
		c := *x
		c.Open, c.Cause, c.MovedTo = false, BecauseRegrouped, g.root()
		return &c, nil
	}
	return x, nil
}

// Told lists what was said about an order or a merged one, as the subject of an
// exception names it, in log order. What a merged order that is no more said
// stays.
func (r *Reader) Told(s *Subject) ([]Told, error) {
	k := s.Order
	if s.Kind == SubjectMerged {
		k += wholeMark + OrderKey(s.Native)
	}
	return r.facts(k, nil)
}

// facts appends what was said under a key to a story.
func (r *Reader) facts(k OrderKey, out []Told) ([]Told, error) {
	prefix := orderPrefix(keyFact, k)
	err := r.p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		f, err := decodeFact(v)
		if err != nil {
			return false, fmt.Errorf("order %s: %w", k, err)
		}
		out = append(out, Told{Offset: f.Offset, RecordedAt: f.RecordedAt, Fact: &f})
		return true, nil
	})
	return out, err
}

// Orders visits the keys of orders after the given one, ascending; of merged
// orders the root alone.
func (r *Reader) Orders(after OrderKey, fn func(OrderKey) bool) error {
	from := append(orderKeyOf(keyOrder, after), 0)
	if after == "" {
		from = []byte{keyOrder}
	}
	last := after
	return r.p.store.Scan(from, []byte{keyOrder + 1}, func(k, _ []byte) (bool, error) {
		key := OrderKey(k[1:])
		if root, _, ok := rootOf(key); ok {
			key = root // its own record, if it has one, stands just before
		}
		if g := r.p.merges.find(key); key == last || g != nil && g.root() != key {
			return true, nil
		}
		last = key
		return fn(key), nil
	})
}

// Merged is the number of the last merge or split taken; its owner appends the
// next one.
func (p *Partition) Merged() uint64 { return p.merges.number }
