package policy

import (
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// roleNames lists the names of all roles.
func roleNames() []string {
	var out []string
	for r := ledger.RoleStorefront; int(r) <= ledger.Roles; r++ {
		out = append(out, r.String())
	}
	return out
}

// axisNames lists the names of all axes.
func axisNames() []string {
	var out []string
	for a := ledger.AxisOrder; a <= ledger.Axes; a++ {
		out = append(out, a.String())
	}
	return out
}

// stateNames lists the canonical states of an axis that people may write:
// UNMAPPED and CONFLICT are never written, since comparisons with them are
// unknown.
func stateNames(a ledger.Axis) []string {
	var out []string
	for _, s := range a.States() {
		if s.Certain() {
			out = append(out, a.StateName(s))
		}
	}
	return out
}

func amountKinds() []string {
	var out []string
	for k := ledger.AmountOrdered; k <= ledger.AmountKinds; k++ {
		out = append(out, k.String())
	}
	return out
}

// parseAxis reads an axis as people write it: "returns" stands for "return",
// a word that some expression languages reserve.
func parseAxis(name string) (ledger.Axis, bool) {
	if strings.EqualFold(name, "returns") {
		return ledger.AxisReturn, true
	}
	return ledger.ParseAxis(name)
}

// parseAmountKind accepts the American spelling too.
func parseAmountKind(name string) (ledger.AmountKind, bool) {
	n := strings.ToLower(name)
	if n == "authorized" {
		n = "authorised"
	}
	return ledger.ParseAmountKind(n)
}

// parseState reads a state of an axis. Lost underscores, case and American
// spelling do not matter, nor does the axis' name in front or behind, as in
// PAYMENT_CAPTURED and PENDING_FULFILLMENT.
func parseState(a ledger.Axis, name string) (ledger.State, bool) {
	if s, ok := a.ParseState(name); ok {
		return s, s.Certain()
	}
	bare := squash(name)
	axis := squash(a.String())
	for _, cut := range []string{strings.TrimPrefix(bare, axis), strings.TrimSuffix(bare, axis)} {
		if cut == bare || cut == "" {
			continue
		}
		if s, ok := a.ParseState(cut); ok {
			return s, s.Certain()
		}
	}
	return 0, false
}

// squash folds the spellings of a word: case, underscores, hyphens and spaces
// do not matter, nor the American forms.
func squash(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
	for _, pair := range [][2]string{{"FULFILLMENT", "FULFILMENT"}, {"AUTHORIZED", "AUTHORISED"}, {"CANCELED", "CANCELLED"}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	return s
}

// axesWith lists the axes that know a state of that name.
func axesWith(name string) []string {
	var out []string
	for a := ledger.AxisOrder; a <= ledger.Axes; a++ {
		if _, ok := parseState(a, name); ok {
			out = append(out, a.String())
		}
	}
	return out
}

// noState explains why a word is not a state of an axis.
func noState(a ledger.Axis, name string) string {
	if s, ok := a.ParseState(name); ok && !s.Certain() {
		return a.StateName(s) + " cannot be compared: an uncertain state makes every comparison unknown"
	}
	if others := axesWith(name); len(others) > 0 {
		return quote(name) + " is a state of " + strings.Join(others, " and ") + ", not of " + a.String() +
			"; " + a.String() + " knows " + strings.Join(stateNames(a), ", ")
	}
	return quote(name) + " is no state of " + a.String() + strictyaml.Hint(name, stateNames(a))
}

func quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return `"` + s + `"`
}

// identifier reports whether a name is lower case with hyphens, as rules are.
func identifier(s string) bool {
	if s == "" || len(s) > 63 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// typeName reports whether a name is written LikeThis, as exceptions are.
func typeName(s string) bool {
	if s == "" || len(s) > 63 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// sortedKeys lists the keys of a map ascending.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// hint is strictyaml's "did you mean", for names from configuration.
func hint(name string, known []string) string { return strictyaml.Hint(name, known) }
