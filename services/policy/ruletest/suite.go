package ruletest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
	"github.com/orderledger/orderledger/services/policy"
)

// defaultStart is where a test begins that does not say.
var defaultStart = ledger.At(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))

// shippedFiles is how a test file names the policy that comes with orderledger.
const shippedFiles = "shipped"

// suite is one test file, loaded: its policy layers, sources and tests.
type suite struct {
	name     string
	opt      Options
	doc      document
	layers   [][]policy.File
	sources  []ledger.SourceSpec
	words    []policy.Vocabulary
	problems []policy.Problem
}

// load reads a test file and everything it names.
func load(name string, data []byte, opt Options) *suite {
	s := &suite{name: name, opt: opt}
	if err := strictyaml.Decode(name, data, &s.doc); err != nil {
		s.problems = append(s.problems, problems(name, err)...)
		return s
	}
	s.layers = s.files(s.doc.RuleFiles)
	if s.doc.Policy.text != "" {
		s.layers = append(s.layers, s.inline(s.doc.Policy))
	}
	s.declare()
	if _, err := s.policy(s.layers, policy.Options{Version: 1}); err != nil {
		s.problems = append(s.problems, problems(name, err)...)
	}
	for i := range s.doc.Tests {
		s.checkTest(&s.doc.Tests[i])
	}
	return s
}

// problems turns a joined error into problems of a file.
func problems(file string, err error) []policy.Problem {
	list := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		list = joined.Unwrap()
	}
	var out []policy.Problem
	for _, e := range list {
		var inFile *strictyaml.Problem
		var inPolicy *policy.Problem
		switch {
		case errors.As(e, &inFile):
			out = append(out, policy.Problem{Level: policy.LevelError, File: inFile.File, Line: inFile.Line, Column: inFile.Column, Text: inFile.Text})
		case errors.As(e, &inPolicy):
			out = append(out, *inPolicy)
		default:
			out = append(out, policy.Problem{Level: policy.LevelError, File: file, Text: e.Error()})
		}
	}
	return out
}

func (s *suite) fail(w word, format string, args ...any) {
	s.problems = append(s.problems, policy.Problem{Level: policy.LevelError, File: s.name, Line: max(w.line, 1), Column: max(w.column, 1), Text: fmt.Sprintf(format, args...)})
}

// files reads policy files, each a layer of its own but for the shipped ones.
func (s *suite) files(names []word) [][]policy.File {
	var out [][]policy.File
	for _, w := range names {
		if w.text == shippedFiles {
			files, err := policy.Shipped()
			if err != nil {
				s.fail(w, "%s", err)
			}
			out = append(out, files)
			continue
		}
		p := w.text
		if !path.IsAbs(p) {
			p = path.Join(path.Dir(s.name), p)
		}
		data, err := s.opt.ReadFile(p)
		if err != nil {
			s.fail(w, "read rule file: %s", err)
			continue
		}
		out = append(out, []policy.File{{Name: p, Data: data}})
	}
	return out
}

// inline is a policy written in the test file, as a block whose lines keep
// their numbers.
func (s *suite) inline(w word) []policy.File {
	return []policy.File{{Name: s.name, Data: []byte(strings.Repeat("\n", w.line) + w.text)}}
}

// policy compiles layers of files against the suite's sources.
func (s *suite) policy(layers [][]policy.File, opt policy.Options) (*ledger.Policy, error) {
	d, list := policy.Load(layers...)
	if d == nil {
		return nil, policy.Err(list)
	}
	opt.Sources, opt.Vocabularies = s.sources, s.words
	p, list := d.Compile(opt)
	return p, policy.Err(list)
}

// declare turns the file's sources into those of a policy.
func (s *suite) declare() {
	cat, err := catalog.Shipped()
	if err != nil {
		s.fail(word{}, "%s", err)
		return
	}
	known := cat.Names()
	for i := range s.doc.Sources {
		e := &s.doc.Sources[i]
		if _, err := ledger.ParseSource(e.Name.text); err != nil {
			s.fail(e.Name, "%s", err)
		}
		spec := ledger.SourceSpec{Name: ledger.Source(e.Name.text), System: e.System.text, Origin: e.Origin, LiveFrom: e.LiveFrom.Instant()}
		if slices.Contains(known, e.System.text) {
			sys, err := cat.System(e.System.text)
			if err != nil {
				s.fail(e.System, "%s", err)
				continue
			}
			spec = sys.SourceSpec(&connector.Source{
				Name: e.Name.text, System: e.System.text, Role: e.Role.text, Origin: e.Origin,
				LiveFrom: e.LiveFrom, Skew: e.Skew, Precision: e.Precision,
			})
			s.words = append(s.words, policy.VocabularyOf(sys))
		} else {
			s.spell(e, &spec)
		}
		if len(e.Feeds) > 0 {
			spec.Feeds = s.feeds(e)
		}
		s.sources = append(s.sources, spec)
	}
}

// spell fills in a source whose system is not in the catalog.
func (s *suite) spell(e *entry, spec *ledger.SourceSpec) {
	role, ok := ledger.ParseRole(e.Role.text)
	if !ok {
		s.fail(e.Role, "source %s: %q is no role", e.Name.text, e.Role.text)
	}
	spec.Role = role
	if e.Skew != nil {
		spec.Skew = e.Skew.Micros()
	}
	if e.Precision != nil {
		spec.Precision = e.Precision.Micros()
	}
}

func (s *suite) feeds(e *entry) []ledger.FeedSpec {
	var out []ledger.FeedSpec
	for i := range e.Feeds {
		f := &e.Feeds[i]
		spec := ledger.FeedSpec{Name: f.Name.text, Settle: f.Settle.Micros(), ExpectedEvery: f.ExpectedEvery.Micros()}
		switch f.Coverage.text {
		case "", "proven":
		case "assumed":
			spec.Coverage = ledger.CoverageAssumed
		default:
			s.fail(f.Coverage, "coverage is proven or assumed, not %q", f.Coverage.text)
		}
		if f.LookupLag != nil {
			spec.Lookup, spec.LookupLag = true, f.LookupLag.Micros()
		}
		for _, p := range f.Proves {
			name, object, _ := cut(p.text)
			axis, ok := ledger.ParseAxis(name)
			if !ok || object == "" {
				s.fail(p, "want axis/object, such as order/sales_order, not %q", p.text)
				continue
			}
			spec.Proves = append(spec.Proves, ledger.Proof{Axis: axis, Object: object})
		}
		out = append(out, spec)
	}
	return out
}

// checkTest looks for what no run could make sense of.
func (s *suite) checkTest(t *test) {
	if t.Name.text == "" {
		s.fail(t.Name, "a test needs a name")
	}
	start := t.start()
	last := ledger.Beginning
	for i := range t.Input {
		in := &t.Input[i]
		at := word{line: in.At.line, column: in.At.column}
		n := 0
		for _, set := range []bool{in.Event != nil, in.Tick != nil, in.Looked != nil, in.Policy != nil, in.Action != nil} {
			if set {
				n++
			}
		}
		if n != 1 {
			s.fail(at, "an input is exactly one of event, tick, looked, policy, action")
		}
		if got := in.At.instant(start); got < last {
			s.fail(at, "input must not go back in time: the log has one order; what came late is written late, with stamps of its own")
		} else {
			last = got
		}
	}
}

func (t *test) start() ledger.Instant {
	if t.Start.Instant() != 0 {
		return t.Start.Instant()
	}
	return defaultStart
}
