package ledger

import "slices"

// rules explains every rule in force for the order's origin, and those of
// earlier policies that still judge an episode, by name and version.
func (e *explainer) rules() []RuleWhy {
	var out []RuleWhy
	for i, j := range e.op.rules {
		if i >= len(e.o.run.rules) {
			break
		}
		x := RuleWhy{Rule: j.Rule, Version: j.version, From: j.from, Until: j.until, Drift: j.drift, Sigma: j.sigma,
			Depends: slices.Clone(j.deps), Missing: j.missing}
		eps := e.o.run.rules[i].eps
		for k := range eps {
			if eps[k].a.Latest >= j.from && eps[k].a.Latest < j.until { // another version judges the others
				x.Episodes = append(x.Episodes, e.episode(j, &eps[k]))
			}
		}
		if n := len(x.Episodes) - explainedEpisodes; n > 0 {
			x.Earlier, x.Episodes = n, x.Episodes[n:]
		}
		if j.until != Forever && len(x.Episodes) == 0 {
			continue
		}
		x.Open, x.Close, x.Unless = e.predicate(j.open, j.openCells), e.predicate(j.close, j.closeCells), e.predicate(j.unless, j.unlessCells)
		out = append(out, x)
	}
	return out
}

// predicate explains a predicate over the cells as they stand.
func (e *explainer) predicate(p *Predicate, cells []CellRef) *PredicateWhy {
	if p == nil {
		return nil
	}
	w := &e.p.w
	out := &PredicateWhy{Predicate: p, Truth: p.Eval(w), Ever: e.ever[p]}
	p.Walk(func(n *Predicate) {
		switch n.Op {
		case OpAnd, OpOr, OpNot, OpConst:
			return
		case OpAmount:
			out.Sums = append(out.Sums, e.sum(n.Amount))
			if n.OtherAmount.Role != RoleNone {
				out.Sums = append(out.Sums, e.sum(n.OtherAmount))
			}
		}
		out.Leaves = append(out.Leaves, LeafWhy{Predicate: n, Truth: n.Eval(w), Ever: e.ever[n]})
	})
	for _, c := range cells {
		read := CellRead{Cell: c, Source: e.op.bind[c.Role]}
		if i := w.lookup(c); i >= 0 {
			cell := &e.o.run.cells[i]
			read.State, read.Since, read.By = cell.state, cell.since, cell.by
		}
		out.Cells = append(out.Cells, read)
	}
	return out
}

func (e *explainer) sum(a AmountRef) SumRead {
	minor, currency, ok := e.p.w.Sum(a)
	return SumRead{Amount: a, Source: e.op.bind[a.Role], Money: Money{Minor: minor, Currency: currency}, OK: ok}
}

func (e *explainer) episode(j *judge, x *episode) EpisodeWhy {
	out := EpisodeWhy{N: x.n, Anchor: e.o.anchor(j, x), By: x.by, RunEnd: x.runEnd, Unknown: x.unknown, Ended: x.ended, Until: x.until,
		UntilBy: x.untilBy, Voided: x.voided || x.atA, VoidedAt: x.voidedAt}
	for i := range j.Steps {
		out.Steps = append(out.Steps, e.step(j, x, i))
	}
	return out
}

// step judges a step as the fold does, and adds the instants and the proof.
func (e *explainer) step(j *judge, x *episode, i int) StepWhy {
	v := e.p.judgeStep(e.o, j, x, i)
	after := j.Steps[i].After
	out := StepWhy{VerdictView: viewVerdict(&v), After: after, Early: v.a.Earliest.Add(after).Add(j.sigma), Late: v.a.Latest.Add(after).Add(j.sigma)}
	out.Due = out.Late.Add(j.Grace)
	switch v.state {
	case VerdictPending, VerdictBreached, VerdictUndetermined:
		out.Proof = e.proof(&v, e.o.window(j, v.a, out.Late))
	}
	return out
}

