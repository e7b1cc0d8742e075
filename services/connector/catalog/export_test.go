package catalog

import (
	"fmt"

	"cel.dev/cel-go/common/types/ref"
)

// EvalBoth evaluates an expression the quick way, if there is one, and by the
// interpreter.
func EvalBoth(text string, it any) (quick, slow string, plain bool, err error) {
	c, err := newCompiler("test.yaml")
	if err != nil {
		return "", "", false, err
	}
	p := c.expr("test", Expr{Text: text, Line: 1, Column: 1})
	if p == nil {
		return "", "", false, c.problems[0]
	}
	x := &extraction{mapper: &Mapper{vars: map[string]string{}}, doc: it, item: it, in: &Input{}}
	say := func(v ref.Val, err error) string {
		if err != nil {
			return "error"
		}
		return fmt.Sprintf("%s %v", v.Type().TypeName(), v.Value())
	}
	if p.fast != nil {
		if v := p.fast(x, it); v != nil {
			quick = say(v, nil)
		}
	}
	plain = p.fast != nil
	p.fast = nil
	return quick, say(x.eval(p, it)), plain, nil
}
