package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// VocabularyOf is what a system's catalog entry says.
func VocabularyOf(sys *catalog.System) Vocabulary {
	return Vocabulary{System: sys.Name, Words: sys.Words, Rows: sys.Matrix, AliasTypes: sys.AliasTypes, JoinsBy: sys.JoinsBy}
}

// aliases takes the types of names by which a configured system joins. What
// nobody joins by is left out: orders then bind nothing of it.
func (c *compiler) aliases() {
	declared, joined := map[string]catalog.AliasType{}, map[string]bool{}
	var uses []catalog.AliasUse
	for _, v := range c.inUse() {
		for _, t := range v.AliasTypes {
			first, known := declared[t.Type]
			if known && canonical(first.AliasSpec) != canonical(t.AliasSpec) {
				c.problems = append(c.problems, problemAt(t.Place, "alias type %s is declared in two ways: %s here, %s at %s:%d; make them agree", quote(t.Type),
					AliasText(&t.AliasSpec), AliasText(&first.AliasSpec), first.File, first.Line))
			}
			if !known {
				declared[t.Type] = t
			}
		}
		uses = append(uses, v.JoinsBy...)
	}
	for _, use := range uses {
		t, known := declared[use.Type]
		switch {
		case !known:
			c.problems = append(c.problems, problemAt(use.Place, "documents are joined by %s, which no configured system declares; write alias_types: [{type: %s, recycle: never}]%s",
				quote(use.Type), use.Type, hint(use.Type, sortedKeys(declared))))
		case !joined[use.Type]:
			c.p.Aliases = append(c.p.Aliases, canonical(t.AliasSpec))
		}
		joined[use.Type] = true
	}
	slices.SortFunc(c.p.Aliases, func(a, b ledger.AliasSpec) int { return strings.Compare(a.Type, b.Type) })
}

// canonical writes the default as the ledger does: not at all.
func canonical(s ledger.AliasSpec) ledger.AliasSpec {
	if s.OrphanAfter == ledger.Day {
		s.OrphanAfter = 0
	}
	return s
}

// inUse lists the vocabularies of the configured sources' systems, ascending,
// each once.
func (c *compiler) inUse() []Vocabulary {
	var out []Vocabulary
	for _, v := range c.opt.Vocabularies {
		used := slices.ContainsFunc(c.p.Sources, func(s ledger.SourceSpec) bool { return s.System == v.System })
		twice := slices.ContainsFunc(out, func(o Vocabulary) bool { return o.System == v.System })
		if used && !twice {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b Vocabulary) int { return strings.Compare(a.System, b.System) })
	return out
}

func problemAt(p catalog.Place, format string, args ...any) Problem {
	return Problem{Level: LevelError, File: p.File, Line: p.Line, Column: p.Column, Text: fmt.Sprintf(format, args...)}
}

// AliasText says in words how names of a type are joined.
func AliasText(s *ledger.AliasSpec) string {
	text := "never recycled"
	if s.Recycle != 0 {
		text = "recycled " + s.Recycle.String() + " after the order's end"
	}
	if s.Single {
		text += ", one per order"
	}
	after := s.OrphanAfter
	if after == 0 {
		after = ledger.Day
	}
	return text + ", orphaned after " + after.String()
}

// AliasTable writes, a line each, the types of names by which records are
// joined; nothing where none are.
func AliasTable(p *ledger.Policy) []string {
	var out []string
	for i := range p.Aliases {
		out = append(out, "joined by "+p.Aliases[i].Type+": "+AliasText(&p.Aliases[i]))
	}
	return out
}
