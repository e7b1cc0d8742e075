package policy

import (
	"math/big"

	celast "cel.dev/cel-go/common/ast"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// in lowers cell in [states].
func (l *lowering) in(e, left, right celast.Expr) *ledger.Predicate {
	c, ok := l.cell(left)
	if right.Kind() != celast.ListKind {
		l.fail(right, "want a list of states behind in, such as [PLACED, CONFIRMED]")
		return nil
	}
	list := right.AsList().Elements()
	if len(list) == 0 {
		l.fail(e, "the list behind in is empty: this could never be true")
		return nil
	}
	if !ok {
		return nil
	}
	p := &ledger.Predicate{Op: ledger.OpIn, Cell: c}
	for _, x := range list {
		if s, ok := l.state(c.Axis, x); ok {
			p.States |= ledger.StateSet(s)
		}
	}
	return p
}

// compare lowers a comparison; which, its sides decide.
func (l *lowering) compare(e celast.Expr, cmp ledger.Cmp, left, right celast.Expr) *ledger.Predicate {
	switch {
	case isCall(left, "since") || isCall(right, "since"):
		return l.since(cmp, left, right)
	case isCall(left, "amount"):
		return l.amounts(e, cmp, left, right)
	case isCall(right, "amount"):
		return l.amounts(e, mirror(cmp), right, left)
	case left.Kind() == celast.SelectKind && right.Kind() == celast.SelectKind:
		l.fail(e, "two cells cannot be compared with each other; compare each with states, or their since()%s", allowed)
		return nil
	case right.Kind() == celast.SelectKind:
		return l.cellWith(mirror(cmp), right, left)
	default:
		return l.cellWith(cmp, left, right)
	}
}

// cellWith lowers the comparison of a cell with a state.
func (l *lowering) cellWith(cmp ledger.Cmp, cell, state celast.Expr) *ledger.Predicate {
	c, ok := l.cell(cell)
	if !ok {
		return nil
	}
	s, ok := l.state(c.Axis, state)
	if !ok {
		return nil
	}
	switch cmp {
	case ledger.CmpEq:
		return &ledger.Predicate{Op: ledger.OpIn, Cell: c, States: ledger.StateSet(s)}
	case ledger.CmpNe:
		return &ledger.Predicate{Op: ledger.OpNotIn, Cell: c, States: ledger.StateSet(s)}
	}
	if c.Axis.Rank(s) == 0 {
		l.fail(state, "%s stands beside the lifecycle of %s and is neither before nor after anything; use == or in", c.Axis.StateName(s), c.Axis)
		return nil
	}
	if cmp == ledger.CmpGe {
		return &ledger.Predicate{Op: ledger.OpAtOr, Cell: c, State: s}
	}
	set := ranked(c.Axis, cmp, s)
	if set == 0 {
		l.fail(state, "nothing on the lifecycle of %s stands on that side of %s: this could never be true", c.Axis, c.Axis.StateName(s))
		return nil
	}
	return &ledger.Predicate{Op: ledger.OpIn, Cell: c, States: set}
}

// ranked is the set of states whose place on the lifecycle compares so with
// that of s. ABSENT and the states beside the line have no place.
func ranked(a ledger.Axis, cmp ledger.Cmp, s ledger.State) uint64 {
	want := a.Rank(s)
	var set uint64
	for _, x := range a.States() {
		r := a.Rank(x)
		if r == 0 {
			continue
		}
		if cmp == ledger.CmpLt && r < want || cmp == ledger.CmpLe && r <= want || cmp == ledger.CmpGt && r > want {
			set |= ledger.StateSet(x)
		}
	}
	return set
}

// since lowers since(a.b) compared with since(c.d).
func (l *lowering) since(cmp ledger.Cmp, left, right celast.Expr) *ledger.Predicate {
	a, okA := l.sinceOf(left)
	b, okB := l.sinceOf(right)
	if !okA || !okB {
		return nil
	}
	return &ledger.Predicate{Op: ledger.OpSince, Cmp: cmp, Cell: a, Other: b}
}

func (l *lowering) sinceOf(e celast.Expr) (ledger.CellRef, bool) {
	if !isCall(e, "since") {
		l.fail(e, "since() compares with another since() only, not with %s", l.describe(e))
		return ledger.CellRef{}, false
	}
	args := e.AsCall().Args()
	if len(args) != 1 {
		l.fail(e, "since takes one cell: since(erp.order)")
		return ledger.CellRef{}, false
	}
	return l.cell(args[0])
}

// amounts lowers amount(role, kind) compared with an amount or with money.
func (l *lowering) amounts(e celast.Expr, cmp ledger.Cmp, left, right celast.Expr) *ledger.Predicate {
	a, ok := l.amountOf(left)
	p := &ledger.Predicate{Op: ledger.OpAmount, Cmp: cmp, Amount: a}
	switch {
	case isCall(right, "amount"):
		b, okB := l.amountOf(right)
		p.OtherAmount, ok = b, ok && okB
	case isCall(right, "money"):
		ok = l.money(p, right) && ok
	default:
		l.fail(e, "amount() compares with another amount() or with money(\"EUR\", \"12.50\"), not with %s", l.describe(right))
		return nil
	}
	if !ok {
		return nil
	}
	return p
}

func (l *lowering) amountOf(e celast.Expr) (ledger.AmountRef, bool) {
	args := e.AsCall().Args()
	if len(args) != 2 {
		l.fail(e, "amount takes a role and a kind: amount(payment, captured)")
		return ledger.AmountRef{}, false
	}
	role, ok := l.role(args[0])
	if args[1].Kind() != celast.IdentKind {
		l.fail(args[1], "want a kind of amount here, not %s%s", l.describe(args[1]), strictyaml.Hint("", amountKinds()))
		return ledger.AmountRef{}, false
	}
	name := args[1].AsIdent()
	kind, known := parseAmountKind(name)
	if !known {
		l.fail(args[1], "%s is no kind of amount%s", quote(name), strictyaml.Hint(name, amountKinds()))
	}
	return ledger.AmountRef{Role: role, Kind: kind}, ok && known
}

// money reads money("EUR", "12.50") into a predicate.
func (l *lowering) money(p *ledger.Predicate, e celast.Expr) bool {
	args := e.AsCall().Args()
	var words [2]string
	for i := range min(len(args), 2) {
		if args[i].Kind() == celast.LiteralKind {
			words[i], _ = args[i].AsLiteral().Value().(string)
		}
	}
	if len(args) != 2 || words[0] == "" || words[1] == "" {
		l.fail(e, "money takes a currency and an amount, both in quotes: money(\"EUR\", \"12.50\")")
		return false
	}
	minor, err := catalog.Minor(words[1], words[0])
	if err != nil {
		l.fail(e, "%s", err)
		return false
	}
	p.Minor, p.Currency = minor, words[0]
	return true
}

func isCall(e celast.Expr, name string) bool {
	return e.Kind() == celast.CallKind && e.AsCall().FunctionName() == name && !e.AsCall().IsMemberFunction()
}

// decimal writes minor units in major ones.
func decimal(minor int64, currency string) string {
	digits, err := catalog.MinorDigits(currency)
	if err != nil {
		digits = 2
	}
	r := new(big.Rat).SetFrac(big.NewInt(minor), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	return r.FloatString(digits)
}
