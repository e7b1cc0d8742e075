package avroevent

import "github.com/orderledger/orderledger/ledger"

func (w *writer) binding(b *ledger.AliasBinding) {
	w.check(validOrder(b.Order), "order key")
	w.alias(&b.Alias)
	w.exact(string(b.Order))
	w.clamped(b.From)
	w.clamped(b.Until)
	w.depth(b.Depth)
	w.number(b.Version)
	w.w.WriteBool(b.Live)
	w.fixed(b.Evidence[:])
}

func (w *writer) reemit(r *ledger.Reemit) {
	w.check(validOrder(r.Order), "order key")
	w.check(r.Event.Order == "" || r.Event.Order == r.Order, "order key of the event")
	w.exact(string(r.Order))
	w.alias(&r.Alias)
	w.offset(r.Route)
	w.w.WriteBool(r.Live)
	w.depth(r.Depth)
	w.w.WriteBool(r.Delivered)
	w.w.WriteLong(int64(r.Copies))
	w.event(&r.Event)
}

func (w *writer) bound(b *ledger.Bound) {
	w.check(validOrder(b.Order), "order key")
	w.exact(string(b.Order))
	w.alias(&b.Alias)
	w.number(b.Version)
	w.offset(b.Route)
	w.w.WriteBool(b.OK)
}

func (w *writer) forwarded(f *ledger.Forwarded) {
	w.check(f.Partition >= 0 && f.To >= 0, "partition")
	w.w.WriteInt(f.Partition)
	w.w.WriteInt(f.To)
	w.offset(f.Through)
	w.offset(f.Route)
	array(w, f.Held, (*writer).heldFeed)
	array(w, f.Parked, (*writer).parked)
}

func (w *writer) heldFeed(h *ledger.HeldFeed) {
	w.feedName(h.Feed.Source, h.Feed.Feed)
	w.offset(h.Offset)
}

func (w *writer) parked(p *ledger.Parked) {
	w.feedName(p.Feed.Source, p.Feed.Feed)
	w.exact(p.Type)
	w.clamped(p.From)
	w.clamped(p.Until)
}

// clamped writes an instant that the fold computed: out of range it means
// before, or after, everything.
func (w *writer) clamped(i ledger.Instant) {
	w.instant(min(max(i, ledger.Beginning), ledger.Forever))
}

func (w *writer) depth(n uint8) {
	w.check(n <= maxDepth, "depth")
	w.w.WriteInt(int32(n))
}

func (w *writer) offset(n int64) {
	w.check(n >= 0, "offset")
	w.w.WriteLong(n)
}

func (w *writer) aliasIndex(x *ledger.AliasIndex) {
	w.alias(&x.Alias)
	w.offset(x.Route)
	array(w, x.Claims, (*writer).aliasClaim)
}

func (w *writer) aliasClaim(c *ledger.AliasClaim) {
	w.check(validOrder(c.Order), "order key")
	w.exact(string(c.Order))
	w.clamped(c.From)
	w.clamped(c.Until)
	w.depth(c.Depth)
	w.w.WriteBool(c.Contested)
	w.fixed(c.Evidence[:])
}
