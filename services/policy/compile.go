package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Vocabulary is what a system's catalog entry says about its words.
type Vocabulary struct {
	System string
	// Words are the native words the system is known to use, per axis.
	Words map[ledger.Axis][]string
	// Rows are what the entry itself says they mean. The matrix wins over them.
	Rows []ledger.MatrixRow
	// AliasTypes are the types of names it declares, JoinsBy those by which its
	// documents are joined.
	AliasTypes []catalog.AliasType
	JoinsBy    []catalog.AliasUse
}

// Options join a draft with the sources it is for.
type Options struct {
	// Version is the version of the policy, from 1.
	Version uint64
	// EffectiveAt is when it comes into force; 0 means since ever.
	EffectiveAt ledger.Instant
	// Sources are the configured sources, in any order.
	Sources []ledger.SourceSpec
	// Vocabularies are those of the sources' systems. Others are ignored.
	Vocabularies []Vocabulary
	// History are the earlier versions of the policy, in any order; the newest
	// one is enough. From it each rule knows since when it exists (S-28).
	History []*ledger.Policy
}

// Validate joins every problem with the options.
func (o *Options) Validate() error {
	var errs []string
	if o.Version == 0 {
		errs = append(errs, "version counts from 1")
	}
	seen := map[ledger.Source]bool{}
	for i := range o.Sources {
		if seen[o.Sources[i].Name] {
			errs = append(errs, fmt.Sprintf("source %s stands twice", o.Sources[i].Name))
		}
		seen[o.Sources[i].Name] = true
	}
	for _, p := range o.History {
		if p.Version >= o.Version {
			errs = append(errs, fmt.Sprintf("version %d does not follow %d", o.Version, p.Version))
		}
		if p.EffectiveAt > o.EffectiveAt {
			errs = append(errs, fmt.Sprintf("effective_at %s is earlier than that of version %d; it never decreases", o.EffectiveAt, p.Version))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("policy options: %s", strings.Join(errs, "; "))
	}
	return nil
}

// Compile joins the draft with sources into a policy in canonical order. The
// policy is nil if there are errors.
func (d *Draft) Compile(opt Options) (*ledger.Policy, []Problem) {
	if err := opt.Validate(); err != nil {
		return nil, []Problem{{Level: LevelError, Text: err.Error()}}
	}
	c := &compiler{d: d, opt: opt, p: &ledger.Policy{Version: opt.Version, EffectiveAt: opt.EffectiveAt, Settings: d.settings}}
	c.sources()
	c.rules()
	c.bindings()
	c.rows()
	c.rollups()
	c.aliases()
	sortProblems(c.problems)
	if Failed(c.problems) {
		return nil, c.problems
	}
	if err := c.p.Validate(); err != nil {
		return nil, append(c.problems, Problem{Level: LevelError, Text: err.Error()})
	}
	return c.p, c.problems
}

type compiler struct {
	d        *Draft
	opt      Options
	p        *ledger.Policy
	problems []Problem
}

func (c *compiler) report(level Level, p place, format string, args ...any) {
	c.problems = append(c.problems, p.problem(level, fmt.Sprintf(format, args...)))
}

// sources takes the sources in canonical order. A feed that proves nothing is
// left out: no verdict can wait for it, and a feed that never proves anything
// must not be called silent for it.
func (c *compiler) sources() {
	for _, s := range c.opt.Sources {
		s.Feeds = slices.DeleteFunc(slices.Clone(s.Feeds), func(f ledger.FeedSpec) bool { return len(f.Proves) == 0 })
		slices.SortFunc(s.Feeds, func(a, b ledger.FeedSpec) int { return cmp.Compare(a.Name, b.Name) })
		c.p.Sources = append(c.p.Sources, s)
	}
	slices.SortFunc(c.p.Sources, func(a, b ledger.SourceSpec) int { return cmp.Compare(a.Name, b.Name) })
}

func (c *compiler) rules() {
	for _, name := range sortedKeys(c.d.rules) {
		decl := c.d.rules[name]
		if decl.disabled {
			continue
		}
		r := decl.Rule
		r.Since = c.since(name)
		c.p.Rules = append(c.p.Rules, r)
	}
}

// since is the effective_at of the first version that had a rule of that name.
func (c *compiler) since(name string) ledger.Instant {
	since := c.opt.EffectiveAt
	for _, old := range c.opt.History {
		for i := range old.Rules {
			if old.Rules[i].Name == name {
				since = min(since, old.Rules[i].Since)
			}
		}
	}
	return since
}

// bindings names one source per origin and role: the one that is written, or
// the only one there is.
func (c *compiler) bindings() {
	read := c.rolesRead()
	for i := range c.p.Sources {
		o := &c.p.Sources[i]
		if !o.Origin {
			continue
		}
		for role := ledger.RoleStorefront; int(role) <= ledger.Roles; role++ {
			decl, written := c.d.bindings[bindingKey{o.Name, role}]
			switch {
			case written && decl.source == nobody:
			case written && c.spec(decl.source) == nil:
				c.report(LevelError, decl.place, "no source is named %q%s", decl.source, c.hint(string(decl.source)))
			case written:
				c.p.Bindings = append(c.p.Bindings, ledger.Binding{Origin: o.Name, Role: role, Source: decl.source})
			case role != o.Role:
				c.imply(o, role, read[role])
			}
		}
	}
	slices.SortFunc(c.p.Bindings, func(a, b ledger.Binding) int {
		return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Role, b.Role))
	})
	for key, decl := range c.d.bindings {
		if s := c.spec(key.origin); s == nil || !s.Origin {
			c.report(LevelError, decl.place, "%q is not an origin: set origin: true on the source whose ids name orders%s", key.origin, c.hint(string(key.origin)))
		}
	}
}

