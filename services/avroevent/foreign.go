package avroevent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	hamba "github.com/hamba/avro/v2"
)

// ErrForeign says that bytes are not what the schema of somebody else says.
var ErrForeign = errors.New("the bytes are not what their schema says")

// Bounds of a foreign value: values in all, nesting, and bytes of JSON.
const (
	maxForeignValues = 200_000
	maxForeignDepth  = 40
	maxForeignJSON   = 8 << 20
)

// ForeignSchema is the schema of somebody else's records. It is immutable and
// safe for concurrent use.
type ForeignSchema struct{ schema hamba.Schema }

// ParseForeign parses a schema. Named types that it uses and does not define
// stand in the others, each after what it uses itself.
func ParseForeign(schema string, others []string) (*ForeignSchema, error) {
	cache := new(hamba.SchemaCache)
	for _, o := range others {
		if _, err := hamba.ParseWithCache(o, "", cache); err != nil {
			return nil, fmt.Errorf("parse a referenced schema: %w", err)
		}
	}
	s, err := hamba.ParseWithCache(schema, "", cache)
	if err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	return &ForeignSchema{s}, nil
}

// JSON reads a value and writes it as JSON without losing a digit: records and
// maps become objects, unions the value they hold, decimals exact numbers,
// points in time RFC 3339 in UTC (local ones without offset), bytes base64.
// Its error matches ErrForeign and quotes nothing of the value.
func (f *ForeignSchema) JSON(value []byte) ([]byte, error) {
	w := &foreign{r: hamba.NewReader(nil, 0), size: int64(len(value)), out: make([]byte, 0, 4*len(value))}
	w.r.Reset(value)
	if err := w.value(f.schema, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if w.r.Error != nil {
		return nil, fmt.Errorf("%w: they end too early", ErrForeign)
	}
	if w.r.Peek(); w.r.Error == nil {
		return nil, fmt.Errorf("%w: something follows the record", ErrForeign)
	}
	return w.out, nil
}

// foreign reads one value within bounds.
type foreign struct {
	r      *hamba.Reader
	size   int64
	values int
	out    []byte
}

var (
	errForeignEnd    = errors.New("they end too early")
	errForeignBounds = errors.New("a length or an index is out of range")
	errForeignText   = errors.New("a text is not UTF-8")
	errForeignLarge  = errors.New("they hold too many values")
	errForeignType   = errors.New("their schema has a type that is not read")
)

func (w *foreign) value(s hamba.Schema, depth int) error {
	if w.values++; w.values > maxForeignValues || depth > maxForeignDepth || len(w.out) > maxForeignJSON {
		return errForeignLarge
	}
	if w.r.Error != nil {
		return errForeignEnd
	}
	switch s := s.(type) {
	case *hamba.RefSchema:
		return w.value(s.Schema(), depth)
	case *hamba.RecordSchema:
		return w.record(s, depth)
	case *hamba.ArraySchema:
		w.out = append(w.out, '[')
		err := w.blocks(func(first bool) error { return w.element(first, s.Items(), depth+1) })
		w.out = append(w.out, ']')
		return err
	case *hamba.MapSchema:
		return w.object(s, depth)
	case *hamba.UnionSchema:
		i := w.r.ReadLong()
		if w.r.Error != nil || i < 0 || i >= int64(len(s.Types())) {
			return errForeignBounds
		}
		return w.value(s.Types()[i], depth)
	case *hamba.EnumSchema:
		word, ok := s.Symbol(int(w.r.ReadInt()))
		if !ok || w.r.Error != nil {
			return errForeignBounds
		}
		return w.text(word)
	case *hamba.FixedSchema:
		b, err := w.bytes(int64(s.Size()))
		if err != nil {
			return err
		}
		return w.binary(b, s.Logical())
	case *hamba.NullSchema:
		w.out = append(w.out, "null"...)
		return nil
	case *hamba.PrimitiveSchema:
		return w.primitive(s)
	default:
		return errForeignType
	}
}

func (w *foreign) record(s *hamba.RecordSchema, depth int) error {
	w.out = append(w.out, '{')
	for i, f := range s.Fields() {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.text(f.Name()); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.value(f.Type(), depth+1); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *foreign) object(s *hamba.MapSchema, depth int) error {
	w.out = append(w.out, '{')
	err := w.blocks(func(first bool) error {
		if !first {
			w.out = append(w.out, ',')
		}
		key, err := w.bytes(w.r.ReadLong())
		if err != nil {
			return err
		}
		if err := w.text(string(key)); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		return w.value(s.Values(), depth+1)
	})
	w.out = append(w.out, '}')
	return err
}

func (w *foreign) element(first bool, s hamba.Schema, depth int) error {
	if !first {
		w.out = append(w.out, ',')
	}
	return w.value(s, depth)
}

// blocks runs fn for every element of an array or map.
func (w *foreign) blocks(fn func(first bool) error) error {
	first := true
	for {
		n := w.r.ReadLong()
		if n < 0 { // the block states its size in bytes
			n = -n
			w.r.ReadLong()
		}
		switch {
		case w.r.Error != nil:
			return errForeignEnd
		case n == 0:
			return nil
		case n < 0 || n > maxForeignValues:
			return errForeignLarge
		}
		for range n {
			if err := fn(first); err != nil {
				return err
			}
			first = false
		}
	}
}

func (w *foreign) bytes(n int64) ([]byte, error) {
	if w.r.Error != nil || n < 0 || n > w.size {
		return nil, errForeignBounds
	}
	b := make([]byte, n)
	if n > 0 {
		w.r.Read(b)
	}
	if w.r.Error != nil {
		return nil, errForeignEnd
	}
	return b, nil
}

func (w *foreign) text(s string) error {
	if !utf8.ValidString(s) {
		return errForeignText
	}
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write text: %w", err)
	}
	w.out = append(w.out, b...)
	return nil
}

func (w *foreign) primitive(s *hamba.PrimitiveSchema) error {
	switch s.Type() {
	case hamba.Boolean:
		w.out = strconv.AppendBool(w.out, w.r.ReadBool())
	case hamba.Int:
		return w.whole(int64(w.r.ReadInt()), s.Logical())
	case hamba.Long:
		return w.whole(w.r.ReadLong(), s.Logical())
	case hamba.Float:
		return w.real(float64(w.r.ReadFloat()), 32)
	case hamba.Double:
		return w.real(w.r.ReadDouble(), 64)
	case hamba.String:
		b, err := w.bytes(w.r.ReadLong())
		if err != nil {
			return err
		}
		return w.text(string(b))
	case hamba.Bytes:
		b, err := w.bytes(w.r.ReadLong())
		if err != nil {
			return err
		}
		return w.binary(b, s.Logical())
	default:
		return errForeignType
	}
	return nil
}

// real writes the shortest decimal that is the number; JSON has none for what
// is no number.
func (w *foreign) real(f float64, bits int) error {
	text := strconv.FormatFloat(f, 'f', -1, bits)
	if strings.Trim(text, "-.0123456789") != "" {
		text = "null"
	}
	w.out = append(w.out, text...)
	return nil
}

// whole writes an integer, or the point in time that it counts to.
func (w *foreign) whole(n int64, logical hamba.LogicalSchema) error {
	if logical == nil {
		w.out = strconv.AppendInt(w.out, n, 10)
		return nil
	}
	var at time.Time
	layout := time.RFC3339Nano
	switch logical.Type() {
	case hamba.TimestampMillis:
		at = time.UnixMilli(n)
	case hamba.TimestampMicros:
		at = time.UnixMicro(n)
	case hamba.LocalTimestampMillis:
		at, layout = time.UnixMilli(n), "2006-01-02T15:04:05.999999999"
	case hamba.LocalTimestampMicros:
		at, layout = time.UnixMicro(n), "2006-01-02T15:04:05.999999999"
	case hamba.Date:
		at, layout = time.Unix(n*86400, 0), time.DateOnly
	case hamba.TimeMillis:
		at, layout = time.UnixMilli(n), "15:04:05.999999999"
	case hamba.TimeMicros:
		at, layout = time.UnixMicro(n), "15:04:05.999999999"
	default:
		w.out = strconv.AppendInt(w.out, n, 10)
		return nil
	}
	return w.text(at.UTC().Format(layout))
}

// binary writes bytes: a decimal as a number, all else in base64.
func (w *foreign) binary(b []byte, logical hamba.LogicalSchema) error {
	d, ok := logical.(*hamba.DecimalLogicalSchema)
	if !ok {
		return w.text(base64.StdEncoding.EncodeToString(b))
	}
	if len(b) > 64 || d.Scale() > 100 {
		return errForeignBounds
	}
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	sign, digits := "", new(big.Int).Abs(n).String()
	if n.Sign() < 0 {
		sign = "-"
	}
	if scale := d.Scale(); scale > 0 {
		if len(digits) <= scale {
			digits = strings.Repeat("0", scale-len(digits)+1) + digits
		}
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	w.out = append(append(w.out, sign...), digits...)
	return nil
}
