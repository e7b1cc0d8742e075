package avroevent

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// ErrPoison is the identity of every fault of the typed decoders.
var ErrPoison = errors.New("record cannot be decoded")

// Decoder decodes records. It keeps memory between calls and therefore belongs
// to one goroutine. What it returns does not share memory with the value, but
// for Poison.Raw.
type Decoder struct {
	codec *Codec
	in    reader
}

// NewDecoder returns a decoder for one reader.
func (c *Codec) NewDecoder() *Decoder { return &Decoder{codec: c, in: newReader()} }

// Decode decodes value into rec, whose Key must be set, as Decoder.Decode does.
func (c *Codec) Decode(value []byte, rec *ledger.Record) {
	d := c.decoders.Get().(*Decoder)
	defer c.decoders.Put(d)
	d.Decode(value, rec)
}

// Decode sets exactly one payload pointer of rec; Offset, RecordedAt and Key
// stay. It is total: what cannot be decoded, or breaks a rule the fold relies
// on, becomes a Poison with one of the Reasons.
func (d *Decoder) Decode(value []byte, rec *ledger.Record) {
	*rec = ledger.Record{Offset: rec.Offset, RecordedAt: rec.RecordedAt, Key: rec.Key}
	if reason := d.decode(value, rec); reason != "" {
		*rec = ledger.Record{
			Offset: rec.Offset, RecordedAt: rec.RecordedAt, Key: rec.Key,
			Poison: &ledger.Poison{Reason: reason, Raw: value},
		}
	}
}

// open checks the header, brings the record to its current schema and points
// the reader at it. The reason is empty if that went well.
func (d *Decoder) open(value []byte) (shape, string) {
	switch {
	case len(value) == 0:
		return 0, ReasonTombstone
	case len(value) > MaxValue:
		return 0, ReasonOversize
	case len(value) < headerLen || value[0] != 0:
		return 0, ReasonNotAvro
	}
	l, ok := d.codec.known[binary.BigEndian.Uint32(value[1:])]
	if !ok {
		return 0, ReasonUnknownSchema
	}
	payload := value[headerLen:]
	if l.older != nil {
		var reason string
		if payload, reason = l.older.upgrade(payload); reason != "" {
			return 0, reason
		}
	}
	d.in.reset(payload)
	return l.shape, ""
}

func (d *Decoder) decode(value []byte, rec *ledger.Record) (reason string) {
	defer func() {
		if recover() != nil {
			reason = ReasonMalformed
		}
	}()
	n, reason := d.open(value)
	if reason != "" {
		return reason
	}
	in := &d.in
	switch n {
	case shapeEvent:
		return d.decodeEvent(rec)
	case shapeUnkeyed:
		return d.decodeUnkeyed(rec)
	case shapeTick:
		rec.Tick = new(ledger.Tick)
		in.tick(rec.Tick)
	case shapePolicy:
		rec.Policy = new(ledger.PolicyRecord)
		in.policy(rec.Policy)
	case shapeAction:
		rec.Action = new(ledger.OperatorAction)
		in.action(rec.Action)
	case shapeLooked:
		rec.Looked = new(ledger.Looked)
		in.looked(rec.Looked)
		in.require(string(rec.Looked.Order) == string(rec.Key))
	case shapeClockReset:
		rec.Reset = new(ledger.ClockReset)
		in.clockReset(rec.Reset)
	case shapeFoldCutover:
		rec.Cutover = new(ledger.FoldCutover)
		in.foldCutover(rec.Cutover)
	case shapeBinding, shapeReemit, shapeBound, shapeForwarded:
		return d.decodeJoin(n, rec)
	case shapeMerge, shapeSplit, shapeMute, shapeMoved, shapeThrough:
		return d.decodeMerge(n, rec)
	default:
		return ReasonMisplaced
	}
	return in.verdict()
}

func (d *Decoder) decodeEvent(rec *ledger.Record) string {
	e := new(ledger.Event)
	d.in.event(e)
	d.in.require(e.Order != "" && string(e.Order) == string(rec.Key))
	rec.Event = e
	return d.proven(e)
}

func (d *Decoder) decodeUnkeyed(rec *ledger.Record) string {
	u := new(ledger.Unkeyed)
	d.in.unkeyed(u)
	d.in.require(string(u.By.Key()) == string(rec.Key))
	rec.Unkeyed = u
	return d.proven(&u.Event)
}

