package policy

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// maxDepth bounds the nesting of an expression; the policy record's decoder
// refuses trees of more than 32 levels.
const maxDepth = 30

// allowed ends the message about anything a predicate cannot hold.
const allowed = "; allowed are system.axis compared with states (== != in >= > <= <), since(a.b) < since(c.d), " +
	"amount(role, kind) compared with an amount or money(\"EUR\", \"12.50\"), and && || !"

// parser reads expressions. It is safe for concurrent use.
type parser struct{ env *cel.Env }

func newParser() (*parser, error) {
	env, err := cel.NewCustomEnv(cel.ClearMacros())
	if err != nil {
		return nil, fmt.Errorf("open expression environment: %w", err)
	}
	return &parser{env}, nil
}

// lowering turns one expression into a predicate.
type lowering struct {
	text *text
	file *source
	info *celast.SourceInfo
	bad  []Problem
	// states are the names of states and axes met, for Format.
	states []stateAt
}

// stateAt is a name as written, and where in the expression.
type stateAt struct {
	row, col  int
	written   string
	canonical string
}

// lower parses an expression and turns it into a predicate. The predicate is
// nil if there are problems.
func (p *parser) lower(t *text, f *source) (*ledger.Predicate, *lowering) {
	l := &lowering{text: t, file: f}
	src := t.value
	if first := strings.TrimLeft(src, " \n"); strings.HasPrefix(first, "never") || strings.HasPrefix(first, "count") {
		l.bad = append(l.bad, t.in(f).problem(LevelError, notYet))
		return nil, l
	}
	tree, issues := p.env.Parse(src)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			msg, _, _ := strings.Cut(e.Message, "\n")
			l.report(max(e.Location.Line()-1, 0), max(e.Location.Column(), 0), "not an expression: "+msg)
		}
		return nil, l
	}
	l.info = tree.NativeRep().SourceInfo()
	out := l.truth(tree.NativeRep().Expr(), 0)
	if len(l.bad) > 0 {
		return nil, l
	}
	return out, l
}

const notYet = "not yet: the forms \"never: X before Y\" and \"count … over …\" are reserved; use from/until, or expr/for"

func (l *lowering) report(row, col int, msg string) {
	l.bad = append(l.bad, l.text.locate(l.file, row, col).problem(LevelError, msg))
}

func (l *lowering) fail(e celast.Expr, format string, args ...any) {
	row, col := l.place(e)
	l.report(row, col, fmt.Sprintf(format, args...))
}

func (l *lowering) place(e celast.Expr) (row, col int) {
	at := l.info.GetStartLocation(e.ID())
	return max(at.Line()-1, 0), max(at.Column(), 0)
}

// truth lowers an expression that must be true or false.
func (l *lowering) truth(e celast.Expr, depth int) *ledger.Predicate {
	if depth > maxDepth {
		l.fail(e, "nested deeper than %d levels", maxDepth)
		return nil
	}
	if e.Kind() != celast.CallKind {
		l.fail(e, "%s is not true or false by itself%s", l.describe(e), allowed)
		return nil
	}
	c := e.AsCall()
	switch fn := c.FunctionName(); fn {
	case operators.LogicalAnd:
		return l.join(ledger.OpAnd, fn, c.Args(), depth)
	case operators.LogicalOr:
		return l.join(ledger.OpOr, fn, c.Args(), depth)
	case operators.LogicalNot:
		if a := l.truth(c.Args()[0], depth+1); a != nil {
			return &ledger.Predicate{Op: ledger.OpNot, Args: []*ledger.Predicate{a}}
		}
		return nil
	case operators.In, operators.OldIn:
		return l.in(e, c.Args()[0], c.Args()[1])
	default:
		if cmp, ok := comparison(fn); ok {
			return l.compare(e, cmp, c.Args()[0], c.Args()[1])
		}
		l.fail(e, "%s is not known here%s", quote(callName(fn)), allowed)
		return nil
	}
}