// nobody, as a binding's source, says that no source plays the role.
const nobody = "none"

func (c *compiler) imply(o *ledger.SourceSpec, role ledger.Role, read bool) {
	var candidates []string
	for i := range c.p.Sources {
		if s := &c.p.Sources[i]; s.Role == role && !s.Origin {
			candidates = append(candidates, string(s.Name))
		}
	}
	switch {
	case len(candidates) == 1:
		c.p.Bindings = append(c.p.Bindings, ledger.Binding{Origin: o.Name, Role: role, Source: ledger.Source(candidates[0])})
	case len(candidates) > 1 && read:
		c.report(LevelError, place{}, "origin %s: %s could each play the role %s; write bindings: {%s: {%s: …}}, or none",
			o.Name, strings.Join(candidates, " and "), role, o.Name, role)
	}
}

// rolesRead is the set of roles that rules read.
func (c *compiler) rolesRead() map[ledger.Role]bool {
	out := map[ledger.Role]bool{}
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		for _, cell := range reads(r) {
			out[cell.Role] = true
		}
		for _, d := range r.DependsOn {
			out[d.Role] = true
		}
	}
	return out
}

func (c *compiler) spec(name ledger.Source) *ledger.SourceSpec {
	i := slices.IndexFunc(c.p.Sources, func(s ledger.SourceSpec) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &c.p.Sources[i]
}

func (c *compiler) hint(name string) string {
	var names []string
	for i := range c.p.Sources {
		names = append(names, string(c.p.Sources[i].Name))
	}
	return hint(name, names)
}

// rows joins the matrix with what the catalog entries say of themselves.
func (c *compiler) rows() {
	words := vocabularies(c.opt.Vocabularies)
	rows := map[rowKey]ledger.MatrixRow{}
	for _, v := range c.opt.Vocabularies {
		for _, r := range v.Rows {
			rows[rowKey{r.System, r.Axis, r.Native}] = r
		}
	}
	for _, key := range c.d.rowKeys() {
		decl := c.d.rows[key]
		key.native = c.spelling(words, key, decl)
		rows[key] = ledger.MatrixRow{System: key.system, Axis: key.axis, Native: key.native, State: decl.state, Target: decl.target}
	}
	for _, r := range rows {
		c.p.Rows = append(c.p.Rows, r)
	}
	slices.SortFunc(c.p.Rows, ledger.MatrixRow.Compare)
}

// spelling returns the word as the system declares it, where the matrix only
// lost underscores or capitals of it.
func (c *compiler) spelling(words map[cellKey][]string, key rowKey, decl rowDecl) string {
	known := words[cellKey{key.system, key.axis}]
	if len(known) == 0 || slices.Contains(known, key.native) {
		return key.native
	}
	for _, w := range known {
		if squash(w) != squash(key.native) {
			continue
		}
		if other, ok := c.d.rows[rowKey{key.system, key.axis, w}]; ok {
			if other.state != decl.state {
				c.report(LevelError, decl.place, "%s and %s are one word and mean two states", quote(key.native), quote(w))
			}
			return key.native
		}
		c.report(LevelWarning, decl.place, "read as %s, as %s spells it", quote(w), key.system)
		return w
	}
	return key.native
}

func (c *compiler) rollups() {
	for _, decl := range c.d.rollups {
		c.p.Rollups = append(c.p.Rollups, decl.Rollup)
	}
	slices.SortFunc(c.p.Rollups, func(a, b ledger.Rollup) int {
		return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Axis, b.Axis))
	})
}

// rowKeys lists the keys of the matrix, ascending.
func (d *Draft) rowKeys() []rowKey {
	out := make([]rowKey, 0, len(d.rows))
	for k := range d.rows {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.axis, b.axis), cmp.Compare(a.native, b.native))
	})
	return out
}

func vocabularies(list []Vocabulary) map[cellKey][]string {
	out := map[cellKey][]string{}
	for _, v := range list {
		for a, words := range v.Words {
			out[cellKey{v.System, a}] = words
		}
	}
	return out
}

// reads lists the cells that a rule's predicates read, sums as order cells of
// their role left out.
func reads(r *ledger.Rule) []ledger.CellRef {
	var out []ledger.CellRef
	add := func(c ledger.CellRef) {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, p := range []*ledger.Predicate{r.From, r.Until, r.Unless, r.Expr} {
		p.Walk(func(n *ledger.Predicate) {
			switch n.Op {
			case ledger.OpIn, ledger.OpNotIn, ledger.OpAtOr:
				add(n.Cell)
			case ledger.OpSince:
				add(n.Cell)
				add(n.Other)
			}
		})
	}
	return out
}

// Record wraps a compiled policy as the record that proposes it, with the
// draft's files beside the tree, for people.
func (d *Draft) Record(p *ledger.Policy, by string) *ledger.PolicyRecord {
	return p.Record(d.YAML(), by)
}
