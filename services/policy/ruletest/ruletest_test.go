package ruletest_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/policy/ruletest"
)

// story is a test file whose placeholders are expectations.
const story = `policy: |
  matrix: {box: {order: {placed: PLACED, known: RECEIVED}}}
  groups:
  - name: g
    rules:
    - {rule: handoff, from: storefront.order == PLACED, until: erp.order != ABSENT, within: 2m, exception: Late, depends_on: [erp]}
sources:
- {name: shop, system: box, role: storefront, origin: true, feeds: [{name: orders, expected_every: 1h, proves: [order/order]}]}
- {name: erp, system: box, role: erp, feeds: [{name: orders, expected_every: 1h, proves: [order/order]}]}
tests:
- name: nothing comes
  start: 2026-03-02T10:00:00Z
  input:
  - at: 0s
    event: {source: shop, order: 1, claims: [{axis: order, mode: created, word: placed}], words: {order: placed}}
  - {at: 2m, tick: {coverage: {erp/orders: 2m}}}
  cell_test:
  - {at: 2m, order: 1, exp_cells: {shop.order: CELL, erp.order: ABSENT}} # stays
  verdict_test:
  - {at: 119s, order: 1, exp_verdicts: [{state: PENDING}]}
  - at: 2m
    order: 1
    exp_verdicts:
    - {rule: handoff, state: VERDICT, deadline: DEADLINE}
  exception_test:
  - {at: 2m, exp_exceptions: EXCEPTIONS}
`

func fill(cell, verdict, deadline, exceptions string) []byte {
	r := strings.NewReplacer("CELL", cell, "VERDICT", verdict, "DEADLINE", deadline, "EXCEPTIONS", exceptions)
	return []byte(r.Replace(story))
}

func options() ruletest.Options {
	return ruletest.Options{ReadFile: func(string) ([]byte, error) { return nil, errors.New("there are no files here") }}
}

func run(t *testing.T, data []byte) ruletest.Report {
	t.Helper()
	r := ruletest.Run(options(), policy.File{Name: "story.yaml", Data: data})
	for i := range r.Problems {
		t.Error(r.Problems[i].Error())
	}
	return r
}

func TestPasses(t *testing.T) {
	r := run(t, fill("PLACED", "BREACHED", "2m", "[{exception: Late}]"))
	if len(r.Results) != 1 || r.ExitCode() != 0 {
		t.Fatalf("report %+v", r)
	}
	var out bytes.Buffer
	if err := r.WriteTAP(&out); err != nil || out.String() != "TAP version 13\n1..1\nok 1 - story.yaml: nothing comes\n" {
		t.Errorf("TAP %q, %v", out.String(), err)
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct{ cell, verdict, deadline, exceptions, want string }{
		{"HOLD", "BREACHED", "2m", "[{exception: Late}]", `story.yaml:18:48: exp_cells at 10:02:00: shop.order is "PLACED", want "HOLD"`},
		{"PLACED", "MET", "10:02:00", "[{exception: Late}]", `story.yaml:24:30: exp_verdicts at 10:02:00: state is "BREACHED", want "MET"`},
		{"PLACED", "BREACHED", "10:02:01", "[{exception: Late}]", `deadline is "10:02:00", want "10:02:01"`},
		{"PLACED", "BREACHED", "2m", "[]", "story.yaml:26:30: exp_exceptions at 10:02:00: want 0, found 1: [{exception: Late, rule: handoff"},
		{"PLACED", "BREACHED", "2m", "[{exception: Late, color: red}]", `unknown key "color"; known here: [exception severity`},
	} {
		r := run(t, fill(c.cell, c.verdict, c.deadline, c.exceptions))
		if r.ExitCode() != 3 {
			t.Errorf("want %s: exit code %d", c.want, r.ExitCode())
			continue
		}
		var plain, tap bytes.Buffer
		if err := errors.Join(r.WritePlain(&plain), r.WriteTAP(&tap)); err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{plain.String(), tap.String()} {
			if !strings.Contains(out, c.want) {
				t.Errorf("%s\nlacks %s", out, c.want)
			}
		}
		if !strings.Contains(tap.String(), "not ok 1 - ") || !strings.Contains(plain.String(), "0 of 1 tests passed") {
			t.Errorf("reports %s%s", plain.String(), tap.String())
		}
	}
}

// Rewrite repairs what failed, touches nothing else, and its result passes.
func TestRewrite(t *testing.T) {
	good := fill("PLACED", "BREACHED", "10:02:00", "[{exception: Late, severity: warning}]")
	for _, bad := range [][]byte{
		fill("HOLD", "BREACHED", "10:02:00", "[{exception: Late, severity: warning}]"),
		fill("PLACED", "MET", "10:07:00", "[{exception: Late, severity: warning}]"),
		fill("PLACED", "BREACHED", "10:02:00", "[{exception: Late, severity: warning}, {exception: Other, severity: critical}]"),
		fill("HOLD", "VOID", "10:00:00", "[{exception: Other,\n      severity: critical}]"),
	} {
		got, results, problems := ruletest.Rewrite(options(), policy.File{Name: "story.yaml", Data: bad})
		if len(problems) > 0 || len(results) != 1 || results[0].Passed() {
			t.Fatalf("problems %v, results %v", problems, results)
		}
		if !bytes.Equal(got, good) {
			t.Errorf("rewritten to\n%s", got)
		}
	}
	if got, _, _ := ruletest.Rewrite(options(), policy.File{Name: "story.yaml", Data: good}); !bytes.Equal(got, good) {
		t.Error("a file that passes was changed")
	}
	empty, _, _ := ruletest.Rewrite(options(), policy.File{Name: "story.yaml", Data: fill("PLACED", "BREACHED", "2m", "[]")})
	if r := run(t, empty); r.ExitCode() != 0 {
		t.Errorf("a rewritten file does not pass:\n%s", empty)
	}
}

func TestProblems(t *testing.T) {
	ok := string(fill("PLACED", "BREACHED", "2m", "[]"))
	for _, c := range []struct{ from, to, want string }{
		{"tests:", "test:", `story.yaml:10:1: unknown key "test"; did you mean "tests"?`},
		{"at: 0s", "at: 3m", "story.yaml:16:10: input must not go back in time"},
		{"storefront.order == PLACED", "storefront.order == PLACD", `"PLACD" is no state of order; did you mean "PLACED"?`},
		{"source: shop,", "source: shpo,", `no source is named "shpo"`},
		{"tick: {coverage: {erp/orders: 2m}}", "tick: {}, looked: {}", "an input is exactly one of"},
		{"{erp/orders: 2m}", "{erp: 2m}", "want source/feed"},
		{"at: 0s", "at: soon", "want a span from the start"},
		{"policy: |", "rule_files: [other.yaml]\npolicy: |", "read rule file: there are no files here"},
	} {
		r := ruletest.Run(options(), policy.File{Name: "story.yaml", Data: []byte(strings.Replace(ok, c.from, c.to, 1))})
		if r.ExitCode() != 1 {
			t.Errorf("%s: accepted", c.to)
			continue
		}
		if got := r.Problems[0].Error(); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got  %s\n want %s", c.to, got, c.want)
		}
	}
}

// The example of the README runs.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README has no example")
	}
	if r := run(t, []byte(example)); r.ExitCode() != 0 || len(r.Results) == 0 {
		var out bytes.Buffer
		if err := r.WritePlain(&out); err != nil {
			t.Fatal(err)
		}
		t.Error(out.String())
	}
}
