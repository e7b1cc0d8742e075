package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// Native words that stand for what a document did not say. They are rows of
// the matrix like any other word (S-7).
const (
	NativeNull    = "(null)"
	NativeMissing = "(missing)"
)

// Kind says what sort of document an event reports. The set is closed and the
// numbers are frozen; what a connector cannot place is KindUnknown.
type Kind uint8

// The kinds.
const (
	KindUnknown      Kind = 0
	KindOrder        Kind = 1
	KindPayment      Kind = 2
	KindRefund       Kind = 3
	KindFulfilment   Kind = 4
	KindReturn       Kind = 5
	KindInvoice      Kind = 6
	KindCreditMemo   Kind = 7
	KindAllocation   Kind = 8
	KindNotification Kind = 9
	KindShipment     Kind = 10
)

var kindNames = [...]string{"unknown", "order", "payment", "refund", "fulfilment", "return", "invoice", "credit-memo", "allocation", "notification", "shipment"}

// String returns the kind's name, such as "credit-memo".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind returns the kind of that name, KindUnknown for any other.
func ParseKind(name string) Kind {
	for i, n := range kindNames {
		if n == name {
			return Kind(i)
		}
	}
	return KindUnknown
}

// Direction says which way a document travelled between storefront and the
// systems behind it (BND-14).
type Direction uint8

// The directions.
const (
	DirectionUnknown  Direction = 0
	DirectionOutgoing Direction = 1 // leaving the system that reports it
	DirectionIncoming Direction = 2 // arriving at the system that reports it
)

// String returns "unknown", "outgoing" or "incoming".
func (d Direction) String() string {
	switch d {
	case DirectionOutgoing:
		return "outgoing"
	case DirectionIncoming:
		return "incoming"
	default:
		return "unknown"
	}
}

// Scheme says how the versions of an object compare (S-3).
type Scheme uint8

// The version schemes.
const (
	SchemeNone      Scheme = 0 // no versions: occurred-at orders
	SchemeSequence  Scheme = 1 // integers that only grow
	SchemeTimestamp Scheme = 2 // nanoseconds since the Unix epoch
)

// Version is a tuple of up to three numbers, compared from the left, within
// one object and scheme only. Unused parts are zero.
type Version struct {
	Scheme Scheme
	Parts  [3]int64
}

// Compare orders two versions of one object and scheme.
func (v Version) Compare(w Version) int {
	for i := range v.Parts {
		switch {
		case v.Parts[i] < w.Parts[i]:
			return -1
		case v.Parts[i] > w.Parts[i]:
			return 1
		}
	}
	return 0
}

// Object is what a document speaks about inside its source, such as
// {"fulfilment", "1022782888"}.
type Object struct {
	Type string
	ID   string
}

// Compare orders objects by type, then id.
func (o Object) Compare(p Object) int {
	if c := strings.Compare(o.Type, p.Type); c != 0 {
		return c
	}
	return strings.Compare(o.ID, p.ID)
}

// Mode says what a claim asserts. The numbers are frozen.
type Mode uint8

// The modes.
const (
	// Dated: the state began at the stamp the document gives; it may be over.
	Dated Mode = 1
	// Current: the object is in this state as of the document's version.
	Current Mode = 2
	// Created: a dated claim that dates the first existence of its object.
	Created Mode = 3
)

// Claim is one thing a document says about one object on one axis. The
// canonical state is not here: the fold maps Native through the matrix in force.
type Claim struct {
	Axis   Axis
	Object Object
	Mode   Mode
	// Native is the source's own word, or NativeNull or NativeMissing.
	Native  string
	Version Version
	// Earliest is the source's stamp; Latest is the stamp plus the source's
	// declared precision. The fold narrows both (S-12).
	Earliest Instant
	Latest   Instant
}

// LineKind says what a quantity counts.
type LineKind uint8

// The line kinds.
const (
	LineOrdered   LineKind = 1
	LineAllocated LineKind = 2
	LineShipped   LineKind = 3
	LineReturned  LineKind = 4
	LineRemoved   LineKind = 5
)

