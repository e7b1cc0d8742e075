package avroevent

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	hamba "github.com/hamba/avro/v2"

	"github.com/orderledger/orderledger/ledger"
)

// writer writes the primitives of our schemas. The first fault sticks.
type writer struct {
	w   *hamba.Writer
	err error
}

func (w *writer) refuse(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: %w", what, ErrInvalid)
	}
}

func (w *writer) check(ok bool, what string) {
	if !ok {
		w.refuse(what)
	}
}

// text writes a string that identifies nothing; what is not UTF-8 is mended.
func (w *writer) text(s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError))
	}
	w.w.WriteString(s)
}

// exact writes a string that takes part in identity.
func (w *writer) exact(s string) {
	w.check(utf8.ValidString(s), "text that is not UTF-8")
	w.w.WriteString(s)
}

func (w *writer) instant(i ledger.Instant) {
	w.check(i >= ledger.Beginning && i <= ledger.Forever, "instant out of range")
	w.w.WriteLong(int64(i))
}

func (w *writer) span(m ledger.Micros) { w.w.WriteLong(int64(m)) }

func (w *writer) number(n uint64) {
	w.check(n <= math.MaxInt64, "number out of range")
	w.w.WriteLong(int64(n))
}

// enum writes the symbol of that index; symbols is how many the schema has.
func (w *writer) enum(index uint8, symbols int) {
	w.check(int(index) < symbols, "number without a symbol")
	w.w.WriteInt(int32(index))
}

// fixed writes bytes whose length the schema states.
func (w *writer) fixed(b []byte) {
	_, _ = w.w.Write(b) // appends to memory; its error is always nil
}

// array writes all elements as one block.
func array[T any](w *writer, list []T, element func(*writer, *T)) {
	if len(list) > 0 {
		w.check(len(list) <= maxElements, "list too long")
		w.w.WriteLong(int64(len(list)))
		for i := range list {
			element(w, &list[i])
		}
	}
	w.w.WriteLong(0)
}
