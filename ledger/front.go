package ledger

import "bytes"

// front is where the keys of one prefix begin: none in the store lies below at.
// What was served is deleted, and a store passes over every deleted key until it
// forgets them; a scan that starts at the front passes over each but once or
// twice. It is memory alone: after a restart it is the prefix.
type front struct {
	prefix string
	at     []byte
	put    []byte // the least key written since the last flush, nil if none
}

func newFront(prefix []byte) *front {
	return &front{prefix: string(prefix), at: bytes.Clone(prefix)}
}

// wrote lowers the front to a key that the next flush writes.
func (f *front) wrote(key []byte) {
	if f.put == nil || bytes.Compare(key, f.put) < 0 {
		f.put = append(f.put[:0], key...)
	}
}

// flushed notes that what was written is in the store.
func (f *front) flushed() {
	if f.put != nil && bytes.Compare(f.put, f.at) < 0 {
		f.at = append(f.at[:0], f.put...)
	}
	f.put = nil
}

// front is the front of a prefix: the timers', or a feed's waits'.
func (p *Partition) front(prefix []byte) *front {
	for _, f := range p.fronts {
		if f.prefix == string(prefix) {
			return f
		}
	}
	f := newFront(prefix)
	p.fronts = append(p.fronts, f)
	return f
}

// wrote keeps the fronts below a key that is put.
func (p *Partition) wrote(key []byte) {
	switch key[0] {
	case keyTimer, keySnooze, keyActive, keyBreached:
		p.front(key[:1]).wrote(key)
	case keyWait:
		p.front(key[:bytes.IndexByte(key, 0)+1]).wrote(key)
	}
}

// scanFrom scans [from, to) of a prefix from its front on, and moves the front
// to the first key found.
func (p *Partition) scanFrom(prefix, to []byte, fn func(k []byte) bool) error {
	f := p.front(prefix)
	first := true
	if bytes.Compare(f.at, to) >= 0 {
		return nil
	}
	err := p.store.Scan(f.at, to, func(k, _ []byte) (bool, error) {
		if first {
			first = false
			f.at = append(f.at[:0], k...)
		}
		return fn(k), nil
	})
	if err == nil && first {
		f.at = append(f.at[:0], to...)
	}
	return err
}

// NextTimer returns when the first timer is due, false if there is none, as of
// the last flush.
func (p *Partition) NextTimer() (Instant, bool, error) {
	first := Forever
	for _, prefix := range [...][]byte{{keyTimer}, {keySnooze}} {
		err := p.scanFrom(prefix, PrefixEnd(prefix), func(k []byte) bool {
			first = min(first, orderedInstant(k[1:9]))
			return false
		})
		if err != nil {
			return 0, false, err
		}
	}
	return first, first != Forever, nil
}
