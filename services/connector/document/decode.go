// Package document decodes JSON that strangers sent us, within bounds, without
// losing a digit and without guessing what a key that stands twice means.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what one document may cost. The zero value refuses everything;
// use DefaultLimits.
type Limits struct {
	Depth  int // nesting of objects and arrays
	Values int // keys and elements in all
	Text   int // bytes of one string, number or key
}

// DefaultLimits fit the greatest orders seen in practice many times over.
func DefaultLimits() Limits { return Limits{Depth: 40, Values: 200_000, Text: 1 << 20} }

// Refusals. Each is a reason for quarantine, never a guess.
var (
	ErrEncoding  = errors.New("document is not valid UTF-8")
	ErrSyntax    = errors.New("document is not valid JSON")
	ErrDepth     = errors.New("document is nested too deeply")
	ErrSize      = errors.New("document holds too many values")
	ErrText      = errors.New("document holds a text that is too long")
	ErrDuplicate = errors.New("document holds a key twice")
	ErrTrailing  = errors.New("document is followed by more data")
)

// Decode parses one JSON document. Objects become map[string]any, arrays
// []any, numbers json.Number with every digit as written. Errors name a byte
// offset and never quote the document, which may hold personal data.
func Decode(raw []byte, lim Limits) (any, error) {
	if !utf8.Valid(raw) {
		return nil, ErrEncoding
	}
	d := &decoder{dec: decoders.Get().(*jsontext.Decoder), lim: lim}
	defer decoders.Put(d.dec)
	// Keys that stand twice are found here; halves of a surrogate pair become U+FFFD.
	d.dec.Reset(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", d.dec.InputOffset(), err)
	}
	if _, err := d.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("at byte %d: %w", d.dec.InputOffset(), ErrTrailing)
	}
	return v, nil
}

// decoders are used again: their buffers are most of what a document costs.
var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

type decoder struct {
	dec    *jsontext.Decoder
	lim    Limits
	values int
}

func (d *decoder) value(depth int) (any, error) {
	tok, err := d.dec.ReadToken()
	if err != nil {
		return nil, ErrSyntax
	}
	d.values++
	if d.values > d.lim.Values {
		return nil, ErrSize
	}
	switch tok.Kind() {
	case '{', '[':
		if depth >= d.lim.Depth {
			return nil, ErrDepth
		}
		if tok.Kind() == '{' {
			return d.object(depth + 1)
		}
		return d.array(depth + 1)
	case '"':
		t := tok.String()
		if len(t) > d.lim.Text {
			return nil, ErrText
		}
		return t, nil
	case '0':
		t := tok.String()
		if len(t) > d.lim.Text {
			return nil, ErrText
		}
		return json.Number(t), nil
	case 't', 'f':
		return tok.Bool(), nil
	case 'n':
		return nil, nil
	default:
		return nil, ErrSyntax
	}
}

func (d *decoder) object(depth int) (any, error) {
	out := map[string]any{}
	for {
		tok, err := d.dec.ReadToken()
		switch {
		case err != nil:
			return nil, ErrSyntax
		case tok.Kind() == '}':
			return out, nil
		}
		key := tok.String()
		if len(key) > d.lim.Text {
			return nil, ErrText
		}
		if _, twice := out[key]; twice {
			return nil, ErrDuplicate
		}
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
}

func (d *decoder) array(depth int) (any, error) {
	out := []any{}
	for d.dec.PeekKind() != ']' {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return nil, ErrSyntax
	}
	return out, nil
}

// ErrValue is the identity of what Decode does not make and Encode refuses.
var ErrValue = errors.New("value is of no JSON document")

// Encode writes a decoded document back: keys in byte order, numbers as they
// stood, no HTML escapes. The same document always gives the same bytes.
func Encode(v any) ([]byte, error) {
	return appendValue(make([]byte, 0, 4096), v)
}

func appendValue(b []byte, v any) ([]byte, error) {
	var err error
	switch t := v.(type) {
	case map[string]any:
		return appendObject(b, t)
	case []any:
		b = append(b, '[')
		for i, e := range t {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendValue(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case string:
		return appendText(b, t)
	case json.Number:
		return append(b, t...), nil
	case bool:
		return strconv.AppendBool(b, t), nil
	case nil:
		return append(b, "null"...), nil
	default:
		return nil, fmt.Errorf("encode document: %T: %w", v, ErrValue)
	}
}

func appendObject(b []byte, m map[string]any) ([]byte, error) {
	var room [48]string
	keys := room[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendText(b, k); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), m[k]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendText(b []byte, s string) ([]byte, error) {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return b, nil
}

// At returns the value at a dotted path of keys, and whether it is there.
func At(v any, path string) (any, bool) {
	if path == "" {
		return v, true
	}
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok {
			return nil, false
		}
	}
	return v, true
}
