package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// Check looks for what is valid in a compiled policy and probably not meant:
// rules that can never open or never be proven, absence that nobody listens
// for, exceptions without an owner or a remedy. All findings are warnings.
func (d *Draft) Check(p *ledger.Policy) []Problem {
	c := &checker{d: d, p: p}
	for i := range p.Rules {
		r := &p.Rules[i]
		c.place = d.rules[r.Name].place
		c.listened(r)
		c.manned(r)
		for k := range p.Sources {
			if o := &p.Sources[k]; o.Origin {
				c.origin(r, o)
			}
		}
	}
	sortProblems(c.problems)
	return c.problems
}

type checker struct {
	d        *Draft
	p        *ledger.Policy
	place    place
	problems []Problem
}

func (c *checker) warn(format string, args ...any) {
	c.problems = append(c.problems, c.place.problem(LevelWarning, fmt.Sprintf(format, args...)))
}

// listened warns about an until whose source the rule does not depend on.
func (c *checker) listened(r *ledger.Rule) {
	if r.Until == nil || len(r.DependsOn) == 0 {
		return
	}
	for _, cell := range reads(&ledger.Rule{Until: r.Until}) {
		if !slices.ContainsFunc(r.DependsOn, func(f ledger.FeedRef) bool { return f.Role == cell.Role }) {
			c.warn("rule %s: until reads %s, which depends_on leaves out: it would call missing what nobody listened for", r.Name, cell.Role)
		}
	}
}

// manned warns about exceptions nobody knows what to do with.
func (c *checker) manned(r *ledger.Rule) {
	for _, x := range []struct{ value, name string }{
		{r.Owner, "labels.owner"},
		{r.Hop, "labels.hop"},
		{r.Impact, "annotations.impact"},
		{r.Remedy, "annotations.remedy"},
	} {
		if x.value == "" {
			c.warn("rule %s has no %s: whoever gets its exceptions will miss it", r.Name, x.name)
		}
	}
}

// origin looks at a rule as it judges the orders of one origin.
func (c *checker) origin(r *ledger.Rule, o *ledger.SourceSpec) {
	open := r.From
	if r.Expr != nil {
		open = r.Expr
	}
	if ok, _ := c.possible(open, o); !ok {
		c.warn("rule %s never opens for orders of %s%s", r.Name, o.Name, c.unbound(open, o))
		return
	}
	if r.Until != nil {
		if ok, _ := c.possible(r.Until, o); !ok {
			c.warn("rule %s: until can never be true for orders of %s%s", r.Name, o.Name, c.unbound(r.Until, o))
		}
	}
	for _, dep := range c.dependencies(r) {
		c.proof(r, o, dep)
	}
}

