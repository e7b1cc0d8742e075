package ledger

import (
	"bytes"
	"slices"
	"sort"
)

// MemStore is a Store in memory, for tests, rule tests and simulation. It
// applies its batches at once.
type MemStore struct {
	m    map[string][]byte
	keys []string // sorted; nil after a change of the key set
}

// NewMemStore returns an empty store.
func NewMemStore() *MemStore { return &MemStore{m: map[string][]byte{}} }

// Get implements Store.
func (s *MemStore) Get(key []byte) ([]byte, bool, error) {
	v, ok := s.m[string(key)]
	return v, ok, nil
}

// Scan implements Store; a nil to means the end.
func (s *MemStore) Scan(from, to []byte, fn func(key, value []byte) (bool, error)) error {
	if s.keys == nil {
		for k := range s.m { //lint:sorted below
			s.keys = append(s.keys, k)
		}
		slices.Sort(s.keys)
	}
	at := sort.SearchStrings(s.keys, string(from))
	for _, k := range s.keys[at:] {
		if to != nil && k >= string(to) {
			return nil
		}
		more, err := fn([]byte(k), s.m[k])
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Put implements Batch.
func (s *MemStore) Put(key, value []byte) {
	if _, ok := s.m[string(key)]; !ok {
		s.keys = nil
	}
	s.m[string(key)] = bytes.Clone(value)
}

// Delete implements Batch.
func (s *MemStore) Delete(key []byte) {
	if _, ok := s.m[string(key)]; ok {
		delete(s.m, string(key))
		s.keys = nil
	}
}

// Len is the number of keys.
func (s *MemStore) Len() int { return len(s.m) }
