package ledger

import (
	"encoding/binary"
	"slices"
)

// Stored values end in the record's own timestamp, eight bytes, where they
// keep one: the digest leaves it out, since it differs between two appends of
// the same record (S-34).
const recordedAtLen = 8

func appendRecordedAt(b []byte, at Instant) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

func cutRecordedAt(b []byte) ([]byte, Instant) {
	if len(b) < recordedAtLen {
		return nil, 0
	}
	n := len(b) - recordedAtLen
	return b[:n], Instant(binary.BigEndian.Uint64(b[n:]))
}

func appendVersion(b []byte, v Version) []byte {
	b = append(b, byte(v.Scheme))
	if v.Scheme == SchemeNone {
		return b
	}
	for _, p := range v.Parts {
		b = appendInt(b, p)
	}
	return b
}

func (d *decoder) version() Version {
	v := Version{Scheme: Scheme(d.byte())}
	if v.Scheme == SchemeNone {
		return v
	}
	for i := range v.Parts {
		v.Parts[i] = d.int()
	}
	return v
}

func appendObject(b []byte, o Object) []byte { return appendText(appendText(b, o.Type), o.ID) }

func (d *decoder) object() Object { return Object{Type: d.text(), ID: d.text()} }

// appendDoc writes a document: the event without its body, and what its copies
// taught.
func appendDoc(b []byte, d *doc) []byte {
	b = appendEvent(b, d.ev)
	b = appendInt(b, d.received)
	b = appendInt(b, d.asked)
	b = appendInt(b, d.prev)
	b = append(b, boolByte(d.delivered), byte(d.outcome))
	b = appendUint(b, d.copies)
	b = appendInt(b, d.offset)
	if d.support != nil {
		b = appendSupports(b, d.support)
	}
	return appendRecordedAt(b, d.recorded)
}

func decodeDoc(b []byte) (*doc, error) {
	body, recorded := cutRecordedAt(b)
	d := &decoder{b: body}
	x := &doc{recorded: recorded, ev: d.event()}
	x.received, x.asked, x.prev = d.instant(), d.instant(), d.instant()
	x.delivered, x.outcome = d.bool(), Outcome(d.byte())
	x.copies, x.offset = uint32(d.uint()), d.int()
	if len(d.b) > 0 {
		x.support = d.supports()
	}
	if err := d.end("document"); err != nil {
		return nil, err
	}
	x.stamp = stampOf(x.ev)
	return x, nil
}

func appendEvent(b []byte, e *Event) []byte {
	b = append(b, e.ID[:]...)
	b = append(b, byte(e.Kind), byte(e.Direction))
	for _, s := range [...]string{string(e.Source), e.System, e.Feed, string(e.Order), e.NativeKind, e.NativeID} {
		b = appendText(b, s)
	}
	b = appendObject(b, e.Object)
	b = appendVersion(b, e.Version)
	b = appendUint(b, len(e.Aliases))
	for _, a := range e.Aliases {
		b = appendText(appendText(appendText(b, string(a.Scope)), a.Type), a.Value)
	}
	b = appendUint(b, len(e.Claims))
	for i := range e.Claims {
		c := &e.Claims[i]
		b = append(b, byte(c.Axis), byte(c.Mode), boolByte(c.Object == e.Object), boolByte(c.Version == e.Version))
		if c.Object != e.Object {
			b = appendObject(b, c.Object)
		}
		if c.Version != e.Version {
			b = appendVersion(b, c.Version)
		}
		b = appendText(b, c.Native)
		b = appendInt(b, c.Earliest)
		b = appendInt(b, c.Latest-c.Earliest)
	}
	b = appendSets(b, e)
	b = appendText(appendText(b, e.Delivery.Topic), e.Delivery.ID)
	b = appendInt(b, e.Delivery.Attempt)
	return appendText(b, e.TraceID)
}

func appendSets(b []byte, e *Event) []byte {
	b = appendUint(b, len(e.Lines))
	for i := range e.Lines {
		s := &e.Lines[i]
		b = append(appendObject(b, s.Object), byte(s.Kind), boolByte(s.Complete))
		b = appendUint(b, len(s.Lines))
		for _, l := range s.Lines {
			b = appendInt(appendText(appendText(b, l.ID), l.SKU), l.Quantity)
		}
	}
	b = appendUint(b, len(e.Amounts))
	for i := range e.Amounts {
		s := &e.Amounts[i]
		b = append(appendObject(b, s.Object), byte(s.Kind), boolByte(s.Complete))
		b = appendUint(b, len(s.Amounts))
		for _, a := range s.Amounts {
			b = appendInt(appendText(appendText(b, a.ID), a.Currency), a.Minor)
		}
	}
	return b
}

