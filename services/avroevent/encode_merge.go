package avroevent

import "github.com/orderledger/orderledger/ledger"

func (w *writer) merge(m *ledger.Merge) {
	w.check(validOrder(m.A) && validOrder(m.B), "order key")
	w.check(m.Number > 0, "number")
	w.number(m.Number)
	w.exact(string(m.A))
	w.exact(string(m.B))
	w.text(m.Actor)
	w.text(m.Reason)
	w.exact(m.RequestID)
	w.instant(m.ProposedAt)
}

func (w *writer) mute(m *ledger.Mute) {
	w.check(validSource(m.Source), "source name")
	w.check(m.Number > 0, "number")
	w.number(m.Number)
	w.exact(string(m.Source))
	w.instant(m.From)
	w.instant(m.Until)
	w.text(m.Actor)
	w.text(m.Reason)
	w.exact(m.RequestID)
	w.instant(m.ProposedAt)
}

func (w *writer) moved(m *ledger.Moved) {
	w.check(validOrder(m.Root) && validOrder(m.Member), "order key")
	w.check(m.Event.Order == "" || m.Event.Order == m.Member, "order key of the event")
	w.exact(string(m.Root))
	w.number(m.Number)
	w.exact(string(m.Member))
	w.offset(m.Route)
	w.w.WriteBool(m.Live)
	w.check(m.Depth <= maxDepth+1, "depth")
	w.w.WriteInt(int32(m.Depth))
	w.w.WriteBool(m.Delivered)
	w.w.WriteLong(int64(m.Copies))
	w.event(&m.Event)
}

func (w *writer) through(t *ledger.Through) {
	w.check(t.From >= 0 && t.To >= 0, "partition")
	w.w.WriteInt(t.From)
	w.w.WriteInt(t.To)
	w.number(t.Number)
	w.offset(t.Route)
	array(w, t.Feeds, (*writer).throughFeed)
	array(w, t.Parked, (*writer).parked)
	array(w, t.Words, (*writer).memberWord)
}

func (w *writer) throughFeed(f *ledger.ThroughFeed) {
	w.feedName(f.Feed.Source, f.Feed.Feed)
	array(w, f.Intervals, (*writer).interval)
	array(w, f.Holes, (*writer).hole)
}

func (w *writer) memberWord(m *ledger.MemberWord) {
	w.check(validOrder(m.Order), "order key")
	w.exact(string(m.Order))
	w.w.WriteBool(m.Unanswered)
	w.text(m.Contested)
	array(w, m.Settled, (*writer).settled)
	array(w, m.Looked, (*writer).lookedTo)
	array(w, m.Carried, (*writer).carried)
}

func (w *writer) settled(s *string) { w.exact(*s) }

func (w *writer) lookedTo(l *ledger.LookedTo) {
	w.feedName(l.Feed.Source, l.Feed.Feed)
	w.clamped(l.Until)
}

func (w *writer) carried(c *ledger.Carried) {
	w.text(c.Rule)
	w.fixed(c.Exception[:])
	w.note(&c.Ack)
	w.text(c.Assignee)
	w.clamped(c.SnoozedUntil)
}
