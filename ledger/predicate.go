package ledger

import "math/bits"

// Op is the kind of a predicate node.
type Op uint8

// The node kinds. The numbers are frozen; they stand in policy records.
const (
	OpConst  Op = 0 // Value
	OpIn     Op = 1 // the cell's state is one of States (==, in)
	OpNotIn  Op = 2 // the cell's state is none of States (!=)
	OpAtOr   Op = 3 // the cell's state ranks at or after State (>=)
	OpAnd    Op = 4 // all of Args
	OpOr     Op = 5 // any of Args
	OpNot    Op = 6 // not Args[0]
	OpSince  Op = 7 // the cell changed before (Cmp) the Other cell did
	OpAmount Op = 8 // Amount Cmp OtherAmount, or Amount Cmp Minor Currency
)

// Cmp is a comparison of numbers.
type Cmp uint8

// The comparisons. The numbers are frozen.
const (
	CmpEq Cmp = 0
	CmpNe Cmp = 1
	CmpLt Cmp = 2
	CmpLe Cmp = 3
	CmpGt Cmp = 4
	CmpGe Cmp = 5
)

// CellRef names a cell by role and axis; the order's binding turns the role
// into a source.
type CellRef struct {
	Role Role
	Axis Axis
}

// AmountRef names a sum by role and kind.
type AmountRef struct {
	Role Role
	Kind AmountKind
}

// Predicate is a node of the closed predicate tree that rules are lowered to
// (S-29). Which fields count depends on Op.
type Predicate struct {
	Op    Op
	Value bool
	Cell  CellRef
	// States is the set of states as a bit mask: bit s stands for State(s).
	States uint64
	State  State
	Args   []*Predicate
	Cmp    Cmp
	Other  CellRef
	Amount AmountRef
	// OtherAmount is used if its Role is set, else Minor and Currency.
	OtherAmount AmountRef
	Minor       int64
	Currency    string
}

// StateSet returns the mask of the given states.
func StateSet(states ...State) uint64 {
	var m uint64
	for _, s := range states {
		m |= 1 << s
	}
	return m
}

// StatesIn lists the states of a mask in ascending number.
func StatesIn(mask uint64) []State {
	var out []State
	for m := mask; m != 0; m &= m - 1 {
		out = append(out, State(bits.TrailingZeros64(m)))
	}
	return out
}

// Truth is a value of three-valued logic.
type Truth uint8

// The truth values, ordered so that "and" is min and "or" is max.
const (
	False   Truth = 0
	Unknown Truth = 1
	True    Truth = 2
)

func truth(v bool) Truth {
	if v {
		return True
	}
	return False
}

// Not negates: unknown stays unknown.
func (t Truth) Not() Truth { return 2 - t }

// Walk calls fn for p and every node below it.
func (p *Predicate) Walk(fn func(*Predicate)) {
	if p == nil {
		return
	}
	fn(p)
	for _, a := range p.Args {
		a.Walk(fn)
	}
}

// Facts is what a predicate is evaluated over: the cells and sums of one
// order at one instant of its history.
type Facts interface {
	// CellState returns the state of a cell, Absent if never heard.
	CellState(CellRef) State
	// CellSince returns when the cell took its state; false if Absent.
	CellSince(CellRef) (Instant, bool)
	// Sum returns a sum of money; false if unheard or of several currencies.
	Sum(AmountRef) (minor int64, currency string, ok bool)
}

// Eval evaluates the tree in three-valued logic: a comparison with an
// uncertain state is unknown, except that an uncertain state is certainly
// not Absent (S-10).
func (p *Predicate) Eval(f Facts) Truth {
	switch p.Op {
	case OpConst:
		return truth(p.Value)
	case OpIn:
		return evalIn(f.CellState(p.Cell), p.States)
	case OpNotIn:
		return evalIn(f.CellState(p.Cell), p.States).Not()
	case OpAtOr:
		return evalAtOr(p.Cell.Axis, f.CellState(p.Cell), p.State)
	case OpAnd:
		t := True
		for _, a := range p.Args {
			t = min(t, a.Eval(f))
		}
		return t
	case OpOr:
		t := False
		for _, a := range p.Args {
			t = max(t, a.Eval(f))
		}
		return t
	case OpNot:
		return p.Args[0].Eval(f).Not()
	case OpSince:
		return p.evalSince(f)
	case OpAmount:
		return p.evalAmount(f)
	default:
		return Unknown
	}
}

func evalIn(s State, set uint64) Truth {
	if s.Certain() {
		return truth(set>>s&1 == 1)
	}
	if set&^1 == 0 { // only ABSENT is asked for, and an uncertain state is not that
		return False
	}
	return Unknown
}

func evalAtOr(a Axis, s, want State) Truth {
	if !s.Certain() {
		return Unknown
	}
	r := a.Rank(s)
	return truth(r > 0 && r >= a.Rank(want))
}

func (p *Predicate) evalSince(f Facts) Truth {
	a, okA := f.CellSince(p.Cell)
	b, okB := f.CellSince(p.Other)
	if !okA || !okB {
		return Unknown
	}
	return truth(p.Cmp.holds(int64(a), int64(b)))
}

func (p *Predicate) evalAmount(f Facts) Truth {
	a, curA, ok := f.Sum(p.Amount)
	if !ok {
		return Unknown
	}
	b, curB := p.Minor, p.Currency
	if p.OtherAmount.Role != RoleNone {
		if b, curB, ok = f.Sum(p.OtherAmount); !ok {
			return Unknown
		}
	}
	if curA != curB {
		return Unknown
	}
	return truth(p.Cmp.holds(a, b))
}

func (c Cmp) holds(a, b int64) bool {
	switch c {
	case CmpEq:
		return a == b
	case CmpNe:
		return a != b
	case CmpLt:
		return a < b
	case CmpLe:
		return a <= b
	case CmpGt:
		return a > b
	default:
		return a >= b
	}
}
