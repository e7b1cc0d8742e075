package avroevent

import "github.com/orderledger/orderledger/ledger"

func (d *reader) merge(m *ledger.Merge) {
	m.Number = d.number()
	m.A = ledger.OrderKey(d.text())
	m.B = ledger.OrderKey(d.text())
	m.Actor = d.text()
	m.Reason = d.text()
	m.RequestID = d.text()
	m.ProposedAt = d.instant()
	d.orderOf(m.A)
	d.orderOf(m.B)
	d.require(m.Number > 0)
}

func (d *reader) split(s *ledger.Split) { d.merge((*ledger.Merge)(s)) }

func (d *reader) mute(m *ledger.Mute) {
	m.Number = d.number()
	m.Source = ledger.Source(d.text())
	m.From = d.instant()
	m.Until = d.instant()
	m.Actor = d.text()
	m.Reason = d.text()
	m.RequestID = d.text()
	m.ProposedAt = d.instant()
	if !d.failed() {
		d.require(validSource(m.Source) && m.Number > 0)
	}
}

func (d *reader) moved(m *ledger.Moved) {
	m.Root = ledger.OrderKey(d.text())
	m.Number = d.number()
	m.Member = ledger.OrderKey(d.text())
	m.Route = d.offset()
	m.Live = d.r.ReadBool()
	depth := d.r.ReadInt()
	d.require(depth >= 0 && depth <= maxDepth+1)
	m.Depth = uint8(depth)
	m.Delivered = d.r.ReadBool()
	m.Copies = d.number32()
	d.event(&m.Event)
	d.orderOf(m.Root)
	d.orderOf(m.Member)
	d.require(m.Event.Order == "" || m.Event.Order == m.Member)
}

func (d *reader) through(t *ledger.Through) {
	t.From = d.r.ReadInt()
	t.To = d.r.ReadInt()
	t.Number = d.number()
	t.Route = d.offset()
	t.Feeds = elements(d, (*reader).throughFeed)
	t.Parked = elements(d, (*reader).parked)
	t.Words = elements(d, (*reader).memberWord)
	d.require(t.From >= 0 && t.To >= 0)
}

func (d *reader) throughFeed(f *ledger.ThroughFeed) {
	d.feedKey(&f.Feed)
	f.Intervals = elements(d, (*reader).interval)
	f.Holes = elements(d, (*reader).hole)
}

func (d *reader) memberWord(m *ledger.MemberWord) {
	m.Order = ledger.OrderKey(d.text())
	m.Unanswered = d.r.ReadBool()
	m.Contested = d.text()
	m.Settled = elements(d, (*reader).settled)
	m.Looked = elements(d, (*reader).lookedTo)
	m.Carried = elements(d, (*reader).carried)
	d.orderOf(m.Order)
}

func (d *reader) settled(s *string) { *s = d.word() }

func (d *reader) lookedTo(l *ledger.LookedTo) {
	d.feedKey(&l.Feed)
	l.Until = d.instant()
}

func (d *reader) carried(c *ledger.Carried) {
	c.Rule = d.word()
	d.fixed(c.Exception[:])
	d.note(&c.Ack)
	c.Assignee = d.text()
	c.SnoozedUntil = d.instant()
}
