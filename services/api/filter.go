package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// kindOf is what a filterable field holds.
type kindOf uint8

const (
	textField kindOf = iota
	boolField
	timeField
	// rankField holds words of a closed list, compared by their place in it.
	rankField
)

// field is one filterable field. Words closes the set of values.
type field struct {
	kind  kindOf
	words []string
}

// fields are the filterable fields of one list, by name.
type fields map[string]field

// item gives the value of a field: string, []string (any of them), bool or
// time.Time (zero: unset).
type item func(name string) any

// filter is a compiled AIP-160 filter.
type filter struct {
	match func(item) bool
	// mentions are the fields that the filter reads.
	mentions []string
}

// Mentions reports whether the filter reads a field.
func (f *filter) Mentions(name string) bool { return slices.Contains(f.mentions, name) }

// maxFilter bounds a filter's text in bytes, and with it the work per item.
const maxFilter = 4096

// parse compiles a filter; an empty one selects everything.
func (fs fields) parse(text string) (*filter, error) {
	if strings.TrimSpace(text) == "" {
		return &filter{match: func(item) bool { return true }}, nil
	}
	bad := func(format string, args ...any) error {
		e := fail(InvalidFilter, "filter: "+fmt.Sprintf(format, args...), "filter", text)
		e.Field = "filter"
		return e
	}
	if len(text) > maxFilter {
		return nil, bad("%d bytes: at most %d", len(text), maxFilter)
	}
	var parser filtering.Parser
	parser.Init(text)
	parsed, err := parser.Parse()
	if err != nil {
		return nil, bad("%s", problem(err))
	}
	fs.quoteWords(parsed.GetExpr())
	decl, err := fs.declarations()
	if err != nil {
		return nil, err
	}
	var checker filtering.Checker
	checker.Init(parsed.GetExpr(), parsed.GetSourceInfo(), decl)
	if _, err := checker.Check(); err != nil {
		return nil, bad("%s (fields: %s)", problem(err), strings.Join(slices.Sorted(maps.Keys(fs)), ", "))
	}
	c := compiler{fs: fs, seen: map[string]bool{}}
	match, err := c.compile(parsed.GetExpr())
	if err != nil {
		return nil, bad("%s", err)
	}
	return &filter{match: match, mentions: slices.Sorted(maps.Keys(c.seen))}, nil
}

