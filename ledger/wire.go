package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrEncoding is the identity of a refused encoding.
var ErrEncoding = errors.New("malformed encoding")

// appendInt appends a signed number as a zig-zag varint.
func appendInt[T ~int64 | ~int32 | ~int](b []byte, v T) []byte {
	return binary.AppendVarint(b, int64(v))
}

// appendUint appends an unsigned number as a varint.
func appendUint[T ~uint64 | ~uint32 | ~uint8 | ~int](b []byte, v T) []byte {
	return binary.AppendUvarint(b, uint64(v))
}

// appendBlob appends a uvarint length and the bytes.
func appendBlob(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendOrdered appends an instant so that byte order is time order.
func appendOrdered(b []byte, i Instant) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(i)^(1<<63))
}

// orderedInstant reads what appendOrdered wrote.
func orderedInstant(b []byte) Instant {
	return Instant(binary.BigEndian.Uint64(b) ^ (1 << 63))
}

// decoder reads the canonical encoding. The first fault sticks; every later
// read returns a zero value.
type decoder struct {
	b   []byte
	err error
	// skim, if set, is what events are read into that nobody wants: texts are
	// passed over.
	skim *Event
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", what, ErrEncoding)
	}
	d.b = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("signed number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) instant() Instant { return Instant(d.int()) }

// count reads the length of a list whose elements take at least one byte each.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail("list length")
		return 0
	}
	return int(n)
}

func (d *decoder) blob() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail("bytes")
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	b := d.blob()
	if d.skim != nil {
		return ""
	}
	return string(b)
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("byte")
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) bool() bool { return d.byte() != 0 }

func (d *decoder) fixed(dst []byte) {
	if len(d.b) < len(dst) {
		d.fail("fixed bytes")
		return
	}
	copy(dst, d.b)
	d.b = d.b[len(dst):]
}

// end reports the fault, or bytes left over.
func (d *decoder) end(what string) error {
	if d.err == nil && len(d.b) != 0 {
		d.fail("trailing bytes")
	}
	if d.err != nil {
		return fmt.Errorf("decode %s: %w", what, d.err)
	}
	return nil
}
