package catalog

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// quick evaluates the plain expressions that mappings mostly consist of — a
// field, a literal, a comparison with null, a function of these — without the
// interpreter. It returns nil where it does not know the answer, an error or an
// odd type included: then the interpreter says what there is to say. So it can
// only ever agree with it.
type quick func(x *extraction, it any) ref.Val

// quickOf compiles an expression, nil if it is not a plain one.
func quickOf(e ast.Expr) quick {
	switch e.Kind() {
	case ast.LiteralKind:
		v := e.AsLiteral()
		return func(*extraction, any) ref.Val { return v }
	case ast.SelectKind:
		return quickSelect(e.AsSelect())
	case ast.CallKind:
		return quickCall(e.AsCall())
	default:
		return nil
	}
}

// quickRoot is the variable that a field is read of.
func quickRoot(e ast.Expr) func(x *extraction, it any) any {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	switch e.AsIdent() {
	case "it":
		return func(_ *extraction, it any) any { return it }
	case "doc":
		return func(x *extraction, _ any) any { return x.doc }
	case "item":
		return func(x *extraction, _ any) any { return x.item }
	default:
		return nil
	}
}

func quickSelect(s ast.SelectExpr) quick {
	root, field := quickRoot(s.Operand()), s.FieldName()
	switch {
	case root == nil:
		return nil
	case s.IsTestOnly():
		return func(x *extraction, it any) ref.Val {
			if m, ok := root(x, it).(map[string]any); ok {
				_, there := m[field]
				return types.Bool(there)
			}
			return nil
		}
	default:
		return func(x *extraction, it any) ref.Val {
			if m, ok := root(x, it).(map[string]any); ok {
				if v, there := m[field]; there {
					return scalar(v)
				}
			}
			return nil
		}
	}
}

// scalar is a field's value as the interpreter sees it, nil for objects and
// arrays.
func scalar(v any) ref.Val {
	switch t := v.(type) {
	case nil:
		return types.NullValue
	case string:
		return types.String(t)
	case bool:
		return types.Bool(t)
	default:
		return nil
	}
}

func quickCall(c ast.CallExpr) quick {
	if c.IsMemberFunction() {
		return nil
	}
	args := make([]quick, len(c.Args()))
	for i, a := range c.Args() {
		if c.FunctionName() == "first" && a.Kind() == ast.ListKind {
			return quickFirst(a.AsList())
		}
		if args[i] = quickOf(a); args[i] == nil {
			return nil
		}
	}
	switch len(args) {
	case 1:
		if f := quickUnary(c.FunctionName()); f != nil {
			return func(x *extraction, it any) ref.Val { return sound(f, args[0](x, it)) }
		}
	case 2:
		return quickBinary(c.FunctionName(), args[0], args[1])
	}
	return nil
}

// sound drops what is unknown, before and after a function.
func sound(f func(ref.Val) ref.Val, v ref.Val) ref.Val {
	if v == nil {
		return nil
	}
	if v = f(v); types.IsError(v) {
		return nil
	}
	return v
}

func quickUnary(name string) func(ref.Val) ref.Val {
	switch name {
	case "text":
		return celText
	case "word":
		return celWord
	case "whole":
		return celWhole
	case "unsigned":
		return celUnsigned
	default:
		return nil
	}
}

func quickBinary(name string, a, b quick) quick {
	switch name {
	case operators.Equals, operators.NotEquals:
		want := types.Bool(name == operators.Equals)
		return func(x *extraction, it any) ref.Val {
			v, w := a(x, it), b(x, it)
			if v == nil || w == nil || v != types.NullValue && w != types.NullValue {
				return nil
			}
			return types.Bool((v == w) == bool(want))
		}
	case operators.LogicalAnd, operators.LogicalOr:
		ends := types.Bool(name == operators.LogicalOr) // the side that decides alone
		return func(x *extraction, it any) ref.Val {
			v, ok := a(x, it).(types.Bool)
			if !ok || v == ends {
				return known(v, ok)
			}
			v, ok = b(x, it).(types.Bool)
			return known(v, ok)
		}
	case "minor":
		return func(x *extraction, it any) ref.Val {
			v, w := a(x, it), b(x, it)
			if v == nil || w == nil {
				return nil
			}
			return sound(func(v ref.Val) ref.Val { return celMinor(v, w) }, v)
		}
	default:
		return nil
	}
}

func known(v types.Bool, ok bool) ref.Val {
	if !ok {
		return nil
	}
	return v
}

// quickFirst is the first element that is not null.
func quickFirst(l ast.ListExpr) quick {
	if len(l.OptionalIndices()) > 0 {
		return nil
	}
	var list []quick
	for _, e := range l.Elements() {
		q := quickOf(e)
		if q == nil {
			return nil
		}
		list = append(list, q)
	}
	return func(x *extraction, it any) ref.Val {
		var found ref.Val = types.NullValue
		for _, q := range list { // all of them: one that fails makes the whole fail
			v := q(x, it)
			if v == nil {
				return nil
			}
			if found == types.NullValue {
				found = v
			}
		}
		return found
	}
}
