package avroevent

import (
	"unicode/utf8"

	"github.com/orderledger/orderledger/ledger"
)

// record writes v and tells its shape; false if it has none.
func (w *writer) record(v any) (shape, bool) {
	n, ok := shapeOf(v)
	if !ok {
		return 0, false
	}
	switch v := v.(type) {
	case *ledger.Event:
		w.check(v.Order != "", "event without an order key")
		w.event(v)
	case *ledger.Unkeyed:
		w.unkeyed(v)
	case *ledger.Tick:
		w.tick(v)
	case *ledger.SourceStatus:
		w.sourceStatus(v)
	case *ledger.PolicyRecord:
		w.policy(v)
	case *ledger.OperatorAction:
		w.action(v)
	case *ledger.Looked:
		w.looked(v)
	case *ledger.ClockReset:
		w.clockReset(v)
	case *ledger.FoldCutover:
		w.foldCutover(v)
	case *ledger.Quarantined:
		w.quarantined(v)
	case *ExceptionRecord:
		w.exception(v)
	case *ledger.AliasBinding:
		w.binding(v)
	case *ledger.Reemit:
		w.reemit(v)
	case *ledger.Bound:
		w.bound(v)
	case *ledger.Forwarded:
		w.forwarded(v)
	case *ledger.Merge:
		w.merge(v)
	case *ledger.Split:
		w.merge((*ledger.Merge)(v))
	case *ledger.Moved:
		w.moved(v)
	case *ledger.Through:
		w.through(v)
	case *ledger.AliasIndex:
		w.aliasIndex(v)
	case *ledger.Mute:
		w.mute(v)
	}
	return n, true
}

func (w *writer) event(e *ledger.Event) {
	w.check(validSource(e.Source), "source name")
	w.check(e.Order == "" || validOrder(e.Order), "order key")
	w.fixed(e.ID[:])
	w.exact(string(e.Source))
	w.text(e.System)
	w.text(e.Feed)
	w.enum(uint8(e.Direction), directions)
	w.exact(string(e.Order))
	array(w, e.Aliases, (*writer).alias)
	w.enum(uint8(e.Kind), kinds)
	w.text(e.NativeKind)
	w.object(&e.Object)
	w.version(&e.Version)
	array(w, e.Claims, (*writer).claim)
	array(w, e.Lines, (*writer).lineSet)
	array(w, e.Amounts, (*writer).amountSet)
	w.instant(e.ReceivedAt)
	w.instant(e.AskedAt)
	w.instant(e.PrevAsked)
	w.exact(e.NativeID)
	w.delivery(&e.Delivery)
	w.text(e.TraceID)
	w.body(&e.Body)
	if w.err == nil {
		w.check(e.ID == e.ComputeID(), "event id is not the computed one")
	}
}

func (w *writer) unkeyed(u *ledger.Unkeyed) {
	w.check(validAlias(&u.By), "alias")
	w.alias(&u.By)
	w.event(&u.Event)
}

func (w *writer) alias(a *ledger.Alias) {
	w.exact(string(a.Scope))
	w.exact(a.Type)
	w.exact(a.Value)
}

func (w *writer) object(o *ledger.Object) {
	w.exact(o.Type)
	w.exact(o.ID)
}

func (w *writer) version(v *ledger.Version) {
	w.check(v.Scheme != schemeUnknown, "scheme of a version")
	w.enum(uint8(v.Scheme), schemes)
	for _, p := range v.Parts {
		w.w.WriteLong(p)
	}
}

func (w *writer) claim(c *ledger.Claim) {
	w.check(c.Axis.Valid(), "axis of a claim")
	w.check(c.Mode != 0, "mode of a claim")
	w.enum(uint8(c.Axis), axes)
	w.object(&c.Object)
	w.enum(uint8(c.Mode), modes)
	w.exact(c.Native)
	w.version(&c.Version)
	w.instant(c.Earliest)
	w.instant(c.Latest)
}

func (w *writer) lineSet(s *ledger.LineSet) {
	w.check(s.Kind != 0, "kind of lines")
	w.object(&s.Object)
	w.enum(uint8(s.Kind), lineKinds)
	w.w.WriteBool(s.Complete)
	array(w, s.Lines, (*writer).line)
}

func (w *writer) line(l *ledger.Line) {
	w.exact(l.ID)
	w.exact(l.SKU)
	w.w.WriteLong(l.Quantity)
}

func (w *writer) amountSet(s *ledger.AmountSet) {
	w.check(s.Kind != 0, "kind of amounts")
	w.object(&s.Object)
	w.enum(uint8(s.Kind), amountKinds)
	w.w.WriteBool(s.Complete)
	array(w, s.Amounts, (*writer).amount)
}

func (w *writer) amount(a *ledger.Amount) {
	w.exact(a.ID)
	w.w.WriteLong(a.Minor)
	w.exact(a.Currency)
}

func (w *writer) delivery(d *ledger.Delivery) {
	w.text(d.Topic)
	w.text(d.ID)
	w.w.WriteInt(d.Attempt)
}

func (w *writer) body(b *ledger.Body) {
	w.text(b.Codec)
	w.text(b.KeyID)
	w.w.WriteBytes(b.Bytes)
}

func validSource(s ledger.Source) bool {
	_, err := ledger.ParseSource(string(s))
	return err == nil
}

func validOrder(k ledger.OrderKey) bool {
	_, err := ledger.ParseOrderKey(string(k))
	return err == nil
}

func validAlias(a *ledger.Alias) bool {
	return validSource(a.Scope) && a.Type != "" && a.Value != "" && utf8.ValidString(a.Value)
}
