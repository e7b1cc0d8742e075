package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// Expression writes a predicate as people would: the form that Load reads back
// to the same predicate, for explanations and reference.
func Expression(p *ledger.Predicate) string {
	switch p.Op {
	case ledger.OpConst:
		return fmt.Sprint(p.Value)
	case ledger.OpIn:
		if states := ledger.StatesIn(p.States); len(states) > 1 {
			return cellName(p.Cell) + " in [" + strings.Join(namesOf(p.Cell.Axis, states), ", ") + "]"
		}
		return cellName(p.Cell) + " == " + strings.Join(namesOf(p.Cell.Axis, ledger.StatesIn(p.States)), "")
	case ledger.OpNotIn:
		states := namesOf(p.Cell.Axis, ledger.StatesIn(p.States))
		if len(states) > 1 {
			return "!(" + cellName(p.Cell) + " in [" + strings.Join(states, ", ") + "])"
		}
		return cellName(p.Cell) + " != " + strings.Join(states, "")
	case ledger.OpAtOr:
		return cellName(p.Cell) + " >= " + p.Cell.Axis.StateName(p.State)
	case ledger.OpAnd:
		return chain(p, " && ")
	case ledger.OpOr:
		return chain(p, " || ")
	case ledger.OpNot:
		return "!(" + Expression(p.Args[0]) + ")"
	case ledger.OpSince:
		return "since(" + cellName(p.Cell) + ") " + cmpName(p.Cmp) + " since(" + cellName(p.Other) + ")"
	case ledger.OpAmount:
		right := fmt.Sprintf("money(%q, %q)", p.Currency, decimal(p.Minor, p.Currency))
		if p.OtherAmount.Role != ledger.RoleNone {
			right = amountName(p.OtherAmount)
		}
		return amountName(p.Amount) + " " + cmpName(p.Cmp) + " " + right
	default:
		return "?"
	}
}

func chain(p *ledger.Predicate, op string) string {
	parts := make([]string, len(p.Args))
	for i, a := range p.Args {
		parts[i] = Expression(a)
		if a.Op == ledger.OpOr && p.Op == ledger.OpAnd {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, op)
}

func cellName(c ledger.CellRef) string {
	axis := c.Axis.String()
	if c.Axis == ledger.AxisReturn {
		axis = "returns"
	}
	return c.Role.String() + "." + axis
}

func amountName(a ledger.AmountRef) string {
	return "amount(" + a.Role.String() + ", " + a.Kind.String() + ")"
}

func namesOf(a ledger.Axis, states []ledger.State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = a.StateName(s)
	}
	return out
}

func cmpName(c ledger.Cmp) string {
	names := []string{"==", "!=", "<", "<=", ">", ">="}
	return names[min(int(c), len(names)-1)]
}

// MatrixLine is one line of the matrix as people read it: what storefronts and
// marketplaces say, what it means, and what the ERP should show for it.
type MatrixLine struct {
	Axis        ledger.Axis
	Storefront  []string
	Marketplace []string
	State       ledger.State
	Target      string
}

// MatrixTable writes the matrix in the four columns storefront · marketplace ·
// canonical · ERP target. Which columns a system belongs to, its role says.
func MatrixTable(rows []ledger.MatrixRow, roles map[string]ledger.Role) []MatrixLine {
	var out []MatrixLine
	for _, r := range rows {
		role := roles[r.System]
		if r.Target == "" || role != ledger.RoleStorefront && role != ledger.RoleMarketplace {
			continue
		}
		at := slices.IndexFunc(out, func(l MatrixLine) bool { return l.Axis == r.Axis && l.State == r.State && l.Target == r.Target })
		if at < 0 {
			out = append(out, MatrixLine{Axis: r.Axis, State: r.State, Target: r.Target})
			at = len(out) - 1
		}
		if l := &out[at]; role == ledger.RoleStorefront {
			l.Storefront = append(l.Storefront, r.Native)
		} else {
			l.Marketplace = append(l.Marketplace, r.Native)
		}
	}
	slices.SortStableFunc(out, func(a, b MatrixLine) int {
		if a.Axis != b.Axis {
			return int(a.Axis) - int(b.Axis)
		}
		return int(a.State) - int(b.State)
	})
	return out
}
