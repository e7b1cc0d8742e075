package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// pair is one key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs lists a mapping, aliases resolved; the second result is false for
// anything but a mapping.
func pairs(n *yaml.Node) ([]pair, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil, false
	}
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := n.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		out = append(out, pair{n.Content[i], v})
	}
	return out, true
}

func (l *loader) at(n *yaml.Node) place { return place{l.file, n.Line, n.Column} }

// matrix reads system → axis → native word → state and target.
func (l *loader) matrix(t *tree) {
	if t.node == nil {
		return
	}
	systems, _ := pairs(t.node)
	for _, s := range systems {
		axes, ok := pairs(s.value)
		if !ok {
			l.fail(l.at(s.value), "want axes under system %q, such as order: and payment:", s.key.Value)
			continue
		}
		for _, a := range axes {
			axis, ok := parseAxis(a.key.Value)
			if !ok {
				l.fail(l.at(a.key), "%s is no axis%s", quote(a.key.Value), strictyaml.Hint(a.key.Value, axisNames()))
				continue
			}
			l.words(s.key.Value, axis, a.value)
		}
	}
}

func (l *loader) words(system string, axis ledger.Axis, n *yaml.Node) {
	words, ok := pairs(n)
	if !ok {
		l.fail(l.at(n), "want words under %s.%s, such as paid: {state: CAPTURED}", system, axis)
		return
	}
	for _, w := range words {
		row, ok := l.row(axis, w.value)
		if !ok {
			continue
		}
		key := rowKey{system, axis, w.key.Value}
		row.place, row.layer = l.at(w.key), l.layer
		if first, ok := l.d.rows[key]; ok && l.twice(row.place, first.place, first.layer, system+" "+axis.String()+" "+quote(key.native)) {
			continue
		}
		l.d.rows[key] = row
	}
}

// row reads a state, or {state, target}.
func (l *loader) row(axis ledger.Axis, n *yaml.Node) (rowDecl, bool) {
	if n.Kind == yaml.ScalarNode {
		s, ok := l.rowState(axis, n)
		return rowDecl{state: s}, ok
	}
	fields, ok := pairs(n)
	if !ok {
		l.fail(l.at(n), "want a state, or {state: …, target: …}")
		return rowDecl{}, false
	}
	var out rowDecl
	good, stated := true, false
	for _, f := range fields {
		switch {
		case f.value.Kind != yaml.ScalarNode:
			l.fail(l.at(f.value), "want a single value")
			good = false
		case f.key.Value == "state":
			out.state, ok = l.rowState(axis, f.value)
			good, stated = good && ok, true
		case f.key.Value == "target":
			out.target = f.value.Value
		default:
			l.fail(l.at(f.key), "unknown key %s%s", quote(f.key.Value), strictyaml.Hint(f.key.Value, []string{"state", "target"}))
			good = false
		}
	}
	if !stated && good {
		l.fail(l.at(n), "the row names no state")
	}
	return out, good && stated
}

func (l *loader) rowState(axis ledger.Axis, n *yaml.Node) (ledger.State, bool) {
	s, ok := parseState(axis, n.Value)
	if !ok {
		l.fail(l.at(n), "%s", noState(axis, n.Value))
		return 0, false
	}
	if s == ledger.Absent {
		l.fail(l.at(n), "ABSENT means that a source was never heard; a word it says cannot mean that")
		return 0, false
	}
	return s, true
}

// rollupNames are the ways to roll up, by ledger.RollupHow.
var rollupNames = [...]string{"progress", "furthest", "lead"}

func (l *loader) rollup(r *rollup) {
	at := r.System.in(l.file)
	axis, ok := parseAxis(r.Axis.value)
	if !ok {
		l.fail(or(r.Axis.in(l.file), at), "%s is no axis%s", quote(r.Axis.value), strictyaml.Hint(r.Axis.value, axisNames()))
	}
	how := slices.Index(rollupNames[:], r.How.value)
	if !r.How.set() {
		how = 0
	}
	if how < 0 {
		l.fail(r.How.in(l.file), "%s is no way to roll up%s", quote(r.How.value), strictyaml.Hint(r.How.value, rollupNames[:]))
	}
	if r.System.value == "" {
		l.fail(or(at, r.Axis.in(l.file)), "the roll-up names no system")
	}
	out := rollupDecl{place: at, layer: l.layer, Rollup: ledger.Rollup{System: r.System.value, Axis: axis, How: ledger.RollupHow(max(how, 0))}}
	for _, o := range r.Objects {
		if slices.Contains(out.Objects, o.value) {
			l.fail(o.in(l.file), "object %s stands twice", quote(o.value))
		}
		out.Objects = append(out.Objects, o.value)
	}
	if how > 0 && len(out.Objects) == 0 {
		l.fail(at, "%s needs its objects, in order of authority", rollupNames[how])
	}
	key := cellKey{r.System.value, axis}
	if first, ok := l.d.rollups[key]; ok && l.twice(at, first.place, first.layer, "the roll-up of "+r.System.value+" "+axis.String()) {
		return
	}
	l.d.rollups[key] = out
}

// or returns the first place that is known.
func or(a, b place) place {
	if a.known() {
		return a
	}
	return b
}

// bind reads origin → role → source.
func (l *loader) bind(t *tree) {
	if t.node == nil {
		return
	}
	origins, _ := pairs(t.node)
	for _, o := range origins {
		roles, ok := pairs(o.value)
		if !ok {
			l.fail(l.at(o.value), "want role: source pairs under origin %q", o.key.Value)
			continue
		}
		if _, err := ledger.ParseSource(o.key.Value); err != nil {
			l.fail(l.at(o.key), "%s", err)
		}
		for _, r := range roles {
			l.binding(o.key, r)
		}
	}
}

func (l *loader) binding(origin *yaml.Node, r pair) {
	role, ok := ledger.ParseRole(strings.ToLower(r.key.Value))
	if !ok {
		l.fail(l.at(r.key), "%s is no role%s", quote(r.key.Value), strictyaml.Hint(r.key.Value, roleNames()))
		return
	}
	if r.value.Kind != yaml.ScalarNode {
		l.fail(l.at(r.value), "one source plays a role; want its name")
		return
	}
	src, err := ledger.ParseSource(r.value.Value)
	if err != nil {
		l.fail(l.at(r.value), "%s", err)
		return
	}
	key := bindingKey{ledger.Source(origin.Value), role}
	if first, ok := l.d.bindings[key]; ok && l.twice(l.at(r.key), first.place, first.layer, "role "+role.String()+" of "+origin.Value) {
		return
	}
	l.d.bindings[key] = bindingDecl{place: l.at(r.value), layer: l.layer, source: src}
}
