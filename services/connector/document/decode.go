// Package document decodes JSON that strangers sent us, within bounds, without
// losing a digit and without guessing what a key that stands twice means.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
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
	d := &decoder{dec: json.NewDecoder(bytes.NewReader(raw)), lim: lim}
	d.dec.UseNumber()
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", d.dec.InputOffset(), err)
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("at byte %d: %w", d.dec.InputOffset(), ErrTrailing)
	}
	return v, nil
}

type decoder struct {
	dec    *json.Decoder
	lim    Limits
	values int
}

func (d *decoder) value(depth int) (any, error) {
	tok, err := d.dec.Token()
	if err != nil {
		return nil, ErrSyntax
	}
	d.values++
	if d.values > d.lim.Values {
		return nil, ErrSize
	}
	switch t := tok.(type) {
	case json.Delim:
		if depth >= d.lim.Depth {
			return nil, ErrDepth
		}
		switch t {
		case '{':
			return d.object(depth + 1)
		case '[':
			return d.array(depth + 1)
		}
		return nil, ErrSyntax
	case string:
		if len(t) > d.lim.Text {
			return nil, ErrText
		}
		return t, nil
	case json.Number:
		if len(t) > d.lim.Text {
			return nil, ErrText
		}
		return t, nil
	default:
		return tok, nil // bool or nil
	}
}

func (d *decoder) object(depth int) (any, error) {
	out := map[string]any{}
	for d.dec.More() {
		tok, err := d.dec.Token()
		if err != nil {
			return nil, ErrSyntax
		}
		key, ok := tok.(string)
		if !ok {
			return nil, ErrSyntax
		}
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
	if _, err := d.dec.Token(); err != nil {
		return nil, ErrSyntax
	}
	return out, nil
}

func (d *decoder) array(depth int) (any, error) {
	out := []any{}
	for d.dec.More() {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if _, err := d.dec.Token(); err != nil {
		return nil, ErrSyntax
	}
	return out, nil
}

// Encode writes a decoded document back: keys in byte order, numbers as they
// stood, no HTML escapes. The same document always gives the same bytes.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
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
