package bench_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Between these two lines of the README the stored results are shown.
const (
	resultsBegin = "<!-- results: written by make bench -->"
	resultsEnd   = "<!-- results end -->"
)

// result is one part as it was last measured, a file of results/.
type result struct {
	Part    string   `json:"part"`
	Commit  string   `json:"commit"`
	Seeds   string   `json:"seeds"`
	Scale   string   `json:"scale"`
	Rounds  int      `json:"rounds"`
	Machine machine  `json:"machine"`
	Figures []figure `json:"figures"`
}

// store writes a result over the part's last one.
func (r *result) store(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, r.Part+".json"), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// stored reads the results of those parts that have one, in their order.
func stored(dir string, parts []part) ([]result, error) {
	var out []result
	for _, p := range parts {
		raw, err := os.ReadFile(filepath.Join(dir, p.name+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		var r result
		if err := json.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("read results of %s: %w", p.name, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// show writes the results between the marks of a README.
func show(file string, list []result) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("show results: %w", err)
	}
	before, rest, ok := strings.Cut(string(raw), resultsBegin)
	_, after, ended := strings.Cut(rest, resultsEnd)
	if !ok || !ended {
		return fmt.Errorf("show results: %s has no lines %s and %s", file, resultsBegin, resultsEnd)
	}
	text := before + resultsBegin + "\n" + markdown(list) + resultsEnd + after
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("show results: %w", err)
	}
	return nil
}

func markdown(list []result) string {
	var b strings.Builder
	b.WriteString("\n| part | figure | value | unit | target | met | how |\n|---|---|--:|---|---|---|---|\n")
	for _, r := range list {
		for _, f := range r.Figures {
			if f.Remark != "" {
				continue
			}
			met := ""
			if f.Met != nil {
				met = map[bool]string{true: "yes", false: "**no**"}[*f.Met]
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.Part, f.Name, number(f.Value), f.Unit, f.Target, met, f.Note)
		}
	}
	for _, r := range list {
		for _, f := range r.Figures {
			if f.Remark != "" {
				fmt.Fprintf(&b, "\n**%s: %s.** %s\n", r.Part, f.Name, f.Remark)
			}
		}
	}
	b.WriteString("\n| part | commit | date | rounds | seeds | load average before, after | machine |\n|---|---|---|--:|---|---|---|\n")
	for _, r := range list {
		m := &r.Machine
		java := ""
		if m.Java != "" {
			java = ", " + m.Java
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %s, %s | %s, %d cores, %d MB, %s, %s%s |\n", r.Part, r.Commit, m.Date, r.Rounds, r.Seeds, m.LoadBefore, m.LoadAfter, m.CPU, m.Cores, m.MemoryMB, m.OS, m.Go, java)
	}
	b.WriteString("\n")
	return b.String()
}

// commit is what was measured: the commit, and whether anything but results
// was changed since.
func commit(t *testing.T) string {
	t.Helper()
	git := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		if err != nil {
			t.Fatalf("git %s: %v: results name the commit they are of", args[0], err)
		}
		return strings.TrimSpace(string(out))
	}
	name := git("rev-parse", "--short=10", "HEAD")
	if git("status", "--porcelain", "--", ":/", ":(exclude,top)test/bench/results", ":(exclude,top)test/bench/README.md") != "" {
		name += " and changes"
	}
	return name
}

// TestResultsReplaceOnlyTheirPart: a part measured again replaces its own
// figures and leaves the others as they were.
func TestResultsReplaceOnlyTheirPart(t *testing.T) {
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	if err := os.WriteFile(readme, []byte("above\n"+resultsBegin+"\nold\n"+resultsEnd+"\nbelow\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parts := []part{{name: "one"}, {name: "two"}, {name: "never"}}
	for _, r := range []result{
		{Part: "two", Figures: []figure{of("b", "×", 2).atLeast(3)}},
		{Part: "one", Figures: []figure{of("a", "×", 7)}},
		{Part: "one", Figures: []figure{of("a", "×", 1), {Name: "why", Remark: "so"}}},
	} {
		if err := r.store(dir); err != nil {
			t.Fatal(err)
		}
	}
	list, err := stored(dir, parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := show(readme, list); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{"above\n", "\nbelow\n", "| one | a | 1 | × |  |  |  |", "| two | b | 2 | × | ≥ 3 | **no** |  |", "**one: why.** so"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "old") || strings.Contains(text, "| 7 |") {
		t.Errorf("keeps what was replaced:\n%s", text)
	}
	if err := show(readme, list); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(readme); err != nil || string(again) != text {
		t.Errorf("shown twice, it is another text: %v", err)
	}
}
