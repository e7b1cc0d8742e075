package avroevent

import "github.com/orderledger/orderledger/ledger"

func (w *writer) tick(t *ledger.Tick) {
	w.w.WriteInt(t.Partition)
	w.instant(t.Wall)
	w.text(t.Proposer)
	w.fixed(t.BootID[:])
	w.span(t.BootClock)
	w.instant(t.SourceDate)
	array(w, t.Feeds, (*writer).feedCoverage)
}

func (w *writer) feedCoverage(f *ledger.FeedCoverage) {
	w.feedName(f.Source, f.Feed)
	w.epoch(&f.Epoch)
	array(w, f.Intervals, (*writer).interval)
	array(w, f.Withdrawn, (*writer).interval)
	array(w, f.Holes, (*writer).hole)
	array(w, f.Unkeyed, (*writer).unkeyedOffset)
	w.instant(f.LastHeard)
	w.w.WriteBool(f.SkewExceeded)
}

func (w *writer) sourceStatus(s *ledger.SourceStatus) {
	w.feedName(s.Source, s.Feed)
	w.text(s.Instance)
	w.epoch(&s.Epoch)
	array(w, s.Intervals, (*writer).interval)
	array(w, s.Withdrawn, (*writer).interval)
	array(w, s.Holes, (*writer).hole)
	w.w.WriteBytes(s.Cursor)
	array(w, s.Unkeyed, (*writer).unkeyedOffset)
	w.instant(s.LastHeard)
	w.instant(s.SourceDate)
	w.span(s.Skew)
	w.w.WriteBool(s.SkewExceeded)
	w.instant(s.ReportedAt)
}

func (w *writer) feedName(source ledger.Source, feed string) {
	w.check(validSource(source), "source name")
	w.exact(string(source))
	w.exact(feed)
}

func (w *writer) epoch(e *ledger.Epoch) {
	w.number(e.Number)
	w.text(e.OpenedBy)
}

func (w *writer) interval(iv *ledger.Interval) {
	w.instant(iv.From)
	w.instant(iv.Until)
}

func (w *writer) hole(h *ledger.Hole) {
	w.interval(&h.Interval)
	w.instant(h.ReceivedAt)
	w.text(h.Quarantine)
}

func (w *writer) unkeyedOffset(u *ledger.UnkeyedOffset) {
	w.w.WriteInt(u.Partition)
	w.w.WriteLong(u.Offset)
}

func (w *writer) policy(p *ledger.PolicyRecord) {
	w.number(p.Version)
	w.fixed(p.Digest[:])
	w.instant(p.EffectiveAt)
	w.w.WriteBytes(p.YAML)
	w.w.WriteBytes(p.Tree)
	w.text(p.ProposedBy)
}

func (w *writer) action(a *ledger.OperatorAction) {
	w.exact(a.RequestID)
	w.enum(uint8(a.Kind), actionKinds)
	w.fixed(a.Exception[:])
	w.w.WriteLong(int64(a.Episode))
	w.text(a.Actor)
	w.text(a.Comment)
	w.text(a.Assignee)
	w.instant(a.SnoozeUntil)
	w.exact(a.Quarantine)
	w.instant(a.ProposedAt)
}

func (w *writer) looked(l *ledger.Looked) {
	w.check(validOrder(l.Order), "order key")
	w.feedName(l.Source, l.Feed)
	w.exact(string(l.Order))
	w.instant(l.AskedAt)
	w.w.WriteBool(l.Found)
}

func (w *writer) clockReset(r *ledger.ClockReset) {
	w.instant(r.Wall)
	array(w, r.Operators, func(w *writer, s *string) { w.exact(*s) })
	w.text(r.Reason)
}

func (w *writer) foldCutover(f *ledger.FoldCutover) {
	w.w.WriteLong(int64(f.From))
	w.w.WriteLong(int64(f.To))
	w.text(f.Reason)
}

func (w *writer) quarantined(q *ledger.Quarantined) {
	w.exact(q.ID)
	w.text(string(q.Source))
	w.text(q.Feed)
	w.text(q.Reason)
	w.text(q.Detail)
	w.text(q.Topic)
	w.w.WriteInt(q.Partition)
	w.w.WriteLong(q.Offset)
	w.text(string(q.Order))
	w.fixed(q.Of[:])
	w.enum(uint8(q.Axis), axes)
	w.text(q.Native)
	w.instant(q.ReceivedAt)
	w.instant(q.ExpiresAt)
	w.delivery(&q.Delivery)
	w.body(&q.Body)
}