// proof says what there is to say of an absence over a stretch.
func (e *explainer) proof(v *verdict, over Interval) *ProofWhy {
	out := &ProofWhy{Over: over}
	if v.e.uncertain && e.o.shelved > 0 {
		out.HeldUntil = e.o.heldSince().Add(e.p.plan.newest.Settings.HoldMax)
		for _, d := range e.o.docs {
			for i, s := range d.states {
				if s == Unmapped && d.ev.Claims[i].Axis.Valid() && !slices.Contains(out.Held, d.ev.ID) {
					out.Held = append(out.Held, d.ev.ID)
				}
			}
		}
	}
	if v.e.hidden < over.Until {
		out.Hidden = v.e.hidden
	}
	for _, k := range v.j.deps {
		out.Feeds = append(out.Feeds, e.hearing(k, over))
	}
	return out
}

// hearing says how a feed was heard over a stretch, as prove asks it.
func (e *explainer) hearing(k FeedKey, over Interval) FeedHearing {
	p, o := e.p, e.o
	spec, f := p.plan.feeds[k], p.feed(k)
	out := FeedHearing{Feed: k, Epoch: f.Epoch, LastHeard: f.LastHeard, Silent: f.Silent, Settle: spec.Settle}
	for _, iv := range f.Withdrawn {
		if iv.From < over.Until && over.From < iv.Until {
			out.Withdrawn = append(out.Withdrawn, iv)
		}
	}
	if f.SkewExceeded {
		out.Against = append(out.Against, Objection{Kind: ObjectionSkew})
	}
	if o.whole {
		return e.hearingOfWhole(out, f, spec, over)
	}
	alone := p.hears(o, f, spec, over)
	h := p.joinedOver(o, f, alone, over)
	out.Until, out.Interval = h.until, f.stretch(over.From)
	if h.ok {
		out.By = e.by(f, spec, alone, over)
	}
	out.Against = append(out.Against, e.against(f, alone, over)...)
	return out
}

// stretch is the interval of coverage that holds an instant, else the newest.
func (f *Feed) stretch(at Instant) Interval {
	for _, iv := range f.Intervals {
		if iv.From <= at && at < iv.Until {
			return iv
		}
	}
	if n := len(f.Intervals); n > 0 {
		return f.Intervals[n-1]
	}
	return Interval{}
}

// by says by what a feed that was heard was heard, as hears asks.
func (e *explainer) by(f *Feed, spec *FeedSpec, h heard, over Interval) Hearing {
	for _, l := range e.o.looked {
		if l.feed == f.Key && l.until >= over.Until {
			return HeardLookup
		}
	}
	switch {
	case spec.Coverage == CoverageAssumed:
		return HeardAssumed
	case h.incomplete:
		return HeardHoles
	default:
		return HeardCoverage
	}
}

// against lists what stands against a proof over a stretch, or holds it up.
func (e *explainer) against(f *Feed, alone heard, over Interval) []Objection {
	var out []Objection
	for i := range f.Holes {
		h := &f.Holes[i]
		if h.Interval.From < over.Until && over.From < h.Interval.Until && (!alone.ok || alone.incomplete) {
			out = append(out, Objection{ObjectionHole, h.Quarantine})
		}
	}
	if len(f.Next) > 0 && !alone.ok {
		out = append(out, Objection{Kind: ObjectionJoining})
	}
	if len(f.Unkeyed) > 0 {
		for i := range e.o.bindings {
			switch b := &e.o.bindings[i]; {
			case b.answered != b.Version:
				out = append(out, Objection{ObjectionUnanswered, b.Alias.String()})
			case !b.ok && b.Live:
				out = append(out, Objection{ObjectionContested, b.Alias.String()})
			}
		}
	}
	if typ := e.p.parkedOver(e.o, f.Key, over); typ != "" {
		out = append(out, Objection{ObjectionParked, typ})
	}
	return out
}

// hearingOfWhole asks for each member of a merged order, as wholeHears does.
func (e *explainer) hearingOfWhole(out FeedHearing, f *Feed, spec *FeedSpec, over Interval) FeedHearing {
	root, _, _ := rootOf(e.o.key)
	g := e.p.merges.find(root)
	h := e.p.wholeHears(e.o, f, spec, over)
	out.Until = h.until
	if h.ok {
		out.By = HeardMembers
	}
	if g == nil {
		return out
	}
	for _, k := range g.members {
		m := e.p.memberHears(k, g, f, spec, over)
		out.Members = append(out.Members, MemberHearing{Order: k, Partition: PartitionOf([]byte(k), e.p.opt.Partitions), Heard: m.ok, Until: m.until, Against: m.hole})
	}
	return out
}
