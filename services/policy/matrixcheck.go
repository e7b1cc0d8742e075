package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// CheckMatrix compares the matrix of a compiled policy with the words that the
// systems in use are known to say. A word without a row is an error: it would
// be shelved the first time it comes. Two spellings of a word that mean two
// states, and silence that reads as progress, are errors too. A state that a
// rule compares and no word means is a warning of Check.
func (d *Draft) CheckMatrix(p *ledger.Policy, declared []Vocabulary) []Problem {
	c := &checker{d: d, p: p}
	used := map[string]bool{}
	for i := range p.Sources {
		used[p.Sources[i].System] = true
	}
	for _, v := range declared {
		if !used[v.System] {
			continue
		}
		for a := ledger.AxisOrder; a <= ledger.Axes; a++ {
			c.total(v.System, a, v.Words[a])
		}
	}
	c.spellings(used)
	c.silence(used)
	sortProblems(c.problems)
	return slices.Compact(c.problems)
}

func (c *checker) rowPlace(system string, a ledger.Axis, native string) place {
	if decl, ok := c.d.rows[rowKey{system, a, native}]; ok {
		return decl.place
	}
	for _, k := range c.d.rowKeys() {
		if k.system == system && k.axis == a {
			return c.d.rows[k].place
		}
	}
	return place{}
}

func (c *checker) fail(at place, format string, args ...any) {
	c.problems = append(c.problems, at.problem(LevelError, fmt.Sprintf(format, args...)))
}

// total demands a row for every declared word.
func (c *checker) total(system string, a ledger.Axis, words []string) {
	var spare []string
	for i := range c.p.Rows {
		if r := &c.p.Rows[i]; r.System == system && r.Axis == a && !slices.Contains(words, r.Native) {
			spare = append(spare, r.Native)
		}
	}
	for _, w := range words {
		_, ok := slices.BinarySearchFunc(c.p.Rows, ledger.MatrixRow{System: system, Axis: a, Native: w}, ledger.MatrixRow.Compare)
		if ok {
			continue
		}
		near := ""
		if h := hint(w, spare); strings.Contains(h, "did you mean") {
			near = h
		}
		c.fail(c.rowPlace(system, a, w), "%s says %s on %s, and no row says what it means%s", system, quote(w), a, near)
	}
}

// spellings refuses two spellings of one word that mean two states.
func (c *checker) spellings(used map[string]bool) {
	type key struct {
		cellKey
		word string
	}
	seen := map[key]*ledger.MatrixRow{}
	for i := range c.p.Rows {
		r := &c.p.Rows[i]
		k := key{cellKey{r.System, r.Axis}, squash(r.Native)}
		if other := seen[k]; used[r.System] && other != nil && other.State != r.State {
			c.fail(c.rowPlace(r.System, r.Axis, r.Native), "%s %s: %s and %s are one word and mean two states, %s and %s", r.System, r.Axis,
				quote(other.Native), quote(r.Native), r.Axis.StateName(other.State), r.Axis.StateName(r.State))
		}
		seen[k] = r
	}
}

// silence refuses rows by which a null or missing word reads as progress: only
// the beginning of an axis may be a default.
func (c *checker) silence(used map[string]bool) {
	for i := range c.p.Rows {
		r := &c.p.Rows[i]
		if !used[r.System] || r.Native != ledger.NativeNull && r.Native != ledger.NativeMissing {
			continue
		}
		limit := firstRank(r.Axis)
		if r.Axis == ledger.AxisOrder {
			limit = r.Axis.Rank(ledger.OrderReceived)
		}
		if rank := r.Axis.Rank(r.State); rank == 0 || rank > limit {
			c.fail(c.rowPlace(r.System, r.Axis, r.Native), "%s %s: %s reads as %s; silence must not read as progress", r.System, r.Axis,
				r.Native, r.Axis.StateName(r.State))
		}
	}
}

// firstRank is the rank of the first state on an axis' line.
func firstRank(a ledger.Axis) int {
	for _, s := range a.States() { // ranks ascend with the states' numbers
		if r := a.Rank(s); r > 0 {
			return r
		}
	}
	return 0
}
