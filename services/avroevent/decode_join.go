package avroevent

import "github.com/orderledger/orderledger/ledger"

// maxDepth is the greatest depth of a binding (S-35).
const maxDepth = 3

func (d *reader) binding(b *ledger.AliasBinding) {
	d.alias(&b.Alias)
	b.Order = ledger.OrderKey(d.text())
	b.From = d.instant()
	b.Until = d.instant()
	b.Depth = d.depth()
	b.Version = d.number()
	b.Live = d.r.ReadBool()
	d.fixed(b.Evidence[:])
	d.orderOf(b.Order)
}

func (d *reader) reemit(r *ledger.Reemit) {
	r.Order = ledger.OrderKey(d.text())
	d.alias(&r.Alias)
	r.Route = d.offset()
	r.Live = d.r.ReadBool()
	r.Depth = d.depth()
	r.Delivered = d.r.ReadBool()
	r.Copies = d.number32()
	d.event(&r.Event)
	d.orderOf(r.Order)
	d.require(r.Event.Order == "" || r.Event.Order == r.Order)
}

func (d *reader) bound(b *ledger.Bound) {
	b.Order = ledger.OrderKey(d.text())
	d.alias(&b.Alias)
	b.Version = d.number()
	b.Route = d.offset()
	b.OK = d.r.ReadBool()
	d.orderOf(b.Order)
}

func (d *reader) forwarded(f *ledger.Forwarded) {
	f.Partition = d.r.ReadInt()
	f.To = d.r.ReadInt()
	f.Through = d.offset()
	f.Route = d.offset()
	f.Held = elements(d, (*reader).heldFeed)
	f.Parked = elements(d, (*reader).parked)
	d.require(f.Partition >= 0 && f.To >= 0)
}

func (d *reader) heldFeed(h *ledger.HeldFeed) {
	d.feedKey(&h.Feed)
	h.Offset = d.offset()
}

func (d *reader) parked(p *ledger.Parked) {
	d.feedKey(&p.Feed)
	p.Type = d.word()
	p.From = d.instant()
	p.Until = d.instant()
}

func (d *reader) feedKey(k *ledger.FeedKey) { k.Source, k.Feed = d.feedName() }

// orderOf demands an order's key. The name beside it may be any that a document
// can carry: what the fold says of it must be readable.
func (d *reader) orderOf(k ledger.OrderKey) {
	if !d.failed() {
		d.require(validOrder(k))
	}
}

// depth reads how many joins a name is away from a keyed record.
func (d *reader) depth() uint8 {
	n := d.r.ReadInt()
	d.require(n >= 0 && n <= maxDepth)
	return uint8(n)
}

func (d *reader) offset() int64 {
	n := d.r.ReadLong()
	d.require(n >= 0)
	return n
}

func (d *reader) aliasIndex(x *ledger.AliasIndex) {
	d.alias(&x.Alias)
	x.Route = d.offset()
	x.Claims = elements(d, (*reader).aliasClaim)
}

func (d *reader) aliasClaim(c *ledger.AliasClaim) {
	c.Order = ledger.OrderKey(d.text())
	c.From = d.instant()
	c.Until = d.instant()
	c.Depth = d.depth()
	c.Contested = d.r.ReadBool()
	d.fixed(c.Evidence[:])
	d.orderOf(c.Order)
}
