package judge

import (
	"github.com/orderledger/orderledger/ledger"
)

// Verdict is what the judge says of one step of one obligation.
type Verdict struct {
	Rule      string
	Step      uint8
	Exception string
	Severity  ledger.Severity
	Episode   uint32
	State     ledger.VerdictState
	Basis     ledger.Basis
	Anchor    ledger.Within
	Deadline  ledger.Instant
	Historic  bool
	// Lapsed: BREACHED, but given up since: no exception any more.
	Lapsed bool
	// Names says that the verdict rests on an absence that the alias store must
	// vouch for, name by name: its answers are history that the judge does not
	// follow. The ledger may have reason to say less than the judge.
	Names bool
	// Parked says the same of its basis alone: records that found no order may
	// make it incomplete.
	Parked bool
}

// Verdicts judges an order: by rule, episode and step.
func (j *Judge) Verdicts(k ledger.OrderKey) []Verdict {
	d := j.orders[k]
	if d == nil {
		return nil
	}
	t := d.tell(j.law, k.Origin())
	var out []Verdict
	for _, s := range j.law.statutes(k.Origin()) {
		for _, e := range t.episodes(&s) {
			if e.anchor.Latest < s.from || e.anchor.Latest >= s.until {
				continue
			}
			for n := range s.Steps {
				out = append(out, j.step(d, t, &s, &e, n))
			}
		}
	}
	return out
}

// step reads S-23 and S-24 aloud.
func (j *Judge) step(d *dossier, t *tale, s *statute, e *episode, n int) Verdict {
	st := &s.Steps[n]
	a := e.anchor
	if t.created != ledger.Forever { // nothing of an order begins before it does
		a.Earliest = max(a.Earliest, min(t.created.Add(-s.sigma), a.Latest))
	}
	deadline := a.Latest.Add(st.After)
	v := Verdict{Rule: s.Name, Step: uint8(n), Exception: st.Exception, Severity: st.Severity, Episode: e.n, Anchor: a, Deadline: deadline}
	began := a.Earliest
	if e.unknown != 0 {
		began = min(began, e.unknown)
	}
	v.Historic = began.Add(st.After) < s.live || a.Earliest < s.Since
	surelyLate := deadline.Add(s.sigma)
	switch {
	case e.nothing, e.met && e.until.Latest < a.Earliest.Add(st.After).Add(s.sigma):
		v.State = ledger.VerdictMet
	case e.met && e.until.Earliest < surelyLate:
		v.State = ledger.VerdictMetImprecise
	case e.lapsed && e.lapse.Earliest < surelyLate:
		v.State = ledger.VerdictVoid
	case j.watch.clock < surelyLate.Add(s.Grace):
		v.State = ledger.VerdictPending
	case e.met:
		v.State = ledger.VerdictMetLate
	default:
		from := a.Earliest
		if t.created != ledger.Forever {
			from = t.created
		}
		if e.hidden < surelyLate {
			v.Basis = ledger.BasisIncomplete
		}
		j.absent(d, s, e, &v, ledger.Interval{From: from.Add(-s.sigma), Until: surelyLate})
	}
	v.Lapsed = e.lapsed && v.State == ledger.VerdictBreached
	return v
}

// absent says whether something may be called missing over a stretch.
func (j *Judge) absent(d *dossier, s *statute, e *episode, v *Verdict, over ledger.Interval) {
	if s.unprovable {
		v.State = ledger.VerdictUndetermined
		return
	}
	settings := j.law.newest().Settings
	if since, shelved := d.shelvedSince(j.law); shelved && e.doubtful {
		if j.watch.clock < since.Add(settings.HoldMax) {
			v.State = ledger.VerdictUndetermined
			return
		}
		v.Basis = ledger.BasisIncomplete
	}
	for _, k := range s.depends {
		h, spec := j.hearing(k), j.law.feed(k)
		p := h.over(over, j.watch.clock, settings.HoldMax)
		if spec.Coverage == ledger.CoverageAssumed {
			p = proof{heard: j.watch.clock.Add(-spec.Settle) >= over.Until}
		}
		if until, ok := d.looked[k]; ok && until >= over.Until {
			p = proof{heard: true}
		}
		switch {
		case p.heard:
			v.Names, v.Parked = v.Names || h.unkeyed, v.Parked || len(j.joined) > 0
			if p.incomplete {
				v.Basis = ledger.BasisIncomplete
			} else if spec.Coverage == ledger.CoverageAssumed {
				v.Basis = max(v.Basis, ledger.BasisAssumed)
			}
			continue
		case p.held || h.silent:
			v.State = ledger.VerdictUndetermined
		default:
			v.State = ledger.VerdictPending
		}
		return
	}
	v.State = ledger.VerdictBreached
}

// Exception is one that must stand open of an order.
type Exception struct {
	Rule, Name string
	Step       uint8
	Severity   ledger.Severity
	Deadline   ledger.Instant
	Names      bool
}

// Open lists what must stand open of an order by its verdicts: of each rule one,
// at the greatest step broken (S-25, S-27).
func Open(verdicts []Verdict) []Exception {
	var out []Exception
	first := map[string]ledger.Within{}
	for _, v := range verdicts {
		if v.State != ledger.VerdictBreached || v.Lapsed {
			continue
		}
		a, known := first[v.Rule]
		if !known {
			first[v.Rule], a = v.Anchor, v.Anchor
			out = append(out, Exception{Rule: v.Rule})
		}
		x := &out[len(out)-1]
		x.Names = x.Names || v.Names
		if !known || v.Step > x.Step {
			x.Name, x.Step, x.Severity, x.Deadline = v.Exception, v.Step, v.Severity, a.Latest.Add(v.Deadline.Sub(v.Anchor.Latest))
		}
	}
	return out
}
