package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/policy"
)

// What the README shows is read as it stands: its file, and every expression
// of its table.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no example")
	}
	if _, problems := policy.Load([]policy.File{{Name: "README.md", Data: []byte(example)}}); len(problems) > 0 {
		t.Error(texts(problems))
	}
	_, table, _ := strings.Cut(string(readme), "| expression | is true when |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	lines := splitLines(table)
	if len(lines) < 9 {
		t.Fatalf("%d expressions, want nine", len(lines))
	}
	for _, line := range lines {
		expr, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		expr = strings.ReplaceAll(expr, `\|`, "|")
		if p, problems := lowered(t, quoteYAML(expr)); p == nil {
			t.Errorf("%s: %s", expr, texts(problems))
		}
	}
}

// The table of shipped rules names each of them once.
func TestReadmeNamesShippedRules(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "### Shipped rules")
	table, _, _ = strings.Cut(table, "## Owns")
	p := shippedPolicy(t)
	for i := range p.Rules {
		if strings.Count(table, "| `"+p.Rules[i].Name+"` |") != 1 {
			t.Errorf("the README does not describe %s", p.Rules[i].Name)
		}
	}
	if got := strings.Count(table, "\n| `"); got != len(p.Rules) {
		t.Errorf("the README describes %d rules, %d are shipped", got, len(p.Rules))
	}
}