// problem is the last line of the library's error: the earlier ones are the
// productions of its grammar.
func problem(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func (fs fields) declarations() (*filtering.Declarations, error) {
	opts := []filtering.DeclarationOption{
		filtering.DeclareStandardFunctions(),
		filtering.DeclareIdent("true", filtering.TypeBool), filtering.DeclareIdent("false", filtering.TypeBool),
	}
	for _, name := range slices.Sorted(maps.Keys(fs)) {
		t := filtering.TypeString
		switch fs[name].kind {
		case boolField:
			t = filtering.TypeBool
		case timeField:
			t = filtering.TypeTimestamp
		}
		opts = append(opts, filtering.DeclareIdent(name, t))
	}
	return filtering.NewDeclarations(opts...)
}

// quoteWords turns bare words on the right of comparisons into strings, so that
// severity = CRITICAL needs no quotes.
func (fs fields) quoteWords(root *expr.Expr) {
	filtering.Walk(func(e, _ *expr.Expr) bool {
		if args := e.GetCallExpr().GetArgs(); len(args) == 2 && args[1].GetIdentExpr() != nil {
			name := args[1].GetIdentExpr().GetName()
			if _, known := fs[name]; !known && name != "true" && name != "false" && comparison(e.GetCallExpr().GetFunction()) {
				args[1].ExprKind = &expr.Expr_ConstExpr{ConstExpr: filtering.NewStringConstant(name)}
			}
		}
		return true
	}, root)
}

func comparison(fn string) bool {
	switch fn {
	case filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionLessThan, filtering.FunctionLessEquals,
		filtering.FunctionGreaterThan, filtering.FunctionGreaterEquals, filtering.FunctionHas:
		return true
	}
	return false
}

// compiler turns a checked expression into a function of an item.
type compiler struct {
	fs   fields
	seen map[string]bool
}

func (c *compiler) compile(e *expr.Expr) (func(item) bool, error) {
	if name, ok := fieldName(e); ok {
		c.seen[name] = true
		if name == "true" || name == "false" {
			delete(c.seen, name)
			return func(item) bool { return name == "true" }, nil
		}
		return func(x item) bool { b, _ := x(name).(bool); return b }, nil
	}
	call := e.GetCallExpr()
	if call == nil {
		return nil, fmt.Errorf("a value alone is no condition")
	}
	switch fn := call.GetFunction(); fn {
	case filtering.FunctionAnd, filtering.FunctionOr, filtering.FunctionNot:
		return c.join(fn, call.GetArgs())
	default:
		return c.compare(fn, call.GetArgs())
	}
}

func (c *compiler) join(fn string, args []*expr.Expr) (func(item) bool, error) {
	var parts []func(item) bool
	for _, a := range args {
		p, err := c.compile(a)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	switch fn {
	case filtering.FunctionNot:
		return func(x item) bool { return !parts[0](x) }, nil
	case filtering.FunctionOr:
		return func(x item) bool { return parts[0](x) || parts[1](x) }, nil
	default:
		return func(x item) bool { return parts[0](x) && parts[1](x) }, nil
	}
}

// compare compiles <field> <operator> <literal>.
func (c *compiler) compare(fn string, args []*expr.Expr) (func(item) bool, error) {
	if len(args) != 2 || !comparison(fn) {
		return nil, fmt.Errorf("the operator %s is not supported", fn)
	}
	name, ok := fieldName(args[0])
	f, known := c.fs[name]
	if !ok || !known {
		return nil, fmt.Errorf("the left side of %s must be a field", fn)
	}
	c.seen[name] = true
	if f.kind == boolField {
		want := args[1].GetConstExpr().GetBoolValue()
		if lit, ok := fieldName(args[1]); ok {
			want = lit == "true"
		}
		equal := fn == filtering.FunctionEquals
		return func(x item) bool { b, _ := x(name).(bool); return (b == want) == equal }, nil
	}
	lit, ok := literal(args[1])
	if !ok {
		return nil, fmt.Errorf("the right side of %s %s must be a value", name, fn)
	}
	switch f.kind {
	case timeField:
		return compareTime(name, fn, lit)
	case rankField:
		return compareRank(name, fn, lit, f.words)
	default:
		return compareText(name, fn, lit, f.words)
	}
}

// fieldName is the dotted name that an expression spells.
func fieldName(e *expr.Expr) (string, bool) {
	switch k := e.GetExprKind().(type) {
	case *expr.Expr_IdentExpr:
		return k.IdentExpr.GetName(), true
	case *expr.Expr_SelectExpr:
		left, ok := fieldName(k.SelectExpr.GetOperand())
		return left + "." + k.SelectExpr.GetField(), ok
	}
	return "", false
}

// literal is a string, also inside timestamp(…).
func literal(e *expr.Expr) (string, bool) {
	if call := e.GetCallExpr(); call != nil && call.GetFunction() == filtering.FunctionTimestamp && len(call.GetArgs()) == 1 {
		e = call.GetArgs()[0]
	}
	s, ok := e.GetConstExpr().GetConstantKind().(*expr.Constant_StringValue)
	if !ok {
		return "", false
	}
	return s.StringValue, true
}

func compareTime(name, fn, lit string) (func(item) bool, error) {
	if fn == filtering.FunctionHas {
		return func(x item) bool { t, _ := x(name).(time.Time); return !t.IsZero() }, nil
	}
	want, err := time.Parse(time.RFC3339, lit)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no RFC 3339 timestamp, such as 2026-03-02T10:00:00Z", name, lit)
	}
	return func(x item) bool {
		t, _ := x(name).(time.Time)
		if t.IsZero() {
			return fn == filtering.FunctionNotEquals
		}
		return holds(fn, t.Compare(want))
	}, nil
}

// holds applies an operator to the result of a comparison.
func holds(fn string, c int) bool {
	switch fn {
	case filtering.FunctionEquals:
		return c == 0
	case filtering.FunctionNotEquals:
		return c != 0
	case filtering.FunctionLessThan:
		return c < 0
	case filtering.FunctionLessEquals:
		return c <= 0
	case filtering.FunctionGreaterThan:
		return c > 0
	default:
		return c >= 0
	}
}

// word finds a value in a closed list, in any case and with or without the
// enum's prefix.
func word(name, lit string, words []string) (int, error) {
	for i, w := range words {
		if strings.EqualFold(w, lit) || strings.HasSuffix(strings.ToUpper(lit), "_"+w) && strings.HasPrefix(strings.ToUpper(lit), strings.ToUpper(name)) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s: unknown value %q: want %s", name, lit, strings.Join(words, ", "))
}

func compareRank(name, fn, lit string, words []string) (func(item) bool, error) {
	want, err := word(name, lit, words)
	if err != nil {
		return nil, err
	}
	return func(x item) bool {
		s, _ := x(name).(string)
		got := slices.Index(words, s)
		if got < 0 {
			return fn == filtering.FunctionNotEquals
		}
		if fn == filtering.FunctionHas {
			return got == want
		}
		return holds(fn, got-want)
	}, nil
}

func compareText(name, fn, lit string, words []string) (func(item) bool, error) {
	switch fn {
	case filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionHas:
	default:
		return nil, fmt.Errorf("%s: %s is not defined for text: use = or !=", name, fn)
	}
	if len(words) > 0 && !strings.Contains(lit, "*") {
		at, err := word(name, lit, words)
		if err != nil {
			return nil, err
		}
		lit = words[at]
	}
	return func(x item) bool {
		found := false
		switch v := x(name).(type) {
		case string:
			found = like(v, lit, fn)
		case []string:
			found = slices.ContainsFunc(v, func(s string) bool { return like(s, lit, fn) })
		}
		return found != (fn == filtering.FunctionNotEquals)
	}, nil
}

// like compares text; * at an end of the pattern stands for anything, and the
// operator : asks for a part.
func like(s, pattern, fn string) bool {
	if fn == filtering.FunctionHas {
		return pattern == "*" && s != "" || strings.Contains(strings.ToLower(s), strings.ToLower(strings.Trim(pattern, "*")))
	}
	head, open := strings.CutSuffix(pattern, "*")
	tail, front := strings.CutPrefix(head, "*")
	switch {
	case open && front:
		return strings.Contains(s, tail)
	case open:
		return strings.HasPrefix(s, head)
	case front:
		return strings.HasSuffix(s, tail)
	default:
		return s == pattern
	}
}
