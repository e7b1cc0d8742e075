package ledger

import (
	"bytes"
	"fmt"
)

// Words visits every exception that is or was about a native word, ascending by
// word and by the order in which its ids were given. It reads the index of
// subjects, not every exception.
func (r *Reader) Words(fn func(*Exception) bool) error {
	prefix := append([]byte{keySubject}, "word:"...)
	return r.p.store.Scan(prefix, PrefixEnd(prefix), func(k, v []byte) (bool, error) {
		end := max(bytes.LastIndexByte(k, 0), 1) // a word may hold any byte, a rule's name may not
		d := &decoder{b: v}
		n := d.uint()
		if d.err != nil {
			return false, fmt.Errorf("subject %q: %w", k[1:], d.err)
		}
		for i := range n {
			x, err := r.p.exception(NewExceptionID(string(k[1:end]), string(k[min(end+1, len(k)):]), i))
			if err != nil {
				return false, err
			}
			if x != nil && !fn(x) {
				return false, nil
			}
		}
		return true, nil
	})
}
