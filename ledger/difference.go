package ledger

import (
	"bytes"
	"fmt"
)

// Difference names the first key at which the states of two stores differ: the
// order, what of it, and where it stands in the log. It is empty if there is
// none.
func Difference(a, b Store) (string, error) {
	found, err := missing(a, b, "another value")
	if err != nil || found != "" {
		return found, err
	}
	return missing(b, a, "nothing")
}

// missing scans a and looks every key up in b.
func missing(a, b Store, what string) (string, error) {
	found := ""
	err := a.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		w, ok, err := b.Get(k)
		if err != nil {
			return false, err
		}
		x, y := v, w
		if k[0] == keyClaims || k[0] == keyFact {
			x, _ = cutRecordedAt(v)
			y, _ = cutRecordedAt(w)
		}
		if ok && bytes.Equal(x, y) {
			return true, nil
		}
		found = describe(k, v) + ": the other store holds " + what
		if ok {
			found += fmt.Sprintf(" (%d and %d bytes, first difference at byte %d)", len(x), len(y), firstByte(x, y))
		}
		return false, nil
	})
	return found, err
}

func firstByte(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// describe says in words what a key of the state stands for.
func describe(k, v []byte) string {
	order := func(from int) string {
		rest := k[from:]
		if at := bytes.IndexByte(rest, 0); at >= 0 {
			rest = rest[:at]
		}
		return "order " + string(rest)
	}
	switch k[0] {
	case keyOrder:
		return order(1) + ", its record"
	case keyClaims:
		if d, err := decodeDoc(bytes.Clone(v)); err == nil {
			return fmt.Sprintf("%s, event %s of %s at offset %d", order(1), d.ev.ID, d.ev.Source, d.offset)
		}
		return order(1) + ", a document"
	case keyFact:
		if f, err := decodeFact(bytes.Clone(v)); err == nil {
			return fmt.Sprintf("%s, fact %d (%s %s %s) at offset %d", order(1), f.Seq, f.Kind, f.Rule, f.To, f.Offset)
		}
		return order(1) + ", a fact"
	case keyException, keyOpen:
		return fmt.Sprintf("exception %x", k[1:])
	case keyTimer:
		return "order " + string(k[9:]) + ", its timer"
	case keyMeta:
		return "partition state " + string(k[1:])
	default:
		return fmt.Sprintf("key %q", k)
	}
}
