package avroevent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	hamba "github.com/hamba/avro/v2"

	"github.com/orderledger/orderledger/ledger"
	contract "github.com/orderledger/orderledger/proto/avro"
)

// MaxValue is the greatest length of a value in bytes, header included. It is
// twice what the topics accept per record batch.
const MaxValue = 8 << 20

const headerLen = 5

// Errors of Encode; match with errors.Is.
var (
	// ErrInvalid: the value breaks a rule that Decode enforces.
	ErrInvalid = errors.New("record is not valid")
	// ErrOversize: the encoding is longer than MaxValue.
	ErrOversize = errors.New("record is longer than 8 MiB")
	// ErrUnsupported: the value's type has no schema.
	ErrUnsupported = errors.New("type has no schema")
)

// ExceptionRecord is an exception as it stood after one change, the payload of
// orders.exceptions.v1.
type ExceptionRecord struct {
	Partition int32
	ledger.ExceptionRow
}

// shape numbers the record types this package can encode.
type shape uint8

const (
	shapeEvent shape = iota
	shapeUnkeyed
	shapeTick
	shapeSourceStatus
	shapePolicy
	shapeAction
	shapeLooked
	shapeClockReset
	shapeFoldCutover
	shapeQuarantined
	shapeException
	shapeBinding
	shapeReemit
	shapeBound
	shapeForwarded
	shapeMerge
	shapeSplit
	shapeMoved
	shapeThrough
	shapeAliasIndex
	shapeMute
	shapes
)

var shapeNames = [shapes]string{
	"OrderEvent", "Unkeyed", "Tick", "SourceStatus", "Policy", "OperatorAction",
	"Looked", "ClockReset", "FoldCutover", "Quarantined", "Exception",
	"AliasBinding", "Reemit", "Bound", "Forwarded", "Merge", "Split", "Moved", "Through", "AliasIndex", "Mute",
}

// listed is one schema of the manifest as the decoder uses it.
type listed struct {
	shape shape
	// older is nil if the schema is the current one of its record.
	older *evolution
}

// Codec encodes and decodes records. It is immutable after New and safe for
// concurrent use; a reader of a partition should own a Decoder of it.
type Codec struct {
	current  [shapes]uint32
	known    map[uint32]listed
	writers  sync.Pool
	decoders sync.Pool
}

// New builds a codec over the committed schemas.
func New() (*Codec, error) { return newCodec(contract.Schemas()) }

func newCodec(schemas []contract.Schema, err error) (*Codec, error) {
	if err != nil {
		return nil, fmt.Errorf("load schemas: %w", err)
	}
	c := &Codec{known: make(map[uint32]listed, len(schemas))}
	var now [shapes]*contract.Schema
	for i := range schemas {
		s := &schemas[i]
		n := slices.Index(shapeNames[:], s.Record)
		if n < 0 {
			return nil, fmt.Errorf("schema %d: record %s is not one of ours", s.ID, s.Record)
		}
		if s.Current {
			now[n], c.current[n] = s, s.ID
		}
	}
	for i := range schemas {
		s := &schemas[i]
		n := shape(slices.Index(shapeNames[:], s.Record))
		l := listed{shape: n}
		if now[n] == nil {
			return nil, fmt.Errorf("record %s: no schema is current", s.Record)
		}
		if !s.Current {
			if l.older, err = newEvolution(s.Text, now[n].Text); err != nil {
				return nil, fmt.Errorf("schema %d: %w", s.ID, err)
			}
		}
		c.known[s.ID] = l
	}
	for n := range shapes {
		if now[n] == nil {
			return nil, fmt.Errorf("record %s: not in the manifest", shapeNames[n])
		}
	}
	c.writers.New = func() any { return &writer{w: hamba.NewWriter(nil, 1024)} }
	c.decoders.New = func() any { return c.NewDecoder() }
	return c, nil
}

// Encode appends the encoding of v to dst. v is a pointer to one of
// ledger.Event, Unkeyed, Tick, SourceStatus, PolicyRecord, OperatorAction,
// Looked, ClockReset, FoldCutover, Quarantined, AliasBinding, Reemit, Bound,
// Forwarded, Merge, Split, Moved, Through, AliasIndex, Mute, or to an ExceptionRecord.
// Whatever it accepts, Decode accepts. Text that is not UTF-8 is mended where
// it identifies nothing and refused elsewhere.
func (c *Codec) Encode(dst []byte, v any) ([]byte, error) {
	w := c.writers.Get().(*writer)
	defer c.writers.Put(w)
	w.w.Reset(nil)
	w.err = nil
	n, ok := w.record(v)
	switch {
	case !ok:
		return dst, fmt.Errorf("encode %T: %w", v, ErrUnsupported)
	case w.err != nil:
		return dst, fmt.Errorf("encode %s: %w", shapeNames[n], w.err)
	case headerLen+w.w.Buffered() > MaxValue:
		return dst, fmt.Errorf("encode %s of %d bytes: %w", shapeNames[n], w.w.Buffered(), ErrOversize)
	}
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, c.current[n])
	return append(dst, w.w.Buffer()...), nil
}

// SchemaID returns the id under which Encode writes v, false if v has no schema.
func (c *Codec) SchemaID(v any) (uint32, bool) {
	n, ok := shapeOf(v)
	if !ok {
		return 0, false
	}
	return c.current[n], true
}

// Holds reports whether a value was written for the type of v, whatever version
// of its schema. It looks at the header alone.
func (c *Codec) Holds(value []byte, v any) bool {
	if len(value) < headerLen || value[0] != 0 {
		return false
	}
	n, ok := shapeOf(v)
	l, known := c.known[binary.BigEndian.Uint32(value[1:])]
	return ok && known && l.shape == n
}

func shapeOf(v any) (shape, bool) {
	switch v.(type) {
	case *ledger.Event:
		return shapeEvent, true
	case *ledger.Unkeyed:
		return shapeUnkeyed, true
	case *ledger.Tick:
		return shapeTick, true
	case *ledger.SourceStatus:
		return shapeSourceStatus, true
	case *ledger.PolicyRecord:
		return shapePolicy, true
	case *ledger.OperatorAction:
		return shapeAction, true
	case *ledger.Looked:
		return shapeLooked, true
	case *ledger.ClockReset:
		return shapeClockReset, true
	case *ledger.FoldCutover:
		return shapeFoldCutover, true
	case *ledger.Quarantined:
		return shapeQuarantined, true
	case *ExceptionRecord:
		return shapeException, true
	case *ledger.AliasBinding:
		return shapeBinding, true
	case *ledger.Reemit:
		return shapeReemit, true
	case *ledger.Bound:
		return shapeBound, true
	case *ledger.Forwarded:
		return shapeForwarded, true
	case *ledger.Merge:
		return shapeMerge, true
	case *ledger.Split:
		return shapeSplit, true
	case *ledger.Moved:
		return shapeMoved, true
	case *ledger.Through:
		return shapeThrough, true
	case *ledger.AliasIndex:
		return shapeAliasIndex, true
	case *ledger.Mute:
		return shapeMute, true
	default:
		return 0, false
	}
}