var lineKindNames = [...]string{"none", "ordered", "allocated", "shipped", "returned", "removed"}

// String returns the kind's name.
func (k LineKind) String() string {
	if int(k) < len(lineKindNames) {
		return lineKindNames[k]
	}
	return "none"
}

// ParseLineKind returns the kind of that name.
func ParseLineKind(name string) (LineKind, bool) {
	i := slices.Index(lineKindNames[:], name)
	return LineKind(max(i, 0)), i > 0
}

// Line is a quantity of one SKU, keyed by the native line id (S-9).
type Line struct {
	ID       string
	SKU      string
	Quantity int64
}

// AmountKind says what a sum of money is.
type AmountKind uint8

// The amount kinds.
const (
	AmountOrdered    AmountKind = 1
	AmountAuthorised AmountKind = 2
	AmountCaptured   AmountKind = 3
	AmountInvoiced   AmountKind = 4
	AmountRefunded   AmountKind = 5
	AmountCredited   AmountKind = 6
)

// AmountKinds is how many kinds there are; valid kinds are 1 … AmountKinds.
const AmountKinds = 6

var amountKindNames = [...]string{"none", "ordered", "authorised", "captured", "invoiced", "refunded", "credited"}

// String returns the kind's name.
func (k AmountKind) String() string {
	if int(k) < len(amountKindNames) {
		return amountKindNames[k]
	}
	return "none"
}

// ParseAmountKind returns the kind of that name.
func ParseAmountKind(name string) (AmountKind, bool) {
	i := slices.Index(amountKindNames[:], name)
	return AmountKind(max(i, 0)), i > 0
}

// Amount is money keyed by the native sub-object (transaction, refund), in
// integer minor units of an ISO 4217 currency. It is never an increment.
type Amount struct {
	ID       string
	Minor    int64
	Currency string
}

// LineSet is the collection of lines of one kind that an object holds at the
// event's version. Complete: what it no longer lists is gone.
type LineSet struct {
	Object   Object
	Kind     LineKind
	Complete bool
	Lines    []Line
}

// AmountSet is the collection of amounts of one kind of an object, like LineSet.
type AmountSet struct {
	Object   Object
	Kind     AmountKind
	Complete bool
	Amounts  []Amount
}

// Delivery says how a document reached us. Nothing in it takes part in
// identity: it is not signed.
type Delivery struct {
	Topic   string
	ID      string
	Attempt int32
}

// Body is the raw document as received, less the personal fields its catalog
// entry lists, compressed (S-39). KeyID is empty while bodies are not encrypted.
type Body struct {
	Codec string
	KeyID string
	Bytes []byte
}

// Event is an immutable statement about an order, as one source reported it.
type Event struct {
	ID        EventID
	Source    Source
	System    string // catalog entry, such as "shopify"
	Feed      string // such as "orders"
	Direction Direction
	// Order is empty while no key can be computed (then the event travels
	// inside an Unkeyed record).
	Order   OrderKey
	Aliases []Alias
	Kind    Kind
	// NativeKind is the source's own name for the kind, such as a webhook topic.
	NativeKind string
	Object     Object
	Version    Version
	Claims     []Claim
	Lines      []LineSet
	Amounts    []AmountSet
	// ReceivedAt is our edge. AskedAt is when a read was asked, PrevAsked the
	// first asking of the last acknowledged poll before it; zero for deliveries.
	ReceivedAt Instant
	AskedAt    Instant
	PrevAsked  Instant
	// NativeID is the source's own event id where it has no versions.
	NativeID string
	Delivery Delivery
	TraceID  string
	Body     Body
}

// Read reports whether a poll or look-up produced the event.
func (e *Event) Read() bool { return e.AskedAt != 0 }

