package ruletest

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

// Options are what test files need of the world.
type Options struct {
	// ReadFile reads the policy files that test files name.
	ReadFile func(name string) ([]byte, error)
}

// Validate requires every option.
func (o *Options) Validate() error {
	if o.ReadFile == nil {
		return errors.New("ruletest options: ReadFile is missing")
	}
	return nil
}

// Finding is one expectation that was not met.
type Finding struct {
	File   string
	Line   int
	Column int
	Text   string
}

// String returns "file:line:column: text".
func (f *Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
}

// Result is what became of one test.
type Result struct {
	File     string
	Name     string
	Findings []Finding
	// Digest is that of the partition after all input: two runs of one test
	// have the same.
	Digest [32]byte
	// Log is what the input became, for whoever folds it in other ways.
	Log []ledger.Record

	edits []edit
}

// Passed reports whether every expectation was met.
func (r *Result) Passed() bool { return len(r.Findings) == 0 }

// Report is what became of test files.
type Report struct {
	Results []Result
	// Problems are files that could not be run.
	Problems []policy.Problem
}

// ExitCode is 0 if all passed, 3 if there are findings, 1 if a file could not
// be run.
func (r *Report) ExitCode() int {
	switch {
	case len(r.Problems) > 0:
		return 1
	case slices.ContainsFunc(r.Results, func(x Result) bool { return !x.Passed() }):
		return 3
	default:
		return 0
	}
}

// Run runs the tests of files, in order.
func Run(opt Options, files ...policy.File) Report {
	var out Report
	if err := opt.Validate(); err != nil {
		out.Problems = append(out.Problems, policy.Problem{Level: policy.LevelError, Text: err.Error()})
		return out
	}
	for _, f := range files {
		results, problems := runFile(f, opt)
		out.Results = append(out.Results, results...)
		out.Problems = append(out.Problems, problems...)
	}
	return out
}

func runFile(f policy.File, opt Options) ([]Result, []policy.Problem) {
	s := load(f.Name, f.Data, opt)
	if len(s.problems) > 0 {
		return nil, s.problems
	}
	var out []Result
	for i := range s.doc.Tests {
		res, err := s.run(&s.doc.Tests[i])
		if err != nil {
			s.problems = append(s.problems, problems(s.name, err)...)
			continue
		}
		out = append(out, res)
	}
	return out, s.problems
}

// check is an expectation, and how to see what it is about.
type check struct {
	*expectation
	what  string
	items *items
	see   func(*expectation) ([]pairs, error)
}

// checks lists a test's expectations in the order of their instants.
func (r *runner) checks() []check {
	var out []check
	add := func(what string, list []expectation, node func(*expectation) *items, see func(*expectation) ([]pairs, error)) {
		for i := range list {
			out = append(out, check{&list[i], what, node(&list[i]), see})
		}
	}
	t := r.t
	add("exp_cells", t.Cells, func(e *expectation) *items { return &e.Cells }, r.cells)
	add("exp_sums", t.Sums, func(e *expectation) *items { return &e.Sums }, r.sums)
	add("exp_verdicts", t.Verdicts, func(e *expectation) *items { return &e.Verdicts }, r.verdicts)
	add("exp_exceptions", t.Exceptions, func(e *expectation) *items { return &e.Exceptions }, r.exceptions)
	add("exp_told", t.Told, func(e *expectation) *items { return &e.Told }, r.changes)
	add("exp_facts", t.Facts, func(e *expectation) *items { return &e.Facts }, r.factsOf)
	add("exp_counts", t.Counts, func(e *expectation) *items { return &e.Counts }, r.counts)
	slices.SortStableFunc(out, func(a, b check) int {
		return int(min(max(a.At.instant(r.start)-b.At.instant(r.start), -1), 1))
	})
	return out
}

// run folds a test's input and looks at each expectation once all input up to
// its instant is folded.
func (s *suite) run(t *test) (Result, error) {
	l, err := newLog()
	if err != nil {
		return Result{}, err
	}
	r := &runner{s: s, t: t, start: t.start(), log: l, layers: slices.Clone(s.layers)}
	res := Result{File: s.name, Name: t.Name.text}
	effective := ledger.Instant(0)
	if t.EffectiveAt != nil {
		effective = t.EffectiveAt.instant(r.start)
	}
	first, err := s.policy(s.layers, policy.Options{Version: 1, EffectiveAt: effective})
	if err != nil {
		return Result{}, err
	}
	r.past = append(r.past, first)
	if err := l.append(ledger.Record{Policy: first.Record(nil, "ruletest"), RecordedAt: r.start}); err != nil {
		return Result{}, err
	}
	checks := r.checks()
	for i := range t.Input {
		in := &t.Input[i]
		for len(checks) > 0 && checks[0].At.instant(r.start) < in.At.instant(r.start) {
			if err := r.look(&res, &checks[0]); err != nil {
				return Result{}, err
			}
			checks = checks[1:]
		}
		rec, err := r.record(in)
		if err != nil {
			return Result{}, err
		}
		if err := l.append(rec); err != nil {
			return Result{}, err
		}
	}
	for i := range checks {
		if err := r.look(&res, &checks[i]); err != nil {
			return Result{}, err
		}
	}
	res.Log = l.record
	res.Digest, err = ledger.Digest(l.store)
	return res, err
}

// look compares one expectation with what is there.
func (r *runner) look(res *Result, c *check) error {
	at := word{line: c.At.line, column: c.At.column}
	if c.items.node == nil {
		return r.problemAt(at, "the expectation lacks %s", c.what)
	}
	seen, err := c.see(c.expectation)
	if err != nil {
		return err
	}
	want := maps(c.items.node)
	single := c.items.node.Kind == yaml.MappingNode
	before := len(res.Findings)
	find := func(n *yaml.Node, text string) {
		res.Findings = append(res.Findings, Finding{r.s.name, n.Line, n.Column, text})
	}
	if !single && len(want) != len(seen) {
		find(c.items.node, fmt.Sprintf("%s at %s: want %d, found %d: %s", c.what, r.show(c.At.instant(r.start)), len(want), len(seen), flowList(seen, keysOf(want, seen))))
	} else {
		for i, m := range want {
			r.compare(c, m, seen[i], find)
		}
	}
	if len(res.Findings) > before {
		res.edits = append(res.edits, edit{c.items.node, seen})
	}
	return nil
}

// maps lists the maps of an expectation.
func maps(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.MappingNode {
		return []*yaml.Node{n}
	}
	return n.Content
}

// compare compares the keys an expectation writes.
func (r *runner) compare(c *check, m *yaml.Node, seen pairs, find func(*yaml.Node, string)) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, val := m.Content[i], m.Content[i+1]
		got, ok := seen.get(key.Value)
		switch {
		case !ok:
			find(key, fmt.Sprintf("%s: unknown key %q; known here: %v", c.what, key.Value, seen.keys()))
		case val.Kind != yaml.ScalarNode:
			find(val, fmt.Sprintf("%s: %s takes a single value", c.what, key.Value))
		case got != r.normal(key.Value, val.Value):
			find(val, fmt.Sprintf("%s at %s: %s is %q, want %q", c.what, r.show(c.At.instant(r.start)), key.Value, got, val.Value))
		}
	}
}

// normal writes an expected value as seen values are written.
func (r *runner) normal(key, value string) string {
	if !slices.Contains(instantKeys[:], key) {
		return value
	}
	var w when
	if w.parse(value) != nil {
		return value
	}
	return r.show(w.instant(r.start))
}
