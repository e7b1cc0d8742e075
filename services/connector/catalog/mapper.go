package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/document"
)

// QuarantineRetention is how long originals of quarantined documents are kept
// (S-39).
const QuarantineRetention = 90 * ledger.Day

// Reasons of quarantine, machine-readable.
const (
	ReasonBroken       = "broken-json"  // not a JSON document, or beyond the limits
	ReasonUnrecognised = "unrecognised" // no document of the catalog has this shape and no order key can be found
	ReasonUnmappable   = "unmappable"   // a document of known shape whose mapping failed
)

// MapperOptions configure a Mapper.
type MapperOptions struct {
	Source *connector.Source
	// HashKey keys the hashes of e-mail addresses and telephone numbers;
	// without it they are removed.
	HashKey []byte
	Limits  document.Limits
	// Bodiless leaves the documents' bytes out of the events, for those who will
	// never show them.
	Bodiless bool
}

// Mapper turns documents of one source into events. It is safe for concurrent
// use.
type Mapper struct {
	system    *System
	source    ledger.Source
	origin    ledger.Source
	issuers   map[ledger.Role][]ledger.Source // of names, by role
	precision ledger.Micros
	limits    document.Limits
	redaction *document.Redaction
	vars      map[string]string
	zone      string
	baseURL   string // the source's base URL
	zstd      *zstd.Encoder
	bodiless  bool
}

// NewMapper binds the system to a source.
func (s *System) NewMapper(o MapperOptions) (*Mapper, error) {
	if err := errors.Join(o.Source.Validate(), s.Check(o.Source)); err != nil {
		return nil, err
	}
	red, err := document.NewRedaction(s.remove, s.hash, o.HashKey)
	if err != nil {
		return nil, fmt.Errorf("system %s: personal: %w", s.Name, err)
	}
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	if o.Limits == (document.Limits{}) {
		o.Limits = document.DefaultLimits()
	}
	return &Mapper{
		system: s, source: ledger.Source(o.Source.Name), origin: o.Source.OriginName(),
		precision: s.precision(o.Source).Micros(), limits: o.Limits, redaction: red, zstd: enc, zone: s.ZoneOf(o.Source),
		vars: s.vars(o.Source), baseURL: o.Source.BaseURL, issuers: o.Source.IssuedBy, bodiless: o.Bodiless,
	}, nil
}

func newEncoder() (*zstd.Encoder, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return enc, nil
}

// Input is one document and how it came.
type Input struct {
	Feed       *Feed
	Raw        []byte
	ReceivedAt ledger.Instant
	// AskedAt and PrevAsked are set for documents that a poll read (S-12).
	AskedAt   ledger.Instant
	PrevAsked ledger.Instant
	// Delivery is not signed and only an attribute.
	Delivery ledger.Delivery
	// SignedAt is the instant that the signature covers, zero if none.
	SignedAt ledger.Instant
	TraceID  string
	// Place is where a row of a file or a record of a topic stands, such as
	// "orders.csv:17" or "orders/3@1042"; empty for all else.
	Place string
}

// Result is what became of a document: exactly one of its fields besides
// Document is set.
type Result struct {
	// Document names the document of the catalog whose shape it has; empty for
	// what no mapping was applied to.
	Document    string
	Event       *ledger.Event
	Unkeyed     *ledger.Unkeyed
	Quarantined *ledger.Quarantined
	Foreign     bool
	// Trigger is a delivery that only says where to read.
	Trigger *Trigger
}

// Outgoing returns what the result appends to the log; nothing for a foreign
// document.
func (r *Result) Outgoing() connector.Outgoing {
	var out connector.Outgoing
	switch {
	case r.Event != nil:
		out.Events = []*ledger.Event{r.Event}
	case r.Unkeyed != nil:
		out.Unkeyed = []*ledger.Unkeyed{r.Unkeyed}
	case r.Quarantined != nil:
		out.Quarantined = []*ledger.Quarantined{r.Quarantined}
	}
	return out
}

// Outcome names the result for a counter.
func (r *Result) Outcome() connector.Outcome {
	switch {
	case r.Foreign:
		return connector.OutcomeForeign
	case r.Quarantined != nil:
		return connector.OutcomeQuarantined
	default:
		return connector.OutcomeAccepted
	}
}

// Map is total: whatever the bytes, the result is defined. The bytes must be
// authentic already.
func (m *Mapper) Map(in Input) Result {
	doc, err := document.Decode(in.Raw, m.limits)
	if err != nil {
		return m.quarantine(&in, in.Raw, ReasonBroken, err.Error())
	}
	m.redaction.Apply(doc)
	body, err := document.Encode(doc)
	if err != nil {
		return m.quarantine(&in, in.Raw, ReasonBroken, err.Error())
	}
	x := &extraction{mapper: m, doc: doc, in: &in}
	if in.Feed.topic != nil {
		if t, ok, err := x.text(in.Feed.topic, doc); err == nil && ok {
			in.Delivery.Topic = t
		}
	}
	if r := x.refused(); r != nil {
		return m.quarantine(&in, body, r.reason, r.detail)
	}
	switch t, is, err := x.triggered(); {
	case is && errors.Is(err, ErrElsewhere):
		return m.quarantine(&in, body, ReasonElsewhere, err.Error())
	case is && err != nil:
		return m.quarantine(&in, body, ReasonUnmappable, err.Error())
	case is:
		return Result{Trigger: t}
	}
	d := x.choose()
	if d == nil {
		return m.unknown(x, body)
	}
	ours := true
	if d.ours != nil {
		if ours, err = x.truth(d.ours, doc); err != nil {
			return m.quarantine(&in, body, ReasonUnmappable, err.Error())
		}
	}
	if !ours {
		return Result{Document: d.name, Foreign: true}
	}
	res, err := m.event(x, d, body)
	if err != nil {
		res = m.quarantine(&in, body, ReasonUnmappable, err.Error())
		res.Document = d.name
	}
	return res
}

