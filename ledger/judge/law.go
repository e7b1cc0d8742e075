package judge

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// systemAxis names a roll-up.
type systemAxis struct {
	system string
	axis   ledger.Axis
}

// law is every policy that was in force, read for judging: words, roll-ups,
// sources and feeds as the newest states them, rules as each stated them.
type law struct {
	policies []*ledger.Policy
	since    int64 // behind the record that brought the newest into force
	rows     map[string]map[systemAxis]ledger.State
	rollups  map[systemAxis]*ledger.Rollup
	sources  map[ledger.Source]*ledger.SourceSpec
	feeds    map[ledger.FeedKey]*ledger.FeedSpec
}

func newLaw(policies []*ledger.Policy) *law {
	l := &law{policies: policies, rows: map[string]map[systemAxis]ledger.State{}, rollups: map[systemAxis]*ledger.Rollup{},
		sources: map[ledger.Source]*ledger.SourceSpec{}, feeds: map[ledger.FeedKey]*ledger.FeedSpec{}}
	p := l.newest()
	if p == nil {
		return l
	}
	for _, r := range p.Rows {
		if l.rows[r.Native] == nil {
			l.rows[r.Native] = map[systemAxis]ledger.State{}
		}
		l.rows[r.Native][systemAxis{r.System, r.Axis}] = r.State
	}
	for i := range p.Rollups {
		l.rollups[systemAxis{p.Rollups[i].System, p.Rollups[i].Axis}] = &p.Rollups[i]
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		l.sources[s.Name] = s
		for k := range s.Feeds {
			l.feeds[ledger.FeedKey{Source: s.Name, Feed: s.Feeds[k].Name}] = &s.Feeds[k]
		}
	}
	return l
}

// newest is the policy in force, nil before the first.
func (l *law) newest() *ledger.Policy {
	if len(l.policies) == 0 {
		return nil
	}
	return l.policies[len(l.policies)-1]
}

func (l *law) state(system string, axis ledger.Axis, native string) ledger.State {
	if s, ok := l.rows[native][systemAxis{system, axis}]; ok {
		return s
	}
	return ledger.Unmapped
}

func (l *law) systemOf(s ledger.Source) string {
	if spec := l.sources[s]; spec != nil {
		return spec.System
	}
	return ""
}

func (l *law) skew(s ledger.Source) ledger.Micros {
	if spec := l.sources[s]; spec != nil {
		return spec.Skew
	}
	return 0
}

func (l *law) feed(k ledger.FeedKey) *ledger.FeedSpec { return l.feeds[k] }

func (l *law) settle(k ledger.FeedKey) ledger.Micros {
	if f := l.feeds[k]; f != nil {
		return f.Settle
	}
	return 0
}

// bindings say which source plays which role for the orders of an origin; false
// if no policy names the origin.
func (l *law) bindings(origin ledger.Source) (map[ledger.Role]ledger.Source, bool) {
	spec := l.sources[origin]
	if spec == nil || !spec.Origin {
		return nil, false
	}
	out := map[ledger.Role]ledger.Source{spec.Role: origin}
	for _, b := range l.newest().Bindings {
		if b.Origin == origin {
			out[b.Role] = b.Source
		}
	}
	return out, true
}

// statute is one rule as one version of the policy states it, for the orders of
// one origin: it judges the anchors in [from, until).
type statute struct {
	*ledger.Rule
	from, until                        ledger.Instant
	opens, closes, lapses              *ledger.Predicate // closes is nil for a drift rule, lapses if nothing does
	openCells, closeCells, unlessCells []ledger.CellRef
	drift                              bool
	depends                            []ledger.FeedKey
	unprovable                         bool
	sigma                              ledger.Micros
	live                               ledger.Instant
}

