package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// matrixKey addresses a row of the matrix.
type matrixKey struct {
	system string
	axis   Axis
	native string
}

// systemAxis addresses a roll-up.
type systemAxis struct {
	system string
	axis   Axis
}

// plan is every adopted policy, compiled for the fold: the newest matrix and
// roll-ups, and each rule with the stretch of anchors it judges.
type plan struct {
	newest   *Policy
	version  uint64
	sources  map[Source]*SourceSpec
	feeds    map[FeedKey]*FeedSpec
	matrix   map[matrixKey]State
	rollups  map[systemAxis]*Rollup
	origins  map[Source]*originPlan
	aliases  map[string]*AliasSpec // by type
	policies []*Policy             // ascending by version
}

// originPlan is the plan for the orders of one origin.
type originPlan struct {
	role Role
	bind [Roles + 1]Source
	// rules in (name, policy version) order.
	rules   []*judge
	amounts bool // some rule reads sums
}

// judge is one rule as one stretch of policy versions states it. Episodes whose
// anchor's latest instant lies in [from, until) are its to judge.
type judge struct {
	*Rule
	version uint64
	from    Instant
	until   Instant
	open    *Predicate // from, or expr
	close   *Predicate // until, or not expr
	unless  *Predicate // nil: none
	drift   bool
	reads   uint64 // cells read by any predicate, see cellBit
	amounts bool
	// the cells each predicate reads
	openCells, closeCells, unlessCells []CellRef
	deps                               []FeedKey
	missing                            string // a dependency that no feed satisfies: never provable
	sigma                              Micros
	live                               Instant // the greatest live_from of the sources it depends on
}

// cellBit is the bit of a cell in a judge's mask of cells read.
func cellBit(c CellRef) uint64 {
	return 1 << ((uint64(c.Role)*Axes + uint64(c.Axis) - 1) % 64)
}

// ErrPolicy is the identity of a refused policy.
var ErrPolicy = errors.New("policy is not valid")

// Validate checks what the fold relies on: unique ascending lists, known axes
// and states, unambiguous bindings, rules with steps. It joins every problem.
func (p *Policy) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s", ErrPolicy, fmt.Sprintf(format, args...)))
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		if i > 0 && p.Sources[i-1].Name >= s.Name {
			bad("sources must ascend: %q", s.Name)
		}
		if !s.Origin && s.Role == RoleNone {
			bad("source %q has no role", s.Name)
		}
		for j := range s.Feeds {
			if j > 0 && s.Feeds[j-1].Name >= s.Feeds[j].Name {
				bad("feeds of %q must ascend: %q", s.Name, s.Feeds[j].Name)
			}
		}
	}
	for i := 1; i < len(p.Bindings); i++ {
		a, b := p.Bindings[i-1], p.Bindings[i]
		if a.Origin > b.Origin || a.Origin == b.Origin && a.Role >= b.Role {
			bad("bindings must ascend and name one source per role: %s %s", b.Origin, b.Role)
		}
	}
	for i, r := range p.Rows {
		if !r.Axis.Valid() || r.Axis.StateName(r.State) == "INVALID" || !r.State.Certain() {
			bad("matrix row %s/%s/%q maps to no state", r.System, r.Axis, r.Native)
		}
		if i > 0 && p.Rows[i-1].Compare(r) >= 0 {
			bad("matrix rows must ascend and be unique: %s/%s/%q", r.System, r.Axis, r.Native)
		}
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		if i > 0 && p.Rules[i-1].Name >= r.Name {
			bad("rules must ascend: %q", r.Name)
		}
		if len(r.Steps) == 0 {
			bad("rule %q has no step", r.Name)
		}
		if (r.Expr == nil) == (r.From == nil || r.Until == nil) {
			bad("rule %q must have either expr, or from and until", r.Name)
		}
	}
	for i := range p.Aliases {
		if x := &p.Aliases[i]; x.Type == "" || x.Recycle < 0 || x.OrphanAfter < 0 || i > 0 && p.Aliases[i-1].Type >= x.Type {
			bad("alias types must ascend, with spans that are not negative: %q", x.Type)
		}
	}
	return errors.Join(errs...)
}

