package ledger

import (
	"bytes"
	"slices"
	"sort"
)

// MemStore is a Store in memory, for tests, rule tests and simulation. It
// applies its batches at once.
type MemStore struct {
	m       map[string][]byte
	runs    [][]string // all keys, sorted, in runs that are not empty
	changes int        // of the key set
}

// maxRun bounds a run of keys, so that a new one costs little wherever it stands.
const maxRun = 256

// NewMemStore returns an empty store.
func NewMemStore() *MemStore { return &MemStore{m: map[string][]byte{}} }

// Get implements Store.
func (s *MemStore) Get(key []byte) ([]byte, bool, error) {
	v, ok := s.m[string(key)]
	return v, ok, nil
}

// run finds the run in which a key stands, or would stand.
func (s *MemStore) run(key string) int {
	return max(0, sort.Search(len(s.runs), func(i int) bool { return s.runs[i][0] > key })-1)
}

// Scan implements Store; a nil to means the end.
func (s *MemStore) Scan(from, to []byte, fn func(key, value []byte) (bool, error)) error {
	next, seen := string(from), s.changes
	for r := s.run(next); r < len(s.runs); r++ {
		at := sort.SearchStrings(s.runs[r], next)
		for ; at < len(s.runs[r]); at++ {
			k := s.runs[r][at]
			if to != nil && k >= string(to) {
				return nil
			}
			more, err := fn([]byte(k), s.m[k])
			if err != nil || !more {
				return err
			}
			if next = k + "\x00"; s.changes != seen { // fn changed what is scanned
				seen, r = s.changes, s.run(next)-1
				break
			}
		}
	}
	return nil
}

// Put implements Batch.
func (s *MemStore) Put(key, value []byte) {
	if _, ok := s.m[string(key)]; !ok {
		s.insert(string(key))
	}
	s.m[string(key)] = bytes.Clone(value)
}

func (s *MemStore) insert(key string) {
	s.changes++
	if len(s.runs) == 0 {
		s.runs = [][]string{{key}}
		return
	}
	r := s.run(key)
	at := sort.SearchStrings(s.runs[r], key)
	s.runs[r] = slices.Insert(s.runs[r], at, key)
	if n := len(s.runs[r]); n > maxRun {
		s.runs = slices.Insert(s.runs, r+1, slices.Clone(s.runs[r][n/2:]))
		s.runs[r] = s.runs[r][:n/2]
	}
}

// Delete implements Batch.
func (s *MemStore) Delete(key []byte) {
	if _, ok := s.m[string(key)]; !ok {
		return
	}
	delete(s.m, string(key))
	s.changes++
	r := s.run(string(key))
	at := sort.SearchStrings(s.runs[r], string(key))
	if s.runs[r] = slices.Delete(s.runs[r], at, at+1); len(s.runs[r]) == 0 {
		s.runs = slices.Delete(s.runs, r, r+1)
	}
}

// Len is the number of keys.
func (s *MemStore) Len() int { return len(s.m) }