// statutes lists the rules for an origin's orders by name, older versions first.
func (l *law) statutes(origin ledger.Source) []statute {
	bind, ok := l.bindings(origin)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for _, p := range l.policies {
		for i := range p.Rules {
			names[p.Rules[i].Name] = true
		}
	}
	var sorted []string
	for n := range names { //lint:sorted below
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	var out []statute
	for _, name := range sorted {
		first := true
		for i, p := range l.policies {
			from, until := p.EffectiveAt, ledger.Forever
			if i == 0 {
				from = ledger.Beginning
			}
			if i+1 < len(l.policies) {
				until = l.policies[i+1].EffectiveAt
			}
			at := slices.IndexFunc(p.Rules, func(r ledger.Rule) bool { return r.Name == name })
			if at < 0 || from >= until {
				continue
			}
			if first { // a new rule judges what came before it, too
				from, first = ledger.Beginning, false
			}
			out = append(out, l.statute(&p.Rules[at], l.sources[origin].Role, bind, from, until))
		}
	}
	return out
}

func (l *law) statute(r *ledger.Rule, origin ledger.Role, bind map[ledger.Role]ledger.Source, from, until ledger.Instant) statute {
	s := statute{Rule: r, from: from, until: until}
	if s.drift = r.Expr != nil; s.drift {
		s.opens = r.Expr
		s.openCells = cellsOf(r.Expr)
		s.closeCells = s.openCells
	} else {
		s.opens, s.closes, s.lapses = r.From, r.Until, r.Unless
		if s.lapses == nil && !r.NoDefaultUnless && !asksForCancelled(r.From, origin) {
			s.lapses = &ledger.Predicate{Op: ledger.OpIn, Cell: ledger.CellRef{Role: origin, Axis: ledger.AxisOrder}, States: 1 << ledger.OrderCancelled}
		}
		s.openCells, s.closeCells, s.unlessCells = cellsOf(s.opens), cellsOf(s.closes), cellsOf(s.lapses)
	}
	s.sigma = l.worstSkew(bind, s.openCells) + l.worstSkew(bind, s.closeCells)
	l.depend(&s, bind)
	return s
}

// closed answers whether the rule's closing predicate holds.
func (s *statute) closed(v *view) answer {
	if s.drift {
		return not(v.ask(s.opens))
	}
	return v.ask(s.closes)
}

func cellsOf(p *ledger.Predicate) []ledger.CellRef {
	if p == nil {
		return nil
	}
	var out []ledger.CellRef
	switch p.Op {
	case ledger.OpIn, ledger.OpNotIn, ledger.OpAtOr:
		out = append(out, p.Cell)
	case ledger.OpSince:
		out = append(out, p.Cell, p.Other)
	}
	for _, q := range p.Args {
		out = append(out, cellsOf(q)...)
	}
	return out
}

// asksForCancelled reports whether a predicate waits for the very cancellation
// that would void it.
func asksForCancelled(p *ledger.Predicate, origin ledger.Role) bool {
	if p.Op == ledger.OpIn && p.Cell == (ledger.CellRef{Role: origin, Axis: ledger.AxisOrder}) && p.States&(1<<ledger.OrderCancelled) != 0 {
		return true
	}
	return slices.ContainsFunc(p.Args, func(q *ledger.Predicate) bool { return asksForCancelled(q, origin) })
}

func (l *law) worstSkew(bind map[ledger.Role]ledger.Source, cells []ledger.CellRef) ledger.Micros {
	worst := ledger.Micros(0)
	for _, c := range cells {
		worst = max(worst, l.skew(bind[c.Role]))
	}
	return worst
}

// depend lists the feeds that have to be heard before something may be called
// missing (S-19).
func (l *law) depend(s *statute, bind map[ledger.Role]ledger.Source) {
	cells := slices.Concat(s.openCells, s.closeCells, s.unlessCells)
	refs := s.DependsOn
	if len(refs) == 0 {
		for _, c := range cells {
			refs = append(refs, ledger.FeedRef{Role: c.Role})
		}
	}
	for _, ref := range refs {
		found := false
		if spec := l.sources[bind[ref.Role]]; spec != nil {
			s.live = max(s.live, spec.LiveFrom)
			for i := range spec.Feeds {
				f := &spec.Feeds[i]
				proves := slices.ContainsFunc(f.Proves, func(p ledger.Proof) bool {
					return slices.Contains(cells, ledger.CellRef{Role: ref.Role, Axis: p.Axis})
				})
				if ref.Feed == f.Name || ref.Feed == "" && proves {
					s.depends, found = append(s.depends, ledger.FeedKey{Source: spec.Name, Feed: f.Name}), true
				}
			}
		}
		s.unprovable = s.unprovable || !found
	}
	slices.SortFunc(s.depends, ledger.FeedKey.Compare)
	s.depends = slices.Compact(s.depends)
}