// choose picks the document by its shape. Only where several shapes agree does
// the topic, which nobody signed, decide between them; then the first wins.
func (x *extraction) choose() *mapping {
	var first *mapping
	for _, d := range x.in.Feed.documents {
		fits, err := x.truth(d.shape, x.doc)
		if err != nil || !fits {
			continue
		}
		for _, pattern := range d.topics {
			if ok, _ := path.Match(pattern, x.in.Delivery.Topic); ok {
				return d
			}
		}
		if first == nil {
			first = d
		}
	}
	return first
}

func (m *Mapper) event(x *extraction, d *mapping, body []byte) (Result, error) {
	return m.eventOf(x, d, m.body(body))
}

// eventOf is event for a body that is packed already.
func (m *Mapper) eventOf(x *extraction, d *mapping, body ledger.Body) (Result, error) {
	if err := x.subject(d); err != nil {
		return Result{}, err
	}
	e := m.base(x.in, body)
	e.Kind, e.Direction = d.kind, d.direction
	e.NativeKind = x.in.Delivery.Topic
	if e.NativeKind == "" {
		e.NativeKind = d.name
	}
	if d.nativeID != nil {
		id, _, err := x.text(d.nativeID, x.it)
		if err != nil {
			return Result{}, err
		}
		e.NativeID = id
	}
	if err := x.fill(e, d); err != nil {
		return Result{}, err
	}
	if e.NativeID == "" && e.Version.Scheme == ledger.SchemeNone && x.in.Feed.Kafka != nil {
		e.NativeID = x.in.Delivery.ID // where the record stands; nothing else tells it from its repeats
	}
	key, by, err := x.identity(d)
	if err != nil {
		return Result{}, err
	}
	e.Order = key
	e.ID = e.ComputeID()
	if key == "" {
		return Result{Document: d.name, Unkeyed: &ledger.Unkeyed{By: by, Event: *e}}, nil
	}
	return Result{Document: d.name, Event: e}, nil
}

// identity computes the order key, or the alias that will find the order.
func (x *extraction) identity(d *mapping) (ledger.OrderKey, ledger.Alias, error) {
	if d.order != nil {
		id, ok, err := x.text(d.order, x.it)
		if err != nil {
			return "", ledger.Alias{}, err
		}
		if ok && id != "" {
			key, err := ledger.NewOrderKey(x.mapper.origin, id)
			return key, ledger.Alias{}, err
		}
	}
	if d.by != nil {
		found, err := x.aliasesOf(d.by, x.it)
		if err != nil {
			return "", ledger.Alias{}, err
		}
		if len(found) > 0 {
			return "", found[0], nil
		}
	}
	return "", ledger.Alias{}, errors.New("neither an order id nor an alias is in the document")
}

// unknown keeps an authentic document of no known shape: under its order if
// the catalog can tell which, quarantined otherwise.
func (m *Mapper) unknown(x *extraction, body []byte) Result {
	if m.system.unknown != nil && m.origin != "" {
		if id, ok, err := x.text(m.system.unknown, x.doc); err == nil && ok && id != "" {
			if key, err := ledger.NewOrderKey(m.origin, id); err == nil {
				e := m.base(x.in, m.body(body))
				e.Kind, e.Order = ledger.KindUnknown, key
				e.NativeKind = x.in.Delivery.Topic
				e.Object = ledger.Object{Type: "unknown", ID: id}
				sum := sha256.Sum256(body)
				e.NativeID = "sha256:" + hex.EncodeToString(sum[:])
				e.ID = e.ComputeID()
				return Result{Event: e}
			}
		}
	}
	return m.quarantine(x.in, body, ReasonUnrecognised, "no document of the catalog has this shape, and it names no order")
}

// base is an event with everything that does not depend on the mapping.
func (m *Mapper) base(in *Input, body ledger.Body) *ledger.Event {
	return &ledger.Event{
		Source: m.source, System: m.system.Name, Feed: in.Feed.Name, ReceivedAt: in.ReceivedAt,
		AskedAt: in.AskedAt, PrevAsked: in.PrevAsked, Delivery: in.Delivery, TraceID: in.TraceID, Body: body,
	}
}

func (m *Mapper) body(b []byte) ledger.Body {
	if m.bodiless {
		return ledger.Body{}
	}
	return ledger.Body{Codec: "zstd", Bytes: m.zstd.EncodeAll(b, nil)}
}

// quarantine sets a document aside. Its id depends on source, feed and bytes
// alone, so that a retry or a re-read gives the same entry.
func (m *Mapper) quarantine(in *Input, body []byte, reason, detail string) Result {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(m.source), []byte(in.Feed.Name), body} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	if len(detail) > 300 {
		detail = detail[:300]
	}
	return Result{Quarantined: &ledger.Quarantined{
		ID: "q-" + hex.EncodeToString(h.Sum(nil)[:16]), Source: m.source, Feed: in.Feed.Name,
		Reason: reason, Detail: detail, Offset: -1, ReceivedAt: in.ReceivedAt, ExpiresAt: in.ReceivedAt.Add(QuarantineRetention),
		Delivery: in.Delivery, Body: m.body(body),
	}}
}