func (d *decoder) event() *Event {
	e := &Event{}
	if d.skim != nil {
		e = d.skim
		e.Aliases, e.Lines, e.Amounts = e.Aliases[:0], e.Lines[:0], e.Amounts[:0]
	}
	d.fixed(e.ID[:])
	e.Kind, e.Direction = Kind(d.byte()), Direction(d.byte())
	e.Source, e.System, e.Feed = Source(d.text()), d.text(), d.text()
	e.Order, e.NativeKind, e.NativeID = OrderKey(d.text()), d.text(), d.text()
	e.Object, e.Version = d.object(), d.version()
	for n := d.count(); n > 0; n-- {
		e.Aliases = append(e.Aliases, Alias{Scope: Source(d.text()), Type: d.text(), Value: d.text()})
	}
	if n := d.count(); n > 0 {
		e.Claims = slices.Grow(e.Claims[:0], n)[:n]
		for i := range e.Claims {
			d.claim(&e.Claims[i], e)
		}
	}
	for n := d.count(); n > 0; n-- {
		s := LineSet{Object: d.object(), Kind: LineKind(d.byte()), Complete: d.bool()}
		for m := d.count(); m > 0; m-- {
			s.Lines = append(s.Lines, Line{ID: d.text(), SKU: d.text(), Quantity: d.int()})
		}
		e.Lines = append(e.Lines, s)
	}
	for n := d.count(); n > 0; n-- {
		s := AmountSet{Object: d.object(), Kind: AmountKind(d.byte()), Complete: d.bool()}
		for m := d.count(); m > 0; m-- {
			s.Amounts = append(s.Amounts, Amount{ID: d.text(), Currency: d.text(), Minor: d.int()})
		}
		e.Amounts = append(e.Amounts, s)
	}
	e.Delivery = Delivery{Topic: d.text(), ID: d.text(), Attempt: int32(d.int())}
	e.TraceID = d.text()
	return e
}

func (d *decoder) claim(c *Claim, e *Event) {
	c.Axis, c.Mode = Axis(d.byte()), Mode(d.byte())
	sameObject, sameVersion := d.bool(), d.bool()
	c.Object, c.Version = e.Object, e.Version
	if !sameObject {
		c.Object = d.object()
	}
	if !sameVersion {
		c.Version = d.version()
	}
	c.Native = d.text()
	c.Earliest = d.instant()
	c.Latest = c.Earliest + d.instant()
}

func appendWithin(b []byte, w Within) []byte { return appendInt(appendInt(b, w.Earliest), w.Latest) }

func (d *decoder) within() Within { return Within{d.instant(), d.instant()} }

func appendFeedKey(b []byte, k FeedKey) []byte {
	return appendText(appendText(b, string(k.Source)), k.Feed)
}

func (d *decoder) feedKey() FeedKey { return FeedKey{Source(d.text()), d.text()} }

func appendFact(b []byte, f *Fact) []byte {
	b = appendUint(b, f.Seq)
	b = appendInt(b, f.Offset)
	b = append(b, byte(f.Kind), f.Step, byte(f.From), byte(f.To), byte(f.Basis), byte(f.Because), boolByte(f.Announced))
	b = appendInt(b, f.At)
	b = appendText(b, f.Rule)
	b = appendUint(b, f.Episode)
	b = appendWithin(b, f.Anchor)
	b = appendInt(b, f.Deadline)
	b = appendFeedKey(b, f.Feed)
	b = appendInt(b, f.Since)
	b = append(b, f.Exception[:]...)
	b = appendText(appendText(appendText(b, f.Name), f.Actor), f.Text)
	return appendRecordedAt(b, f.RecordedAt)
}

func decodeFact(b []byte) (Fact, error) {
	body, recorded := cutRecordedAt(b)
	d := &decoder{b: body}
	f := Fact{RecordedAt: recorded, Seq: d.uint(), Offset: d.int(), Kind: FactKind(d.byte()), Step: d.byte(), From: VerdictState(d.byte()),
		To: VerdictState(d.byte()), Basis: Basis(d.byte()), Because: Because(d.byte()), Announced: d.bool()}
	f.At, f.Rule, f.Episode = d.instant(), d.text(), uint32(d.uint())
	f.Anchor, f.Deadline, f.Feed, f.Since = d.within(), d.instant(), d.feedKey(), d.instant()
	d.fixed(f.Exception[:])
	f.Name, f.Actor, f.Text = d.text(), d.text(), d.text()
	return f, d.end("fact")
}
