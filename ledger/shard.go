package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Part is one entry of a partition's state.
type Part struct {
	Key []byte
	// Digest is SHA-256 over its canonical value.
	Digest [32]byte
}

// Shards digests a partition's state in n parts, so that two stores which differ
// are compared further where they do. An order's entries are in one shard.
func Shards(s Store, n int32) ([][32]byte, error) {
	sums := make([][32]byte, n)
	var buf []byte
	err := s.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		at, d := shardOf(k, n), digestOfPart(k, v)
		buf = append(append(append(buf[:0], sums[at][:]...), k...), d[:]...)
		sums[at] = sha256.Sum256(buf)
		return true, nil
	})
	return sums, err
}

// ShardParts lists the entries of one of n shards, in key order.
func ShardParts(s Store, n, shard int32) ([]Part, error) {
	var out []Part
	err := s.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		if shardOf(k, n) == shard {
			out = append(out, Part{bytes.Clone(k), digestOfPart(k, v)})
		}
		return true, nil
	})
	return out, err
}

// shardOf is the shard of a key: its order's, if it belongs to one.
func shardOf(k []byte, n int32) int32 {
	if o := orderOfKey(k); o != "" {
		return PartitionOf([]byte(o), n)
	}
	return PartitionOf(k, n)
}

func digestOfPart(k, v []byte) [32]byte {
	if k[0] == keyClaims || k[0] == keyFact {
		v, _ = cutRecordedAt(v)
	}
	return sha256.Sum256(v)
}

// StatePart returns one entry's value; false if the store has none of that key,
// or the key is not one of the state.
func StatePart(s Store, key []byte) ([]byte, bool, error) {
	if len(key) == 0 || key[0] < keyFloor {
		return nil, false, nil
	}
	v, ok, err := s.Get(key)
	return bytes.Clone(v), ok, err
}

// MismatchAt compares one entry of a store with a value from elsewhere, field by
// field; have is false if there is none there. Nil if they are the same.
func MismatchAt(a Store, key, value []byte, have bool) (*Mismatch, error) {
	if len(key) == 0 || key[0] < keyFloor {
		return nil, fmt.Errorf("key %x is not one of the state", key)
	}
	v, ok, err := a.Get(key)
	if err != nil || !ok && !have || ok && have && sameValue(key[0], v, value) {
		return nil, err
	}
	v = bytes.Clone(v)
	if !ok {
		v = value
	}
	m, err := mismatch(a, key, v)
	if err != nil {
		return nil, err
	}
	switch {
	case ok && have:
		m.compare(key, v, value)
	case !ok:
		m.A, m.B = m.B, m.A
	}
	return m, nil
}

// Settled reports whether the snapshot stands between two records: no slice of a
// tick is left (S-16). Only then do its digests compare with another's.
func (r *Reader) Settled() bool { return !r.p.cont.active }

// Digest is the digest of the snapshot's state; see [Digest].
func (r *Reader) Digest() ([32]byte, error) { return Digest(r.p.store) }

// Shards digests the snapshot's state in n parts; see [Shards].
func (r *Reader) Shards(n int32) ([][32]byte, error) { return Shards(r.p.store, n) }

// ShardParts lists the entries of one of n shards; see [ShardParts].
func (r *Reader) ShardParts(n, shard int32) ([]Part, error) { return ShardParts(r.p.store, n, shard) }

// StatePart returns one entry's value; see [StatePart].
func (r *Reader) StatePart(key []byte) ([]byte, bool, error) { return StatePart(r.p.store, key) }

// AllCounts returns the outcomes of every source's records.
func (r *Reader) AllCounts() map[Source][Outcomes]uint64 { return r.p.Counts() }
