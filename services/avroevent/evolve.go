package avroevent

import (
	"fmt"
	"math"

	hamba "github.com/hamba/avro/v2"
)

// evolution brings records of one listed schema to the current one of the same
// record: fields the writer did not know take their defaults, fields and
// symbols the reader does not know are dropped or become UNKNOWN.
type evolution struct {
	api      hamba.API
	writer   hamba.Schema
	resolved hamba.Schema
	reader   hamba.Schema
}

func newEvolution(writerText, readerText []byte) (*evolution, error) {
	e := &evolution{api: hamba.Config{
		BlockLength:            math.MaxInt32,
		DisableBlockSizeHeader: true,
		MaxByteSliceSize:       MaxValue,
		MaxSliceAllocSize:      maxElements,
	}.Freeze()}
	var err error
	if e.writer, err = parse(writerText); err != nil {
		return nil, err
	}
	if e.reader, err = parse(readerText); err != nil {
		return nil, err
	}
	if e.resolved, err = hamba.NewSchemaCompatibility().Resolve(e.reader, e.writer); err != nil {
		return nil, fmt.Errorf("resolve to the current schema: %w", err)
	}
	return e, nil
}

// parse parses a schema of its own name space, so that versions do not mix.
func parse(text []byte) (hamba.Schema, error) {
	s, err := hamba.ParseBytesWithCache(text, "", new(hamba.SchemaCache))
	if err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	return s, nil
}

// upgrade rewrites a payload. The bytes are walked within bounds first: the
// library's own skipping trusts the lengths it reads.
func (e *evolution) upgrade(payload []byte) ([]byte, string) {
	w := walker{r: hamba.NewReader(nil, 0), size: int64(len(payload))}
	w.r.Reset(payload)
	w.walk(e.writer)
	if w.failed() {
		return nil, ReasonMalformed
	}
	if w.r.Peek(); w.r.Error == nil {
		return nil, ReasonTrailing
	}
	var generic map[string]any
	if err := e.api.Unmarshal(e.resolved, payload, &generic); err != nil {
		return nil, ReasonMalformed
	}
	out, err := e.api.Marshal(e.reader, generic)
	if err != nil {
		return nil, ReasonMalformed
	}
	return out, ""
}

// walker checks bytes against a schema, in bounds.
type walker struct {
	r      *hamba.Reader
	size   int64
	broken bool
}

func (w *walker) failed() bool { return w.broken || w.r.Error != nil }

func (w *walker) walk(s hamba.Schema) {
	if w.failed() {
		return
	}
	switch s := s.(type) {
	case *hamba.RefSchema:
		w.walk(s.Schema())
	case *hamba.RecordSchema:
		for _, f := range s.Fields() {
			w.walk(f.Type())
		}
	case *hamba.ArraySchema:
		w.list(s.Items())
	case *hamba.EnumSchema:
		i := w.r.ReadInt()
		w.broken = w.broken || i < 0 || int(i) >= len(s.Symbols())
	case *hamba.FixedSchema:
		w.skip(int64(s.Size()))
	case *hamba.PrimitiveSchema:
		w.primitive(s.Type())
	default:
		w.broken = true
	}
}

func (w *walker) primitive(t hamba.Type) {
	switch t {
	case hamba.String, hamba.Bytes:
		w.skip(w.r.ReadLong())
	case hamba.Long:
		w.r.ReadLong()
	case hamba.Int:
		w.r.ReadInt()
	case hamba.Boolean:
		w.r.ReadBool()
	default:
		w.broken = true
	}
}

func (w *walker) skip(n int64) {
	if n < 0 || n > w.size {
		w.broken = true
		return
	}
	w.r.SkipNBytes(int(n))
}

// list walks blocks of positive count only, which is all we ever write.
func (w *walker) list(items hamba.Schema) {
	var total int64
	for {
		n := w.r.ReadLong()
		if n == 0 || w.failed() {
			return
		}
		if total += n; n < 0 || total > maxElements {
			w.broken = true
			return
		}
		for range n {
			if w.walk(items); w.failed() {
				return
			}
		}
	}
}
