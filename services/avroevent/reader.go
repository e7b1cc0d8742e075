package avroevent

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	hamba "github.com/hamba/avro/v2"

	"github.com/orderledger/orderledger/ledger"
)

const (
	// maxElements is the greatest length of a list.
	maxElements = 1 << 16
	// firstElements is what a list may claim before its elements are seen.
	firstElements = 64
	// maxWords and maxWord bound the table of interned words.
	maxWords = 4096
	maxWord  = 64
	// textChunk is how much memory texts of neighbouring records share.
	textChunk = 512
)

// reader reads the primitives of our schemas. The first fault sticks; every
// element of a list costs at least one byte of input, so work is bounded by the
// length of the value.
type reader struct {
	r       *hamba.Reader
	size    int // of the value
	broken  bool
	invalid bool
	scratch []byte
	words   map[string]string
	chunk   strings.Builder
	last    string // the text read last: ids repeat within a document
}

func newReader() reader {
	return reader{r: hamba.NewReader(nil, 0), words: make(map[string]string, 64)}
}

func (d *reader) reset(b []byte) {
	d.r.Reset(b)
	d.r.Error = nil
	d.size = len(b)
	d.broken, d.invalid = false, false
}

// failed reports a fault of the bytes.
func (d *reader) failed() bool { return d.broken || d.r.Error != nil }

// verdict is the reason to set the record aside, empty if there is none.
func (d *reader) verdict() string {
	if d.failed() {
		return ReasonMalformed
	}
	d.r.Peek() // sets io.EOF at the end
	switch {
	case d.r.Error == nil:
		return ReasonTrailing
	case d.invalid:
		return ReasonInvalid
	default:
		return ""
	}
}

func (d *reader) require(ok bool) {
	if !ok {
		d.invalid = true
	}
}

// raw reads length and bytes into scratch, valid until the next read.
func (d *reader) raw() []byte {
	n := d.r.ReadLong()
	if d.r.Error != nil || n < 0 || n > int64(d.size) {
		d.broken = true
		return nil
	}
	if int64(cap(d.scratch)) < n {
		d.scratch = make([]byte, n, max(2*n, 256))
	}
	b := d.scratch[:n]
	d.r.Read(b)
	if d.r.Error != nil {
		return nil
	}
	return b
}

// text reads a string of its own. Neighbouring texts share one piece of memory.
func (d *reader) text() string {
	b := d.raw()
	switch {
	case len(b) == 0:
		return ""
	case string(b) == d.last:
		return d.last
	case !utf8.Valid(b):
		d.broken = true
		return ""
	}
	if d.chunk.Cap()-d.chunk.Len() < len(b) {
		d.chunk.Reset()
		d.chunk.Grow(max(len(b), textChunk))
	}
	from := d.chunk.Len()
	d.chunk.Write(b)
	d.last = d.chunk.String()[from:]
	return d.last
}

// word reads a string out of a small vocabulary; equal words share memory.
func (d *reader) word() string {
	b := d.raw()
	if len(b) == 0 {
		return ""
	}
	if s, ok := d.words[string(b)]; ok {
		return s
	}
	if !utf8.Valid(b) {
		d.broken = true
		return ""
	}
	s := string(b)
	if len(s) <= maxWord {
		if len(d.words) >= maxWords {
			clear(d.words)
		}
		d.words[s] = s
	}
	return s
}

// bytes reads bytes of its own; nil if there are none.
func (d *reader) bytes() []byte {
	b := d.raw()
	if len(b) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

func (d *reader) instant() ledger.Instant {
	i := ledger.Instant(d.r.ReadLong())
	d.require(i >= ledger.Beginning && i <= ledger.Forever)
	return i
}

func (d *reader) span() ledger.Micros { return ledger.Micros(d.r.ReadLong()) }

func (d *reader) number() uint64 {
	n := d.r.ReadLong()
	d.require(n >= 0)
	return uint64(n)
}

func (d *reader) number32() uint32 {
	n := d.r.ReadLong()
	d.require(n >= 0 && n <= math.MaxUint32)
	return uint32(n)
}

// enum reads the index of a symbol; symbols is how many the schema has.
func (d *reader) enum(symbols int32) uint8 {
	i := d.r.ReadInt()
	if i < 0 || i >= symbols {
		d.broken = true
		return 0
	}
	return uint8(i)
}

func (d *reader) fixed(dst []byte) { d.r.Read(dst) }

// elements reads a list into a slice of its own; nil if it is empty.
func elements[T any](d *reader, element func(*reader, *T)) []T {
	var list []T
	for {
		n, _ := d.r.ReadBlockHeader()
		if n == 0 || d.failed() {
			return list
		}
		if n < 0 || n > maxElements-int64(len(list)) {
			d.broken = true
			return nil
		}
		if list == nil {
			list = make([]T, 0, min(n, firstElements))
		}
		for range n {
			if len(list) == cap(list) {
				list = slices.Grow(list, 1)
			}
			list = list[:len(list)+1] // zero: fresh memory, never used before
			element(d, &list[len(list)-1])
			if d.failed() {
				return nil
			}
		}
	}
}