// decodeJoin decodes a record by which the alias store and the orders'
// partitions speak to each other.
func (d *Decoder) decodeJoin(n shape, rec *ledger.Record) string {
	in, key := &d.in, string(rec.Key)
	switch n {
	case shapeBinding:
		rec.Binding = new(ledger.AliasBinding)
		in.binding(rec.Binding)
		in.require(string(rec.Binding.Alias.Key()) == key)
	case shapeReemit:
		rec.Reemit = new(ledger.Reemit)
		in.reemit(rec.Reemit)
		in.require(string(rec.Reemit.Order) == key)
		return d.proven(&rec.Reemit.Event)
	case shapeBound:
		rec.Bound = new(ledger.Bound)
		in.bound(rec.Bound)
		in.require(string(rec.Bound.Order) == key)
	default:
		rec.Forward = new(ledger.Forwarded)
		in.forwarded(rec.Forward)
	}
	return in.verdict()
}

// decodeMerge decodes a merge, a split or a mute, or what partitions of orders tell each
// other about merged orders.
func (d *Decoder) decodeMerge(n shape, rec *ledger.Record) string {
	in := &d.in
	switch n {
	case shapeMerge:
		rec.Merge = new(ledger.Merge)
		in.merge(rec.Merge)
	case shapeSplit:
		rec.Split = new(ledger.Split)
		in.split(rec.Split)
	case shapeMute:
		rec.Mute = new(ledger.Mute)
		in.mute(rec.Mute)
	case shapeMoved:
		rec.Moved = new(ledger.Moved)
		in.moved(rec.Moved)
		in.require(string(rec.Moved.Root) == string(rec.Key))
		return d.proven(&rec.Moved.Event)
	default:
		rec.Through = new(ledger.Through)
		in.through(rec.Through)
	}
	return in.verdict()
}

// proven is the reader's verdict, then whether the event's id is its own.
func (d *Decoder) proven(e *ledger.Event) string {
	if reason := d.in.verdict(); reason != "" {
		return reason
	}
	if e.ID != e.ComputeID() {
		return ReasonForgedID
	}
	return ""
}

// typed decodes a value that must be of one shape. It is a function, not a
// method, because methods have no type parameters.
func typed[T any](d *Decoder, value []byte, want shape, read func(*reader, *T)) (out *T, err error) {
	refuse := func(reason string) (*T, error) {
		return nil, fmt.Errorf("decode %s: %s: %w", shapeNames[want], reason, ErrPoison)
	}
	defer func() {
		if recover() != nil {
			out, err = refuse(ReasonMalformed)
		}
	}()
	n, reason := d.open(value)
	switch {
	case reason != "":
		return refuse(reason)
	case n != want:
		return refuse(ReasonMisplaced)
	}
	out = new(T)
	read(&d.in, out)
	if reason := d.in.verdict(); reason != "" {
		return refuse(reason)
	}
	return out, nil
}

// DecodeQuarantined decodes a value of orders.quarantine.v1.
func (d *Decoder) DecodeQuarantined(value []byte) (*ledger.Quarantined, error) {
	return typed(d, value, shapeQuarantined, (*reader).quarantined)
}

// DecodeSourceStatus decodes a value of orders.sources.v1.
func (d *Decoder) DecodeSourceStatus(value []byte) (*ledger.SourceStatus, error) {
	return typed(d, value, shapeSourceStatus, (*reader).sourceStatus)
}

// DecodeException decodes a value of orders.exceptions.v1.
func (d *Decoder) DecodeException(value []byte) (*ExceptionRecord, error) {
	return typed(d, value, shapeException, (*reader).exception)
}

// DecodeAliasIndex decodes a value of orders.aliases.v1.
func (d *Decoder) DecodeAliasIndex(value []byte) (*ledger.AliasIndex, error) {
	return typed(d, value, shapeAliasIndex, (*reader).aliasIndex)
}

// DecodePolicy decodes a value of orders.control.v1.
func (d *Decoder) DecodePolicy(value []byte) (*ledger.PolicyRecord, error) {
	return typed(d, value, shapePolicy, (*reader).policy)
}

// DecodeUnkeyed decodes a value of orders.unkeyed.v1 without regard to its key.
func (d *Decoder) DecodeUnkeyed(value []byte) (*ledger.Unkeyed, error) {
	u, err := typed(d, value, shapeUnkeyed, (*reader).unkeyed)
	if err == nil && u.Event.ID != u.Event.ComputeID() {
		return nil, fmt.Errorf("decode Unkeyed: %s: %w", ReasonForgedID, ErrPoison)
	}
	return u, err
}