// Compare orders rows by system, axis and native word.
func (a MatrixRow) Compare(b MatrixRow) int {
	if c := strings.Compare(a.System, b.System); c != 0 {
		return c
	}
	if a.Axis != b.Axis {
		return int(a.Axis) - int(b.Axis)
	}
	return strings.Compare(a.Native, b.Native)
}

// compile builds the plan of the adopted policies, ascending by version.
func compile(adopted []*Policy) *plan {
	p := &plan{policies: adopted, sources: map[Source]*SourceSpec{}, feeds: map[FeedKey]*FeedSpec{},
		matrix: map[matrixKey]State{}, rollups: map[systemAxis]*Rollup{}, origins: map[Source]*originPlan{}, aliases: map[string]*AliasSpec{}}
	if len(adopted) == 0 {
		return p
	}
	p.newest = adopted[len(adopted)-1]
	p.version = p.newest.Version
	for i := range p.newest.Sources {
		s := &p.newest.Sources[i]
		p.sources[s.Name] = s
		for j := range s.Feeds {
			p.feeds[FeedKey{s.Name, s.Feeds[j].Name}] = &s.Feeds[j]
		}
	}
	for _, r := range p.newest.Rows {
		p.matrix[matrixKey{r.System, r.Axis, r.Native}] = r.State
	}
	for i := range p.newest.Aliases {
		p.aliases[p.newest.Aliases[i].Type] = &p.newest.Aliases[i]
	}
	for i := range p.newest.Rollups {
		r := &p.newest.Rollups[i]
		p.rollups[systemAxis{r.System, r.Axis}] = r
	}
	for i := range p.newest.Sources {
		if s := &p.newest.Sources[i]; s.Origin {
			p.origins[s.Name] = p.compileOrigin(s)
		}
	}
	return p
}

