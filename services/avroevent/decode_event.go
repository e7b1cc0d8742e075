package avroevent

import "github.com/orderledger/orderledger/ledger"

func (d *reader) event(e *ledger.Event) {
	d.fixed(e.ID[:])
	e.Source = ledger.Source(d.word())
	e.System = d.word()
	e.Feed = d.word()
	e.Direction = ledger.Direction(d.enum(directions))
	e.Order = ledger.OrderKey(d.text())
	e.Aliases = elements(d, (*reader).alias)
	e.Kind = ledger.Kind(d.enum(kinds))
	e.NativeKind = d.word()
	d.object(&e.Object)
	d.version(&e.Version)
	e.Claims = elements(d, (*reader).claim)
	e.Lines = elements(d, (*reader).lineSet)
	e.Amounts = elements(d, (*reader).amountSet)
	e.ReceivedAt = d.instant()
	e.AskedAt = d.instant()
	e.PrevAsked = d.instant()
	e.NativeID = d.text()
	d.delivery(&e.Delivery)
	e.TraceID = d.text()
	d.body(&e.Body)
	if !d.failed() {
		d.require(validSource(e.Source))
		d.require(e.Order == "" || validOrder(e.Order))
	}
}

func (d *reader) unkeyed(u *ledger.Unkeyed) {
	d.alias(&u.By)
	d.event(&u.Event)
	if !d.failed() {
		d.require(validAlias(&u.By))
	}
}

func (d *reader) alias(a *ledger.Alias) {
	a.Scope = ledger.Source(d.word())
	a.Type = d.word()
	a.Value = d.text()
}

func (d *reader) object(o *ledger.Object) {
	o.Type = d.word()
	o.ID = d.text()
}

func (d *reader) version(v *ledger.Version) {
	s := d.enum(schemes)
	d.require(s != schemeUnknown)
	v.Scheme = ledger.Scheme(s)
	for i := range v.Parts {
		v.Parts[i] = d.r.ReadLong()
	}
}

func (d *reader) claim(c *ledger.Claim) {
	c.Axis = ledger.Axis(d.enum(axes))
	d.object(&c.Object)
	c.Mode = ledger.Mode(d.enum(modes))
	c.Native = d.word()
	d.version(&c.Version)
	c.Earliest = d.instant()
	c.Latest = d.instant()
	d.require(c.Axis.Valid() && c.Mode != 0)
}

func (d *reader) lineSet(s *ledger.LineSet) {
	d.object(&s.Object)
	s.Kind = ledger.LineKind(d.enum(lineKinds))
	d.require(s.Kind != 0)
	s.Complete = d.r.ReadBool()
	s.Lines = elements(d, (*reader).line)
}

func (d *reader) line(l *ledger.Line) {
	l.ID = d.text()
	l.SKU = d.text()
	l.Quantity = d.r.ReadLong()
}

func (d *reader) amountSet(s *ledger.AmountSet) {
	d.object(&s.Object)
	s.Kind = ledger.AmountKind(d.enum(amountKinds))
	d.require(s.Kind != 0)
	s.Complete = d.r.ReadBool()
	s.Amounts = elements(d, (*reader).amount)
}

func (d *reader) amount(a *ledger.Amount) {
	a.ID = d.text()
	a.Minor = d.r.ReadLong()
	a.Currency = d.word()
}

func (d *reader) delivery(v *ledger.Delivery) {
	v.Topic = d.word()
	v.ID = d.text()
	v.Attempt = d.r.ReadInt()
}

func (d *reader) body(b *ledger.Body) {
	b.Codec = d.word()
	b.KeyID = d.word()
	b.Bytes = d.bytes()
}
