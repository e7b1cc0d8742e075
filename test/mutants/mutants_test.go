// Package mutants_test breaks the product on purpose, one rule at a time, and
// requires that a named check notices. Without this, green means nothing.
package mutants_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// slice is how many mutants there are for one that plain `make test` tries.
const slice = 10

// TestEveryMutantIsKilled builds the product with one patch after another
// overlaid, the tree untouched, and runs the cheapest check that must notice.
func TestEveryMutantIsKilled(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*/*.patch")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no patches (%v)", err)
	}
	var all []*mutant
	for _, p := range paths {
		m, err := readMutant(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	step := slice
	if os.Getenv("ORDERLEDGER_MUTANTS") == "all" {
		step = 1
	}
	t.Logf("%d of %d mutants; ORDERLEDGER_MUTANTS=all tries every one", (len(all)+step-1)/step, len(all))
	r := &report{}
	t.Run("mutants", func(t *testing.T) {
		for i, m := range all {
			t.Run(strings.TrimSuffix(m.path, ".patch"), func(t *testing.T) {
				dir := t.TempDir()
				replace, err := m.overlay(root, dir) // every patch must fit, tried or not
				if err != nil {
					t.Fatal(err)
				}
				if i%step != 0 {
					return
				}
				t.Parallel()
				r.add(m, m.run(t, root, overlaid(t, dir, replace)))
			})
		}
	})
	t.Logf("mutant → killed by → seconds\n%s", r)
}

func overlaid(t *testing.T, dir string, replace map[string]string) string {
	t.Helper()
	b, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// run runs the check, which must fail, and returns how long that took.
func (m *mutant) run(t *testing.T, root, overlay string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	began := time.Now()
	args := append([]string{"test", "-vet=off", "-count=1", "-failfast", "-overlay", overlay, "-run", m.by, "./" + m.in}, m.args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	switch {
	case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
		t.Fatalf("%s: does not compile:\n%s", m.what, out)
	case ctx.Err() != nil:
		t.Fatalf("%s: %s neither passed nor failed in ten minutes", m.what, m.by)
	case err == nil && strings.Contains(out, "no tests to run"):
		t.Fatalf("%s: no test is called %s", m.what, m.by)
	case err == nil:
		t.Fatalf("%s: survived: %s passes", m.what, m.by)
	case m.says != nil && !m.says.Match(raw):
		t.Fatalf("%s: killed, but nothing says %s:\n%s", m.what, m.says, head(raw))
	}
	return time.Since(began)
}

func head(b []byte) []byte {
	if lines := bytes.SplitAfter(b, []byte("\n")); len(lines) > 30 {
		return bytes.Join(lines[:30], nil)
	}
	return b
}

// report lists what was killed.
type report struct {
	mu    sync.Mutex
	lines []string
}

func (r *report) add(m *mutant, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("%-90s %s %s  %.1f", m.what, m.in, m.by, took.Seconds()))
}

// String lists them, one a line.
func (r *report) String() string { return strings.Join(r.lines, "\n") }
