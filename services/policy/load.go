package policy

import (
	"fmt"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// File is one policy file as read from somewhere.
type File struct {
	Name string
	Data []byte
}

// Draft is what files say, checked but not yet joined with sources. It is
// immutable once loaded.
type Draft struct {
	layers   [][]File
	rows     map[rowKey]rowDecl
	rollups  map[cellKey]rollupDecl
	rules    map[string]ruleDecl
	bindings map[bindingKey]bindingDecl
	settings ledger.Settings
}

type rowKey struct {
	system string
	axis   ledger.Axis
	native string
}

type rowDecl struct {
	place
	layer  int
	state  ledger.State
	target string
}

type cellKey struct {
	system string
	axis   ledger.Axis
}

type rollupDecl struct {
	place
	layer int
	ledger.Rollup
}

type ruleDecl struct {
	place
	layer    int
	disabled bool
	ledger.Rule
	// depends are the places of DependsOn, parallel to it.
	depends []place
}

type bindingKey struct {
	origin ledger.Source
	role   ledger.Role
}

type bindingDecl struct {
	place
	layer  int
	source ledger.Source
}

// loader fills a Draft.
type loader struct {
	d        *Draft
	parser   *parser
	file     *source
	layer    int
	problems []Problem
}

// Load reads layers of files, a later layer over an earlier one: it replaces
// single matrix rows, roll-ups, rules, bindings and settings of the same name.
// Inside one layer each may stand once. The draft is nil if there are errors;
// problems come sorted by file and place.
func Load(layers ...[]File) (*Draft, []Problem) {
	l := &loader{d: &Draft{
		layers: layers, rows: map[rowKey]rowDecl{}, rollups: map[cellKey]rollupDecl{},
		rules: map[string]ruleDecl{}, bindings: map[bindingKey]bindingDecl{},
	}}
	l.d.settings = ledger.Settings{ReopenWindow: ledger.Hour, HoldMax: ledger.Hour, ResetOperators: 2}
	p, err := newParser()
	if err != nil {
		return nil, []Problem{{Level: LevelError, Text: err.Error()}}
	}
	l.parser = p
	for i, files := range layers {
		l.layer = i
		for _, f := range files {
			l.load(f)
		}
	}
	sortProblems(l.problems)
	if Failed(l.problems) {
		return nil, l.problems
	}
	return l.d, l.problems
}

func (l *loader) load(f File) {
	l.file = &source{name: f.Name, lines: strings.Split(string(f.Data), "\n")}
	var doc document
	if err := strictyaml.Decode(f.Name, f.Data, &doc); err != nil {
		l.problems = append(l.problems, fromYAML(f.Name, err)...)
		return
	}
	l.matrix(&doc.Matrix)
	for i := range doc.Rollups {
		l.rollup(&doc.Rollups[i])
	}
	for i := range doc.Groups {
		l.group(&doc.Groups[i])
	}
	l.bind(&doc.Bindings)
	l.set(&doc.Settings)
}

func (l *loader) fail(p place, format string, args ...any) {
	l.problems = append(l.problems, p.problem(LevelError, fmt.Sprintf(format, args...)))
}

// twice reports something that stands twice in one layer.
func (l *loader) twice(p, first place, layer int, what string) bool {
	if layer != l.layer {
		return false
	}
	where := fmt.Sprintf("line %d", first.line)
	if first.file != nil && first.file != p.file {
		where = fmt.Sprintf("%s:%d", first.file.name, first.line)
	}
	l.fail(p, "%s stands twice; the first is at %s", what, where)
	return true
}

func (l *loader) set(s *settings) {
	if s.ReopenWindow.set() {
		l.d.settings.ReopenWindow = s.ReopenWindow.micros
	}
	if s.HoldMax.set() {
		l.d.settings.HoldMax = s.HoldMax.micros
	}
	if s.ParkSettle.set() {
		l.d.settings.ParkSettle = s.ParkSettle.micros
	}
	if s.ResetOperators.set() {
		switch s.ResetOperators.value {
		case "1":
			l.d.settings.ResetOperators = 1
		case "2":
			l.d.settings.ResetOperators = 2
		default:
			l.fail(s.ResetOperators.in(l.file), "reset_operators must be 1 or 2")
		}
	}
}

// YAML returns all files of the draft as one text, for the record that
// proposes the policy.
func (d *Draft) YAML() []byte {
	var b strings.Builder
	for _, files := range d.layers {
		for _, f := range files {
			b.WriteString("# file: " + f.Name + "\n")
			b.Write(f.Data)
			if len(f.Data) > 0 && f.Data[len(f.Data)-1] != '\n' {
				b.WriteByte('\n')
			}
		}
	}
	return []byte(b.String())
}
