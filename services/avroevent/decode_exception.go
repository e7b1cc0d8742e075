package avroevent

import "github.com/orderledger/orderledger/ledger"

func (d *reader) exception(r *ExceptionRecord) {
	r.Partition = d.r.ReadInt()
	r.Offset = d.r.ReadLong()
	r.Seq = d.number()
	r.Change = ledger.FactKind(d.enum(changes))
	r.RecordedAt = d.instant()
	x := &r.Exception
	d.fixed(x.ID[:])
	d.subject(&x.Subject)
	x.Rule = d.word()
	x.Name = d.word()
	step := d.r.ReadInt()
	d.require(step >= 0 && step <= 255)
	x.Step = uint8(step)
	x.Severity = ledger.Severity(d.enum(severities))
	x.Hop = d.word()
	x.Owner = d.word()
	x.Impact = d.text()
	x.Remedy = d.text()
	x.Runbook = d.text()
	x.N = d.number()
	x.Episode = d.number32()
	x.Open = d.r.ReadBool()
	d.within(&x.Since)
	x.Deadline = d.instant()
	x.OpenedAt = d.instant()
	x.SteppedAt = d.instant()
	x.ResolvedAt = d.instant()
	x.Cause = ledger.Because(d.enum(becauses))
	x.Announced = d.r.ReadBool()
	x.Historic = d.r.ReadBool()
	x.Basis = basisOf(d.enum(bases))
	x.Evidence = elements(d, (*reader).evidence)
	x.AtRisk.Minor = d.r.ReadLong()
	x.AtRisk.Currency = d.word()
	d.note(&x.Ack)
	x.Assignee = d.text()
	x.SnoozedUntil = d.instant()
	x.FalsePositive = d.r.ReadBool()
	x.Comments = elements(d, (*reader).note)
	x.Held = d.r.ReadBool()
	x.Offset = d.r.ReadLong()
	x.Count = d.number()
	x.MovedTo = ledger.OrderKey(d.text())
}

func (d *reader) subject(s *ledger.Subject) {
	s.Kind = ledger.SubjectKind(d.enum(subjectKinds))
	s.Order = ledger.OrderKey(d.text())
	s.Feed.Source = ledger.Source(d.word())
	s.Feed.Feed = d.word()
	s.Alias = d.text()
	s.Partition = d.r.ReadInt()
	s.Source = ledger.Source(d.word())
	s.Axis = ledger.Axis(d.enum(axes))
	s.Native = d.word()
}

func (d *reader) within(i *ledger.Within) {
	i.Earliest = d.instant()
	i.Latest = d.instant()
}

func (d *reader) evidence(e *ledger.Evidence) {
	e.Text = d.text()
	e.Source = ledger.Source(d.word())
	e.Feed = d.word()
	d.fixed(e.Event[:])
	e.At = d.instant()
}

func (d *reader) note(a *ledger.Acknowledgement) {
	a.Actor = d.text()
	a.Comment = d.text()
	a.At = d.instant()
}
