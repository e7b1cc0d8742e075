package ledger

import (
	"bytes"
	"fmt"
)

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
	case keyEntry:
		if q, err := decodeQuarantined(bytes.Clone(v)); err == nil {
			return fmt.Sprintf("quarantine entry %s (%s %s) at offset %d", k[1:], q.Reason, q.Native, q.Offset)
		}
		return "quarantine entry " + string(k[1:])
	case keyTimer:
		return "order " + string(k[9:]) + ", its timer"
	case keyMeta:
		return "partition state " + string(k[1:])
	default:
		return fmt.Sprintf("key %q", k)
	}
}
