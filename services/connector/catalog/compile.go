package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/document"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// compiler turns a file into a System and collects every problem.
type compiler struct {
	file     string
	env      *cel.Env
	problems []error
	byName   map[string]*entry
}

// entry pairs a compiled document with its text while references resolve.
type entry struct {
	doc  *mapping
	text *fileDocument
}

func newCompiler(name string) (*compiler, error) {
	env, err := newEnv()
	if err != nil {
		return nil, fmt.Errorf("build expression environment: %w", err)
	}
	return &compiler{file: name, env: env, byName: map[string]*entry{}}, nil
}

func (c *compiler) problem(line, column int, format string, args ...any) {
	c.problems = append(c.problems, &strictyaml.Problem{File: c.file, Line: max(line, 1), Column: max(column, 1), Text: fmt.Sprintf(format, args...)})
}

func (c *compiler) bad(w Word, format string, args ...any) {
	c.problem(w.Line, w.Column, format, args...)
}

func (c *compiler) compile(f *file) (*System, error) {
	s := &System{
		Name: f.System.Text, Title: f.Title, Precision: f.Precision, Skew: f.Skew,
		Words: map[ledger.Axis][]string{}, remove: f.Personal.Remove, hash: f.Personal.Hash,
	}
	if _, err := ledger.ParseSource(s.Name); err != nil {
		c.bad(f.System, "system: want a name such as acme-pay: %s", err)
	}
	role, ok := ledger.ParseRole(f.Role.Text)
	if !ok {
		c.bad(f.Role, "role: %q is no role%s", f.Role.Text, strictyaml.Hint(f.Role.Text, roleNames()))
	}
	s.Role = role
	if _, err := document.NewRedaction(f.Personal.Remove, f.Personal.Hash, nil); err != nil {
		c.problem(1, 1, "personal: %s", err)
	}
	c.settings(s, f)
	c.documents(s, f)
	for i := range f.Feeds {
		c.feed(s, f, &f.Feeds[i])
	}
	if len(f.Feeds) == 0 {
		c.problem(1, 1, "feeds: a system needs at least one feed")
	}
	slices.SortFunc(s.Feeds, func(a, b Feed) int { return strings.Compare(a.Name, b.Name) })
	s.unknown = c.expr("unknown.order", f.Unknown.Order)
	c.naming(s, f)
	c.words(s, f)
	c.matrix(s, f)
	c.links(s, f)
	if err := errors.Join(c.problems...); err != nil {
		return nil, err
	}
	return s, nil
}

func roleNames() (out []string) {
	for r := ledger.Role(1); int(r) <= ledger.Roles; r++ {
		out = append(out, r.String())
	}
	return out
}

// expr compiles an expression; nil for one that does not stand in the file.
func (c *compiler) expr(name string, e Expr) *program {
	if !e.Set() {
		return nil
	}
	tree, iss := c.env.Compile(e.Text)
	if iss != nil && iss.Err() != nil {
		for _, x := range iss.Errors() {
			line, column := e.Line, e.Column
			if x.Location.Line() == 1 {
				column += x.Location.Column()
			} else {
				line += x.Location.Line() - 1
			}
			c.problem(line, column, "%s: %s%s", name, strings.TrimSpace(x.Message), hintFor(x.Message))
		}
		return nil
	}
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if loops(tree.NativeRep().Expr()) {
		opts = append(opts, cel.CostLimit(costLimit))
	}
	run, err := c.env.Program(tree, opts...)
	if err != nil {
		c.problem(e.Line, e.Column, "%s: %s", name, err)
		return nil
	}
	return &program{run: run, fast: quickOf(tree.NativeRep().Expr()), at: fmt.Sprintf("%s:%d:%d", c.file, e.Line, e.Column), name: name}
}

// loops reports whether an expression visits elements of a list or a map. One that
// does not costs no more than it is long, so that counting its steps, which takes
// as long as the steps themselves, would tell nothing.
func loops(e ast.Expr) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) { found = found || e.Kind() == ast.ComprehensionKind }))
	return found
}

// hintFor suggests the variable or function that an undeclared name meant.
func hintFor(message string) string {
	_, rest, ok := strings.Cut(message, "undeclared reference to '")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "'")
	return strictyaml.Hint(name, []string{"doc", "it", "item", "source", "delivery", "text", "word", "whole", "unsigned", "stamp", "minor", "scaled", "coded"})
}

// need is expr for an expression that must stand in the file.
func (c *compiler) need(name string, e Expr, at Word) *program {
	if !e.Set() {
		c.bad(at, "%s: an expression is missing", name)
		return nil
	}
	return c.expr(name, e)
}

// axis reads an axis name.
func (c *compiler) axis(name string, w Word) ledger.Axis {
	a, ok := ledger.ParseAxis(w.Text)
	if !ok {
		var known []string
		for x := ledger.AxisOrder; x <= ledger.Axes; x++ {
			known = append(known, x.String())
		}
		c.bad(w, "%s: %q is no axis%s", name, w.Text, strictyaml.Hint(w.Text, known))
	}
	return a
}

func (c *compiler) words(s *System, f *file) {
	for i := range f.Words {
		a := c.axis("words.axis", f.Words[i].Axis)
		for _, w := range f.Words[i].Words {
			if !slices.Contains(s.Words[a], w.Text) {
				s.Words[a] = append(s.Words[a], w.Text)
			}
		}
		slices.Sort(s.Words[a])
	}
	for _, d := range s.documents {
		text := c.byName[d.name].text
		for i, cl := range d.claims {
			if cl.axis.Valid() && len(s.Words[cl.axis]) == 0 {
				c.bad(text.Claims[i].Axis, "documents[%s].claims[%d]: the words of axis %s are not listed under words:", d.name, i, cl.axis)
			}
		}
	}
}

func (c *compiler) matrix(s *System, f *file) {
	for i := range f.Matrix {
		r := &f.Matrix[i]
		a := c.axis("matrix.axis", r.Axis)
		st, ok := a.ParseState(r.State.Text)
		if !ok && a.Valid() {
			var known []string
			for _, x := range a.States() {
				known = append(known, a.StateName(x))
			}
			c.bad(r.State, "matrix: %q is no state of axis %s%s", r.State.Text, a, strictyaml.Hint(r.State.Text, known))
		}
		s.Matrix = append(s.Matrix, ledger.MatrixRow{System: s.Name, Axis: a, Native: r.Word, State: st, Target: r.Target})
	}
	slices.SortFunc(s.Matrix, func(a, b ledger.MatrixRow) int {
		if a.Axis != b.Axis {
			return int(a.Axis) - int(b.Axis)
		}
		return strings.Compare(a.Native, b.Native)
	})
	for i := 1; i < len(s.Matrix); i++ {
		if s.Matrix[i].Axis == s.Matrix[i-1].Axis && s.Matrix[i].Native == s.Matrix[i-1].Native {
			c.problem(1, 1, "matrix: word %q stands twice on axis %s", s.Matrix[i].Native, s.Matrix[i].Axis)
		}
	}
}
