package ledger

import (
	"bytes"
	"fmt"
	"strings"
)

// Mismatch is the first place at which the states of two stores differ.
type Mismatch struct {
	// Order is empty for state that belongs to no order.
	Order OrderKey
	// Offset is that of the record which brought the value, for an order's own
	// state that of the newest record told of it; −1 if there is none.
	Offset int64
	// What says which part of the state it is, such as "its record".
	What string
	// Field names what differs in it, such as "said[ingestion 0 0].state"; it is
	// empty if one store lacks the part, or the values can not be read.
	Field string
	// A and B are the two values, "nothing" where there is none.
	A, B string
}

// String tells it in one line.
func (m *Mismatch) String() string {
	s := m.What
	if m.Order != "" && !strings.Contains(s, string(m.Order)) {
		s += " of order " + string(m.Order)
	}
	if m.Offset >= 0 && !strings.Contains(s, " at offset ") {
		s += fmt.Sprintf(", offset %d", m.Offset)
	}
	if m.Field != "" {
		s += ", field " + m.Field
	}
	return s + ": " + m.A + " against " + m.B
}

// FirstMismatch compares the states of two stores key by key, and the first
// that differs field by field; nil if none does. It only reads.
func FirstMismatch(a, b Store) (*Mismatch, error) {
	var found *Mismatch
	err := a.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		w, ok, err := b.Get(k)
		if err != nil || ok && sameValue(k[0], v, w) {
			return err == nil, err
		}
		if found, err = mismatch(a, k, v); err == nil && ok {
			found.compare(k, v, w)
		}
		return false, err
	})
	if err != nil || found != nil {
		return found, err
	}
	err = b.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		if _, ok, err := a.Get(k); err != nil || ok {
			return err == nil, err
		}
		m, err := mismatch(b, k, v)
		if err == nil {
			m.A, m.B = m.B, m.A
		}
		found = m
		return false, err
	})
	return found, err
}

// sameValue compares two values of a key space as the digest does.
func sameValue(space byte, v, w []byte) bool {
	if space == keyClaims || space == keyFact {
		v, _ = cutRecordedAt(v)
		w, _ = cutRecordedAt(w)
	}
	return bytes.Equal(v, w)
}

// mismatch describes a key that one store has.
func mismatch(s Store, k, v []byte) (*Mismatch, error) {
	m := &Mismatch{Offset: -1, What: describe(k, v), A: "something", B: "nothing"}
	m.Order = orderOfKey(k)
	for _, f := range fieldsOf(k, v) {
		switch {
		case f.name == "offset":
			_, _ = fmt.Sscan(f.value, &m.Offset)
		case f.name == "subject.order" && m.Order == "":
			m.Order = OrderKey(f.value)
		}
	}
	if m.Order == "" || m.Offset >= 0 {
		return m, nil
	}
	for _, space := range [...]byte{keyClaims, keyFact} {
		prefix := orderPrefix(space, m.Order)
		err := s.Scan(prefix, PrefixEnd(prefix), func(k, v []byte) (bool, error) {
			for _, f := range fieldsOf(k, v) {
				offset := int64(-1)
				if f.name == "offset" {
					_, _ = fmt.Sscan(f.value, &offset)
				}
				m.Offset = max(m.Offset, offset)
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// compare finds the first field in which two values of one key differ.
func (m *Mismatch) compare(k, v, w []byte) {
	x, y := fieldsOf(k, v), fieldsOf(k, w)
	other := map[string]string{}
	for _, f := range y {
		other[f.name] = f.value
	}
	for _, f := range x {
		have, ok := other[f.name]
		if !ok {
			have = "nothing"
		}
		if !ok || have != f.value {
			m.Field, m.A, m.B = f.name, f.value, have
			return
		}
		delete(other, f.name)
	}
	for _, f := range y {
		if _, more := other[f.name]; more {
			m.Field, m.A, m.B = f.name, "nothing", f.value
			return
		}
	}
	n := firstByte(v, w)
	m.A, m.B = fmt.Sprintf("%d bytes, %x from byte %d on", len(v), snippet(v, n), n), fmt.Sprintf("%d bytes, %x", len(w), snippet(w, n))
}

func snippet(b []byte, from int) []byte { return b[from:min(len(b), from+16)] }

// orderOfKey is the order that a key belongs to, empty if it is no order's.
func orderOfKey(k []byte) OrderKey {
	switch k[0] {
	case keyOrder, keyActive, keyBreached:
		return OrderKey(k[1:])
	case keyClaims, keyFact, keySaid:
		if n := bytes.IndexByte(k, 0); n > 0 {
			return OrderKey(k[1:n])
		}
	case keyTimer:
		if len(k) > 9 {
			return OrderKey(k[9:])
		}
	case keyAlias:
		if n := bytes.LastIndexByte(k, 0); n > 0 {
			return OrderKey(k[n+1:])
		}
	case keyWait:
		if n := bytes.IndexByte(k, 0); n > 0 && len(k) > n+9 {
			return waitKeyOrder(k)
		}
	}
	return ""
}
