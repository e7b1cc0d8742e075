package avroevent

import "github.com/orderledger/orderledger/ledger"

func (w *writer) exception(r *ExceptionRecord) {
	w.w.WriteInt(r.Partition)
	w.w.WriteLong(r.Offset)
	w.number(r.Seq)
	w.enum(uint8(r.Change), changes)
	w.instant(r.RecordedAt)
	x := &r.Exception
	w.fixed(x.ID[:])
	w.subject(&x.Subject)
	w.text(x.Rule)
	w.text(x.Name)
	w.w.WriteInt(int32(x.Step))
	w.enum(uint8(x.Severity), severities)
	w.text(x.Hop)
	w.text(x.Owner)
	w.text(x.Impact)
	w.text(x.Remedy)
	w.text(x.Runbook)
	w.number(x.N)
	w.w.WriteLong(int64(x.Episode))
	w.w.WriteBool(x.Open)
	w.within(&x.Since)
	w.instant(x.Deadline)
	w.instant(x.OpenedAt)
	w.instant(x.SteppedAt)
	w.instant(x.ResolvedAt)
	w.enum(uint8(x.Cause), becauses)
	w.w.WriteBool(x.Announced)
	w.w.WriteBool(x.Historic)
	w.check(x.Basis != basisUnknown, "basis")
	w.enum(uint8(x.Basis), bases)
	array(w, x.Evidence, (*writer).evidence)
	w.w.WriteLong(x.AtRisk.Minor)
	w.text(x.AtRisk.Currency)
	w.note(&x.Ack)
	w.text(x.Assignee)
	w.instant(x.SnoozedUntil)
	w.w.WriteBool(x.FalsePositive)
	array(w, x.Comments, (*writer).note)
	w.w.WriteBool(x.Held)
	w.w.WriteLong(x.Offset)
	w.number(x.Count)
	w.text(string(x.MovedTo))
}

func (w *writer) subject(s *ledger.Subject) {
	w.enum(uint8(s.Kind), subjectKinds)
	w.text(string(s.Order))
	w.text(string(s.Feed.Source))
	w.text(s.Feed.Feed)
	w.text(s.Alias)
	w.w.WriteInt(s.Partition)
	w.text(string(s.Source))
	w.enum(uint8(s.Axis), axes)
	w.text(s.Native)
}

func (w *writer) within(i *ledger.Within) {
	w.instant(i.Earliest)
	w.instant(i.Latest)
}

func (w *writer) evidence(e *ledger.Evidence) {
	w.text(e.Text)
	w.text(string(e.Source))
	w.text(e.Feed)
	w.fixed(e.Event[:])
	w.instant(e.At)
}

func (w *writer) note(a *ledger.Acknowledgement) {
	w.text(a.Actor)
	w.text(a.Comment)
	w.instant(a.At)
}
