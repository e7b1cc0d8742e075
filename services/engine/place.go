package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// The engine's own keys stand below the state's and take no part in its digest.
const (
	placeKey     = "!place"
	anchorKey    = "!anchors"
	pumpPrefix   = "!pump/"
	heldPrefix   = "!held/"
	intentPrefix = "!intent/"
	outboxSpace  = '#' // batch number → rows
)

// Place says where in the log a store stands, and which log it was (I-9).
type Place struct {
	TopicID [16]byte
	// Offset is the next offset to fold.
	Offset int64
	// Epoch is the leader epoch of the last record folded, −1 if unknown.
	Epoch int32
	// Chain is H(n) = SHA-256(H(n−1) ‖ digest of record n) over every record
	// folded; Prev is H(n−1).
	Chain [32]byte
	Prev  [32]byte
	// Batch is the number of the newest outbox blob.
	Batch uint64
	// From is an earlier offset, and FromChain H there: what was folded since is
	// compared with the log at every start. They have a key of their own.
	From      int64
	FromChain [32]byte
}

const placeLen = 16 + 8 + 4 + 32 + 32 + 8

func (p *Place) encode() []byte {
	b := append(make([]byte, 0, placeLen), p.TopicID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Offset))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Epoch))
	b = append(append(b, p.Chain[:]...), p.Prev[:]...)
	return binary.BigEndian.AppendUint64(b, p.Batch)
}

func decodePlace(b []byte) (Place, error) {
	var p Place
	if len(b) != placeLen {
		return p, fmt.Errorf("%w: the place record has %d bytes", ErrStore, len(b))
	}
	copy(p.TopicID[:], b)
	p.Offset = int64(binary.BigEndian.Uint64(b[16:]))
	p.Epoch = int32(binary.BigEndian.Uint32(b[24:]))
	copy(p.Chain[:], b[28:60])
	copy(p.Prev[:], b[60:92])
	p.Batch = binary.BigEndian.Uint64(b[92:])
	return p, nil
}

// PlaceOf reads where a store stands, or a snapshot of one; false if it never
// folded.
func PlaceOf(s ledger.Store) (Place, bool, error) {
	v, ok, err := s.Get([]byte(placeKey))
	if err != nil || !ok {
		return Place{}, false, err
	}
	p, err := decodePlace(v)
	return p, err == nil, err
}

func outboxKey(batch uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{outboxSpace}, batch)
}

// anchor is the chain at an offset.
type anchor struct {
	offset int64
	chain  [32]byte
}

// anchorEvery is how many records lie between two anchors. Two are
// kept, so that the last 256 to 512 records are compared at a start.
const anchorEvery = 256

func encodeAnchors(list [2]anchor) (b []byte) {
	for _, a := range list {
		b = append(binary.BigEndian.AppendUint64(b, uint64(a.offset)), a.chain[:]...)
	}
	return b
}

// decodeAnchors reads the anchors; of a store that has none, the record folded
// last is compared alone.
func decodeAnchors(b []byte, at Place) (list [2]anchor) {
	const size = 8 + 32
	for i := range list {
		switch {
		case len(b) == 2*size:
			list[i].offset = int64(binary.BigEndian.Uint64(b[i*size:]))
			copy(list[i].chain[:], b[i*size+8:])
		case at.Offset > 0:
			list[i] = anchor{at.Offset - 1, at.Prev}
		}
	}
	return list
}

// Chained is the chain after a record with the given digest (see [Place.Chain]).
func Chained(prev, digest [32]byte) [32]byte { return chained(prev, digest) }

// chained is one link of the chain.
func chained(prev, digest [32]byte) [32]byte {
	var b [64]byte
	copy(b[:32], prev[:])
	copy(b[32:], digest[:])
	return sha256.Sum256(b[:])
}
