package file

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// segment is how many bytes of a file make one link of its digest, headBytes how
// many at its beginning are held to account on their own.
const (
	segment   = 1 << 20
	headBytes = 64 << 10
)

// mark is the digest of the first Offset bytes of a file, in three parts, so
// that a longer one can go on from it: the beginning, all whole segments, and
// what stands behind the last of them.
type mark struct {
	Head  string `json:"head,omitempty"`
	Chain string `json:"chain,omitempty"`
	Part  string `json:"part,omitempty"`
}

// digest computes marks while bytes go by.
type digest struct {
	n     int64
	chain [sha256.Size]byte
	part  hash.Hash
	head  hash.Hash
}

func newDigest() *digest { return &digest{part: sha256.New(), head: sha256.New()} }

// Write takes in the next bytes. It never fails.
func (d *digest) Write(p []byte) (int, error) {
	total := len(p)
	if d.n < headBytes {
		_, _ = d.head.Write(p[:min(int64(len(p)), headBytes-d.n)])
	}
	for len(p) > 0 {
		k := min(int64(len(p)), segment-d.n%segment)
		_, _ = d.part.Write(p[:k])
		d.n += k
		p = p[k:]
		if d.n%segment == 0 {
			link := sha256.New()
			_, _ = link.Write(d.chain[:])
			_, _ = link.Write(d.part.Sum(nil))
			link.Sum(d.chain[:0])
			d.part.Reset()
		}
	}
	return total, nil
}

// mark is the digest of everything written so far.
func (d *digest) mark() mark {
	short := func(b []byte) string { return hex.EncodeToString(b[:16]) }
	return mark{Head: short(d.head.Sum(nil)), Chain: hex.EncodeToString(d.chain[:]), Part: short(d.part.Sum(nil))}
}

// resume sets the digest behind the whole segments of a mark, whose beginning
// has been written to head already.
func (d *digest) resume(m mark, offset int64) bool {
	b, err := hex.DecodeString(m.Chain)
	if err != nil || len(b) != len(d.chain) {
		return false
	}
	copy(d.chain[:], b)
	d.n = offset - offset%segment
	d.part.Reset()
	return true
}