// join lowers a chain of && or ||, flat.
func (l *lowering) join(op ledger.Op, fn string, args []celast.Expr, depth int) *ledger.Predicate {
	out := &ledger.Predicate{Op: op}
	for _, a := range args {
		if a.Kind() == celast.CallKind && a.AsCall().FunctionName() == fn {
			if p := l.join(op, fn, a.AsCall().Args(), depth); p != nil {
				out.Args = append(out.Args, p.Args...)
			}
			continue
		}
		if p := l.truth(a, depth+1); p != nil {
			out.Args = append(out.Args, p)
		}
	}
	return out
}

func comparison(fn string) (ledger.Cmp, bool) {
	switch fn {
	case operators.Equals:
		return ledger.CmpEq, true
	case operators.NotEquals:
		return ledger.CmpNe, true
	case operators.Less:
		return ledger.CmpLt, true
	case operators.LessEquals:
		return ledger.CmpLe, true
	case operators.Greater:
		return ledger.CmpGt, true
	case operators.GreaterEquals:
		return ledger.CmpGe, true
	default:
		return 0, false
	}
}

// mirror is the comparison with its sides exchanged.
func mirror(c ledger.Cmp) ledger.Cmp {
	switch c {
	case ledger.CmpLt:
		return ledger.CmpGt
	case ledger.CmpLe:
		return ledger.CmpGe
	case ledger.CmpGt:
		return ledger.CmpLt
	case ledger.CmpGe:
		return ledger.CmpLe
	default:
		return c
	}
}

// callName is an operator or function as people write it.
func callName(fn string) string {
	if op, ok := operators.FindReverse(fn); ok && op != "" {
		return op
	}
	return strings.Trim(fn, "_?:")
}

// describe names an expression for a message.
func (l *lowering) describe(e celast.Expr) string {
	switch e.Kind() {
	case celast.IdentKind:
		return quote(e.AsIdent())
	case celast.SelectKind:
		if o := e.AsSelect().Operand(); o.Kind() == celast.IdentKind {
			return quote(o.AsIdent() + "." + e.AsSelect().FieldName())
		}
		return quote(e.AsSelect().FieldName())
	case celast.LiteralKind:
		return fmt.Sprintf("the value %v", e.AsLiteral().Value())
	case celast.ListKind:
		return "a list"
	case celast.CallKind:
		return quote(callName(e.AsCall().FunctionName()))
	default:
		return "this"
	}
}

// role reads the name of a role.
func (l *lowering) role(e celast.Expr) (ledger.Role, bool) {
	if e.Kind() != celast.IdentKind {
		l.fail(e, "want the name of a role here, such as erp, not %s", l.describe(e))
		return 0, false
	}
	r, ok := ledger.ParseRole(e.AsIdent())
	if !ok {
		l.fail(e, "%s is no role%s", quote(e.AsIdent()), strictyaml.Hint(e.AsIdent(), roleNames()))
	}
	return r, ok
}

// cell reads role.axis.
func (l *lowering) cell(e celast.Expr) (ledger.CellRef, bool) {
	if e.Kind() != celast.SelectKind || e.AsSelect().IsTestOnly() {
		l.fail(e, "want role.axis here, such as erp.order, not %s", l.describe(e))
		return ledger.CellRef{}, false
	}
	s := e.AsSelect()
	role, ok := l.role(s.Operand())
	axis, known := parseAxis(s.FieldName())
	if !known {
		l.fail(e, "%s is no axis%s", quote(s.FieldName()), strictyaml.Hint(s.FieldName(), axisNames()))
	}
	row, col := l.place(e) // of the dot
	l.states = append(l.states, stateAt{row, col + 1, s.FieldName(), strings.TrimPrefix(cellName(ledger.CellRef{Axis: axis}), "none.")})
	return ledger.CellRef{Role: role, Axis: axis}, ok && known
}

// state reads a state of an axis.
func (l *lowering) state(a ledger.Axis, e celast.Expr) (ledger.State, bool) {
	if e.Kind() != celast.IdentKind {
		l.fail(e, "want a state of %s here, not %s%s", a, l.describe(e), strictyaml.Hint("", nil))
		return 0, false
	}
	name := e.AsIdent()
	s, ok := parseState(a, name)
	if !ok {
		l.fail(e, "%s", noState(a, name))
		return 0, false
	}
	row, col := l.place(e)
	l.states = append(l.states, stateAt{row, col, name, a.StateName(s)})
	return s, true
}