func (p *plan) compileOrigin(s *SourceSpec) *originPlan {
	o := &originPlan{role: s.Role}
	o.bind[s.Role] = s.Name
	for _, b := range p.newest.Bindings {
		if b.Origin == s.Name {
			o.bind[b.Role] = b.Source
		}
	}
	names := map[string]bool{}
	for _, pol := range p.policies {
		for i := range pol.Rules {
			names[pol.Rules[i].Name] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for n := range names { //lint:sorted below
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	for _, n := range sorted {
		o.rules = append(o.rules, p.judges(o, n)...)
	}
	o.amounts = slices.ContainsFunc(o.rules, func(j *judge) bool { return j.amounts })
	return o
}

// judges compiles every stretch of versions of one rule. The first stretch
// reaches back for ever: a new rule also judges earlier episodes, as history.
func (p *plan) judges(o *originPlan, name string) []*judge {
	var out []*judge
	for i, pol := range p.policies {
		from, until := pol.EffectiveAt, Forever
		if i == 0 {
			from = Beginning
		}
		if i+1 < len(p.policies) {
			until = p.policies[i+1].EffectiveAt
		}
		at := slices.IndexFunc(pol.Rules, func(r Rule) bool { return r.Name == name })
		if at < 0 || from >= until {
			continue
		}
		if len(out) == 0 {
			from = Beginning
		}
		out = append(out, p.compileRule(o, &pol.Rules[at], &judge{Rule: &pol.Rules[at], version: pol.Version, from: from, until: until}))
	}
	return out
}

func (p *plan) compileRule(o *originPlan, r *Rule, j *judge) *judge {
	if r.Expr != nil {
		j.drift, j.open = true, r.Expr
		j.close = &Predicate{Op: OpNot, Args: []*Predicate{r.Expr}}
	} else {
		j.open, j.close, j.unless = r.From, r.Until, r.Unless
		if j.unless == nil && !r.NoDefaultUnless && !requiresCancelled(r.From, o.role) {
			j.unless = &Predicate{Op: OpIn, Cell: CellRef{o.role, AxisOrder}, States: StateSet(OrderCancelled)}
		}
	}
	j.openCells = j.cellsOf(j.open)
	j.closeCells = j.cellsOf(j.close)
	j.unlessCells = j.cellsOf(j.unless)
	j.sigma = p.skewOf(o, j.openCells) + p.skewOf(o, j.closeCells)
	all := slices.Concat(j.openCells, j.closeCells, j.unlessCells)
	for _, c := range all {
		j.reads |= cellBit(c)
	}
	p.dependencies(o, j, all)
	return j
}

// cellsOf lists the cells a predicate reads, and notes whether it reads sums.
func (j *judge) cellsOf(root *Predicate) []CellRef {
	var cells []CellRef
	add := func(c CellRef) {
		if !slices.Contains(cells, c) {
			cells = append(cells, c)
		}
	}
	root.Walk(func(n *Predicate) {
		switch n.Op {
		case OpIn, OpNotIn, OpAtOr:
			add(n.Cell)
		case OpSince:
			add(n.Cell)
			add(n.Other)
		case OpAmount:
			j.amounts = true
		}
	})
	return cells
}

// requiresCancelled reports whether a from reads the origin's order axis as
// CANCELLED; then cancellation must not void it.
func requiresCancelled(from *Predicate, origin Role) bool {
	found := false
	from.Walk(func(n *Predicate) {
		if n.Op == OpIn && n.Cell == (CellRef{origin, AxisOrder}) && n.States>>OrderCancelled&1 == 1 {
			found = true
		}
	})
	return found
}

// skewOf is the greatest declared clock skew of the sources the cells name.
func (p *plan) skewOf(o *originPlan, cells []CellRef) Micros {
	var skew Micros
	for _, c := range cells {
		if s := p.sources[o.bind[c.Role]]; s != nil {
			skew = max(skew, s.Skew)
		}
	}
	return skew
}

// dependencies lists the feeds whose coverage proves absence, ascending.
func (p *plan) dependencies(o *originPlan, j *judge, cells []CellRef) {
	add := func(role Role, feed string) {
		src := o.bind[role]
		spec := p.sources[src]
		found := false
		if spec != nil {
			j.live = max(j.live, spec.LiveFrom)
			for i := range spec.Feeds {
				f := &spec.Feeds[i]
				if feed == f.Name || feed == "" && provesAny(f, role, cells) {
					j.deps = append(j.deps, FeedKey{src, f.Name})
					found = true
				}
			}
		}
		if !found {
			j.missing = role.String() + "/" + feed
		}
	}
	if len(j.DependsOn) > 0 {
		for _, d := range j.DependsOn {
			add(d.Role, d.Feed)
		}
	} else {
		for role := RoleStorefront; int(role) <= Roles; role++ {
			if slices.ContainsFunc(cells, func(c CellRef) bool { return c.Role == role }) {
				add(role, "")
			}
		}
	}
	slices.SortFunc(j.deps, FeedKey.Compare)
	j.deps = slices.Compact(j.deps)
}

func provesAny(f *FeedSpec, role Role, cells []CellRef) bool {
	for _, c := range cells {
		if c.Role == role && slices.ContainsFunc(f.Proves, func(pr Proof) bool { return pr.Axis == c.Axis }) {
			return true
		}
	}
	return false
}

// state maps a native word of a system; Unmapped if the matrix has no row.
func (p *plan) state(system string, axis Axis, native string) State {
	if s, ok := p.matrix[matrixKey{system, axis, native}]; ok {
		return s
	}
	return Unmapped
}

// rollup returns the declared roll-up of a system's axis, or the default:
// progress over all objects.
func (p *plan) rollup(system string, axis Axis) *Rollup {
	return p.rollups[systemAxis{system, axis}]
}

func (p *plan) skew(s Source) Micros {
	if spec := p.sources[s]; spec != nil {
		return spec.Skew
	}
	return 0
}

func (p *plan) settle(s Source, feed string) Micros {
	if f := p.feeds[FeedKey{s, feed}]; f != nil {
		return f.Settle
	}
	return 0
}

// patience is how long a feed may lag before it counts as silent (S-21).
func (f *FeedSpec) patience() Micros { return f.Settle + 2*f.ExpectedEvery }
