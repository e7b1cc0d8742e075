package policy

import (
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// Names the fold itself gives to exceptions and rules.
var (
	reservedExceptions = [...]string{ledger.NameUnmapped, ledger.NameSilent, "OrphanEvent", "AliasCollision"}
	reservedRules      = [...]string{ledger.RuleUnmapped, ledger.RuleSilent, "orphan-event", "alias-collision"}
	severityNames      = [...]string{"info", "warning", "critical"}
)

func (l *loader) group(g *group) {
	if !identifier(g.Name.value) {
		l.fail(or(g.Name.in(l.file), place{l.file, 1, 1}), "a group needs a name in lower case with hyphens, such as handoff")
	}
	for i := range g.Rules {
		l.rule(g, &g.Rules[i])
	}
}

// rulePlace is where a rule stands, as well as its fields tell.
func (l *loader) rulePlace(g *group, r *rule) place {
	for _, t := range []*text{&r.Name, &r.From, &r.Until, &r.Expr, &r.Never, &r.Count, &r.Exception, &g.Name} {
		if t.set() {
			return t.in(l.file)
		}
	}
	return place{l.file, 1, 1}
}

func (l *loader) rule(g *group, r *rule) {
	at := l.rulePlace(g, r)
	name := r.Name.value
	switch {
	case !identifier(name):
		l.fail(at, "a rule needs a name in lower case with hyphens: rule: shipment-lag")
	case slices.Contains(reservedRules[:], name):
		l.fail(at, "%s is a rule of the ledger itself; choose another name", quote(name))
	}
	if first, ok := l.d.rules[name]; ok && l.twice(at, first.place, first.layer, "rule "+quote(name)) {
		return
	}
	out := ruleDecl{place: at, layer: l.layer, disabled: r.Disabled, Rule: ledger.Rule{
		Name: name, Fresh: r.Fresh,
		Bridge: r.Bridge.micros, Grace: r.Grace.micros, Impact: clean(r.Annotations.Impact), Remedy: clean(r.Annotations.Remedy),
		Runbook: clean(r.Annotations.Runbook), Hop: first(r.Labels.Hop.value, g.Labels.Hop.value),
		Owner: first(r.Labels.Owner.value, g.Labels.Owner.value),
	}}
	if r.Disabled {
		l.d.rules[name] = out
		return
	}
	for _, t := range []*text{&r.Never, &r.Count} {
		if t.set() {
			l.fail(t.in(l.file), "%s", notYet)
		}
	}
	l.form(at, r, &out)
	l.steps(at, r, &out)
	l.depends(r, &out)
	l.stake(r, &out)
	l.d.rules[name] = out
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// clean makes one line of a text that was folded over several.
func clean(t text) string { return strings.Join(strings.Fields(t.value), " ") }

// form reads the predicates of the deadline form or of the drift form.
func (l *loader) form(at place, r *rule, out *ruleDecl) {
	drift := r.Expr.set()
	deadline := r.From.set() || r.Until.set() || r.Unless.set()
	switch {
	case r.Never.set() || r.Count.set():
		return
	case drift && deadline:
		l.fail(at, "a rule has either expr (it drifts) or from and until (it has a deadline), not both")
		return
	case drift:
		l.onlyDeadline(r)
		out.Expr = l.expression(&r.Expr)
	case r.From.set() && r.Until.set():
		if r.For.set() {
			l.fail(r.For.in(l.file), "for belongs to expr; with from and until write within, or steps")
		}
		if r.Bridge.set() {
			l.fail(r.Bridge.in(l.file), "bridge belongs to expr: it joins runs that are shorter apart")
		}
		out.From, out.Until = l.expression(&r.From), l.expression(&r.Until)
		l.unless(r, out)
	default:
		l.fail(at, "a rule needs either expr, or both from and until")
	}
}

func (l *loader) onlyDeadline(r *rule) {
	if r.Within.set() {
		l.fail(r.Within.in(l.file), "within belongs to from and until; with expr write for, or steps")
	}
	if r.Fresh {
		l.fail(r.Expr.in(l.file), "fresh belongs to from and until: an expr has no until that could be old")
	}
}

// unless reads the lapse of a deadline rule: "never" switches the default off.
func (l *loader) unless(r *rule, out *ruleDecl) {
	if !r.Unless.set() {
		return
	}
	if strings.TrimSpace(r.Unless.value) == "never" {
		out.NoDefaultUnless = true
		return
	}
	out.Unless = l.expression(&r.Unless)
}

func (l *loader) expression(t *text) *ledger.Predicate {
	p, low := l.parser.lower(t, l.file)
	l.problems = append(l.problems, low.bad...)
	return p
}

// steps reads the stages of the exception: a list, or one stage spelled out.
func (l *loader) steps(at place, r *rule, out *ruleDecl) {
	single := r.Exception.set() || r.Severity.set() || r.Within.set() || r.For.set()
	if len(r.Steps) > 0 {
		if single {
			l.fail(at, "steps say it all: leave out exception, severity, within and for beside them")
		}
		for i := range r.Steps {
			l.step(out, &r.Steps[i], at)
		}
		return
	}
	after := r.Within
	if r.Expr.set() {
		after = r.For
	}
	if !after.set() {
		l.fail(at, "the rule does not say after which time it is broken: write %s, or steps", map[bool]string{true: "for", false: "within"}[r.Expr.set()])
	}
	l.step(out, &step{After: after, Exception: r.Exception, Severity: r.Severity}, at)
}

func (l *loader) step(out *ruleDecl, s *step, at place) {
	name := s.Exception.value
	where := or(s.Exception.in(l.file), or(s.After.in(l.file), at))
	switch {
	case !typeName(name):
		l.fail(where, "an exception needs a name LikeThis, found %s", quote(name))
	case slices.Contains(reservedExceptions[:], name):
		l.fail(where, "%s is an exception of the ledger itself; choose another name", quote(name))
	}
	sev := ledger.SeverityWarning
	if s.Severity.set() {
		got, ok := ledger.ParseSeverity(s.Severity.value)
		if !ok {
			l.fail(s.Severity.in(l.file), "%s is no severity%s", quote(s.Severity.value), strictyaml.Hint(s.Severity.value, severityNames[:]))
		}
		sev = got
	}
	if n := len(out.Steps); n > 0 && out.Steps[n-1].After >= s.After.micros {
		l.fail(or(s.After.in(l.file), where), "steps must come later one after the other: %s does not follow %s", s.After.micros, out.Steps[n-1].After)
	}
	out.Steps = append(out.Steps, ledger.Step{After: s.After.micros, Exception: name, Severity: sev})
}

// depends reads role or role/feed.
func (l *loader) depends(r *rule, out *ruleDecl) {
	for i := range r.DependsOn {
		t := &r.DependsOn[i]
		name, feed, _ := strings.Cut(t.value, "/")
		role, ok := ledger.ParseRole(strings.ToLower(name))
		if !ok {
			l.fail(t.in(l.file), "%s is no role%s; write erp, or erp/sales-orders", quote(name), strictyaml.Hint(name, roleNames()))
			continue
		}
		ref := ledger.FeedRef{Role: role, Feed: feed}
		if slices.Contains(out.DependsOn, ref) {
			l.fail(t.in(l.file), "%s stands twice", quote(t.value))
			continue
		}
		out.DependsOn = append(out.DependsOn, ref)
		out.depends = append(out.depends, t.in(l.file))
	}
}

// stake reads which money a broken rule puts at risk.
func (l *loader) stake(r *rule, out *ruleDecl) {
	if r.Money.Amount.set() {
		kind, ok := parseAmountKind(r.Money.Amount.value)
		if !ok {
			l.fail(r.Money.Amount.in(l.file), "%s is no kind of amount%s", quote(r.Money.Amount.value), strictyaml.Hint(r.Money.Amount.value, amountKinds()))
		}
		out.Money = kind
	}
	if r.Money.Role.set() {
		role, ok := ledger.ParseRole(strings.ToLower(r.Money.Role.value))
		if !ok {
			l.fail(r.Money.Role.in(l.file), "%s is no role%s", quote(r.Money.Role.value), strictyaml.Hint(r.Money.Role.value, roleNames()))
		}
		out.MoneyRole = role
	}
}
