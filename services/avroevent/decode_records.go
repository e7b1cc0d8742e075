package avroevent

import "github.com/orderledger/orderledger/ledger"

func (d *reader) tick(t *ledger.Tick) {
	t.Partition = d.r.ReadInt()
	t.Wall = d.instant()
	t.Proposer = d.word()
	d.fixed(t.BootID[:])
	t.BootClock = d.span()
	t.SourceDate = d.instant()
	t.Feeds = elements(d, (*reader).feedCoverage)
}

func (d *reader) feedCoverage(f *ledger.FeedCoverage) {
	f.Source, f.Feed = d.feedName()
	d.epoch(&f.Epoch)
	f.Intervals = elements(d, (*reader).interval)
	f.Withdrawn = elements(d, (*reader).interval)
	f.Holes = elements(d, (*reader).hole)
	f.Unkeyed = elements(d, (*reader).unkeyedOffset)
	f.LastHeard = d.instant()
	f.SkewExceeded = d.r.ReadBool()
}

func (d *reader) sourceStatus(s *ledger.SourceStatus) {
	s.Source, s.Feed = d.feedName()
	s.Instance = d.word()
	d.epoch(&s.Epoch)
	s.Intervals = elements(d, (*reader).interval)
	s.Withdrawn = elements(d, (*reader).interval)
	s.Holes = elements(d, (*reader).hole)
	s.Cursor = d.bytes()
	s.Unkeyed = elements(d, (*reader).unkeyedOffset)
	s.LastHeard = d.instant()
	s.SourceDate = d.instant()
	s.Skew = d.span()
	s.SkewExceeded = d.r.ReadBool()
	s.ReportedAt = d.instant()
}

func (d *reader) feedName() (ledger.Source, string) {
	source := ledger.Source(d.word())
	d.require(validSource(source))
	return source, d.word()
}

func (d *reader) epoch(e *ledger.Epoch) {
	e.Number = d.number()
	e.OpenedBy = d.word()
}

func (d *reader) interval(iv *ledger.Interval) {
	iv.From = d.instant()
	iv.Until = d.instant()
}

func (d *reader) hole(h *ledger.Hole) {
	d.interval(&h.Interval)
	h.ReceivedAt = d.instant()
	h.Quarantine = d.text()
}

func (d *reader) unkeyedOffset(u *ledger.UnkeyedOffset) {
	u.Partition = d.r.ReadInt()
	u.Offset = d.r.ReadLong()
}

func (d *reader) policy(p *ledger.PolicyRecord) {
	p.Version = d.number()
	d.fixed(p.Digest[:])
	p.EffectiveAt = d.instant()
	p.YAML = d.bytes()
	p.Tree = d.bytes()
	p.ProposedBy = d.text()
}

func (d *reader) action(a *ledger.OperatorAction) {
	a.RequestID = d.text()
	a.Kind = ledger.ActionKind(d.enum(actionKinds))
	d.fixed(a.Exception[:])
	a.Episode = d.number32()
	a.Actor = d.text()
	a.Comment = d.text()
	a.Assignee = d.text()
	a.SnoozeUntil = d.instant()
	a.Quarantine = d.text()
	a.ProposedAt = d.instant()
}

func (d *reader) looked(l *ledger.Looked) {
	l.Source, l.Feed = d.feedName()
	l.Order = ledger.OrderKey(d.text())
	d.require(validOrder(l.Order))
	l.AskedAt = d.instant()
	l.Found = d.r.ReadBool()
}

func (d *reader) clockReset(r *ledger.ClockReset) {
	r.Wall = d.instant()
	r.Operators = elements(d, func(d *reader, s *string) { *s = d.text() })
	r.Reason = d.text()
}

func (d *reader) foldCutover(f *ledger.FoldCutover) {
	f.From = d.number32()
	f.To = d.number32()
	f.Reason = d.text()
}

func (d *reader) quarantined(q *ledger.Quarantined) {
	q.ID = d.text()
	q.Source = ledger.Source(d.word())
	q.Feed = d.word()
	q.Reason = d.word()
	q.Detail = d.text()
	q.Topic = d.word()
	q.Partition = d.r.ReadInt()
	q.Offset = d.r.ReadLong()
	q.Order = ledger.OrderKey(d.text())
	d.fixed(q.Of[:])
	q.Axis = ledger.Axis(d.enum(axes))
	q.Native = d.word()
	q.ReceivedAt = d.instant()
	q.ExpiresAt = d.instant()
	d.delivery(&q.Delivery)
	d.body(&q.Body)
}