// ComputeID returns the id of S-4: the first 16 bytes of SHA-256 over the
// length-prefixed identity of the document's state and the digest of its
// canonical claims. Raw bytes, topic and delivery attributes do not take part.
func (e *Event) ComputeID() EventID {
	var room [512]byte
	b := appendText(room[:0], string(e.Source))
	b = appendText(b, e.Object.Type)
	b = appendText(b, e.Object.ID)
	switch {
	case e.Version.Scheme != SchemeNone:
		b = append(b, 'v', byte(e.Version.Scheme))
		for _, p := range e.Version.Parts {
			b = binary.BigEndian.AppendUint64(b, uint64(p))
		}
	case e.NativeID != "":
		b = append(b, 'n')
		b = appendText(b, e.NativeID)
	default:
		b = append(b, 'a')
		b = binary.BigEndian.AppendUint64(b, uint64(e.AskedAt))
	}
	d := e.claimsDigest()
	b = append(b, d[:]...)
	sum := sha256.Sum256(b)
	return EventID(sum[:16])
}

// part is the stretch of a buffer that one canonical part takes.
type part struct{ from, to int }

// claimsDigest is SHA-256 over the canonical form of everything extracted:
// claims, lines, amounts and aliases, each sorted so that extraction order
// does not matter.
func (e *Event) claimsDigest() [32]byte {
	var room [2048]byte
	var partsRoom [24]part
	b, parts := room[:0], partsRoom[:0]
	done := func(from int) { parts = append(parts, part{from, len(b)}) }
	for i := range e.Claims {
		from := len(b)
		b = appendClaimCanon(b, &e.Claims[i])
		done(from)
	}
	for i := range e.Lines {
		from := len(b)
		b = appendLinesCanon(b, &e.Lines[i])
		done(from)
	}
	for i := range e.Amounts {
		from := len(b)
		b = appendAmountsCanon(b, &e.Amounts[i])
		done(from)
	}
	for i := range e.Aliases {
		from := len(b)
		b = e.Aliases[i].appendKey(append(b, 'i'))
		done(from)
	}
	for i := 1; i < len(parts); i++ { // few, and mostly in order
		for k := i; k > 0 && bytes.Compare(b[parts[k-1].from:parts[k-1].to], b[parts[k].from:parts[k].to]) > 0; k-- {
			parts[k-1], parts[k] = parts[k], parts[k-1]
		}
	}
	var outRoom [2048]byte
	out := appendText(outRoom[:0], string(e.Order))
	out = append(out, byte(e.Kind))
	for _, p := range parts {
		out = appendBlob(out, b[p.from:p.to])
	}
	return sha256.Sum256(out)
}

func appendClaimCanon(b []byte, c *Claim) []byte {
	b = append(b, 'c', byte(c.Axis), byte(c.Mode), byte(c.Version.Scheme))
	b = appendText(b, c.Object.Type)
	b = appendText(b, c.Object.ID)
	b = appendText(b, c.Native)
	for _, p := range c.Version.Parts {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Earliest))
	return binary.BigEndian.AppendUint64(b, uint64(c.Latest))
}

func appendLinesCanon(b []byte, s *LineSet) []byte {
	b = append(b, 'l', byte(s.Kind), boolByte(s.Complete))
	b = appendText(b, s.Object.Type)
	b = appendText(b, s.Object.ID)
	lines, byID := s.Lines, func(x, y Line) int { return strings.Compare(x.ID, y.ID) }
	if !slices.IsSortedFunc(lines, byID) {
		lines = slices.Clone(lines)
		slices.SortStableFunc(lines, byID)
	}
	for _, l := range lines {
		b = appendText(b, l.ID)
		b = appendText(b, l.SKU)
		b = binary.AppendVarint(b, l.Quantity)
	}
	return b
}

func appendAmountsCanon(b []byte, s *AmountSet) []byte {
	b = append(b, 'm', byte(s.Kind), boolByte(s.Complete))
	b = appendText(b, s.Object.Type)
	b = appendText(b, s.Object.ID)
	amounts, byID := s.Amounts, func(x, y Amount) int { return strings.Compare(x.ID, y.ID) }
	if !slices.IsSortedFunc(amounts, byID) {
		amounts = slices.Clone(amounts)
		slices.SortStableFunc(amounts, byID)
	}
	for _, a := range amounts {
		b = appendText(b, a.ID)
		b = appendText(b, a.Currency)
		b = binary.AppendVarint(b, a.Minor)
	}
	return b
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}