// dependencies lists what a rule depends on, as the ledger does.
func (c *checker) dependencies(r *ledger.Rule) []ledger.FeedRef {
	if len(r.DependsOn) > 0 {
		return r.DependsOn
	}
	var out []ledger.FeedRef
	for _, cell := range reads(r) {
		if ref := (ledger.FeedRef{Role: cell.Role}); !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

// proof warns about a dependency that no feed satisfies, or only by assumption.
func (c *checker) proof(r *ledger.Rule, o *ledger.SourceSpec, dep ledger.FeedRef) {
	src := c.bound(o, dep.Role)
	if src == nil {
		c.warn("rule %s can never be proven for orders of %s: no source plays the role %s", r.Name, o.Name, dep.Role)
		return
	}
	found := false
	for i := range src.Feeds {
		f := &src.Feeds[i]
		if dep.Feed != "" && dep.Feed != f.Name || dep.Feed == "" && !provesAny(f, dep.Role, reads(r)) {
			continue
		}
		found = true
		if f.Coverage == ledger.CoverageAssumed {
			c.warn("rule %s will be assumed and never proven for orders of %s: %s/%s only pushes", r.Name, o.Name, src.Name, f.Name)
		}
	}
	switch {
	case found:
	case dep.Feed != "":
		c.warn("rule %s can never be proven for orders of %s: %s has no feed %q%s", r.Name, o.Name, src.Name, dep.Feed, hint(dep.Feed, feedNames(src)))
	default:
		c.warn("rule %s can never be proven for orders of %s: no feed of %s proves what the rule reads of %s", r.Name, o.Name, src.Name, dep.Role)
	}
}

func feedNames(s *ledger.SourceSpec) []string {
	var out []string
	for i := range s.Feeds {
		out = append(out, s.Feeds[i].Name)
	}
	return out
}

func provesAny(f *ledger.FeedSpec, role ledger.Role, cells []ledger.CellRef) bool {
	return slices.ContainsFunc(cells, func(c ledger.CellRef) bool {
		return c.Role == role && slices.ContainsFunc(f.Proves, func(p ledger.Proof) bool { return p.Axis == c.Axis })
	})
}

// bound returns the source that plays a role for an origin, nil if none does.
func (c *checker) bound(o *ledger.SourceSpec, role ledger.Role) *ledger.SourceSpec {
	name := ledger.Source("")
	if role == o.Role {
		name = o.Name
	}
	for _, b := range c.p.Bindings {
		if b.Origin == o.Name && b.Role == role {
			name = b.Source
		}
	}
	i := slices.IndexFunc(c.p.Sources, func(s ledger.SourceSpec) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &c.p.Sources[i]
}

// possible reports whether a predicate can be true, and whether it can be
// false, given the states the matrix can produce. It errs on the side of yes.
func (c *checker) possible(p *ledger.Predicate, o *ledger.SourceSpec) (yes, no bool) {
	switch p.Op {
	case ledger.OpConst:
		return p.Value, !p.Value
	case ledger.OpIn, ledger.OpNotIn:
		can := c.reachable(p.Cell, o)
		yes, no = can&p.States != 0, can&^p.States != 0
		if p.Op == ledger.OpNotIn {
			yes, no = no, yes
		}
		return yes, no
	case ledger.OpAtOr:
		set := ranked(p.Cell.Axis, ledger.CmpGt, p.State) | ledger.StateSet(p.State)
		can := c.reachable(p.Cell, o)
		return can&set != 0, can&^set != 0
	case ledger.OpAnd, ledger.OpOr:
		all, some, allNo, someNo := true, false, true, false
		for _, a := range p.Args {
			y, n := c.possible(a, o)
			all, some, allNo, someNo = all && y, some || y, allNo && n, someNo || n
		}
		if p.Op == ledger.OpAnd {
			return all, someNo
		}
		return some, allNo
	case ledger.OpNot:
		yes, no = c.possible(p.Args[0], o)
		return no, yes
	default:
		return true, true
	}
}

// reachable is the set of states a cell can show: ABSENT, what the matrix maps
// words of the bound source's system to, and partial states of roll-ups.
func (c *checker) reachable(cell ledger.CellRef, o *ledger.SourceSpec) uint64 {
	set := ledger.StateSet(ledger.Absent)
	src := c.bound(o, cell.Role)
	if src == nil {
		return set
	}
	for i := range c.p.Rows {
		if r := &c.p.Rows[i]; r.System == src.System && r.Axis == cell.Axis {
			set |= ledger.StateSet(r.State)
		}
	}
	if set != ledger.StateSet(ledger.Absent) {
		for _, s := range cell.Axis.States() {
			if strings.HasPrefix(cell.Axis.StateName(s), "PARTIALLY_") {
				set |= ledger.StateSet(s)
			}
		}
	}
	return set
}

// unbound explains an impossible predicate by the roles nobody plays, or by
// the states nobody's words mean.
func (c *checker) unbound(p *ledger.Predicate, o *ledger.SourceSpec) string {
	var roles, states []string
	p.Walk(func(n *ledger.Predicate) {
		if n.Op != ledger.OpIn && n.Op != ledger.OpNotIn && n.Op != ledger.OpAtOr {
			return
		}
		role := n.Cell.Role.String()
		if c.bound(o, n.Cell.Role) == nil {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
			return
		}
		if ok, _ := c.possible(n, o); !ok {
			states = append(states, "no word of "+c.bound(o, n.Cell.Role).System+" means "+Expression(n))
		}
	})
	switch {
	case len(states) > 0:
		return ": " + strings.Join(states, "; ")
	case len(roles) > 0:
		return ": no source plays the role " + strings.Join(roles, " or ")
	default:
		return ""
	}
}
