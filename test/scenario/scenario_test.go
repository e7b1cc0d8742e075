package scenario_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/policy/ruletest"
)

var rewrite = flag.Bool("rewrite", false, "rewrite failed expectations with what was seen; read the difference before you keep it")

// TestScenarios runs every *.yaml file of this folder, each test of it as a
// subtest, and runs it twice: one log gives one state.
func TestScenarios(t *testing.T) {
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenario files (%v)", err)
	}
	opt := ruletest.Options{ReadFile: os.ReadFile}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := policy.File{Name: name, Data: data}
			if *rewrite {
				rewriteFile(t, opt, f)
				return
			}
			first, second := ruletest.Run(opt, f), ruletest.Run(opt, f)
			for i := range first.Problems {
				t.Error(first.Problems[i].Error())
			}
			for i := range first.Results {
				r := &first.Results[i]
				t.Run(r.Name, func(t *testing.T) {
					for k := range r.Findings {
						t.Error(r.Findings[k].String())
					}
					if r.Digest != second.Results[i].Digest {
						t.Error("a second run of the same log gave another state")
					}
				})
			}
		})
	}
}

func rewriteFile(t *testing.T, opt ruletest.Options, f policy.File) {
	t.Helper()
	out, _, problems := ruletest.Rewrite(opt, f)
	for i := range problems {
		t.Error(problems[i].Error())
	}
	if out == nil || bytes.Equal(out, f.Data) {
		return
	}
	if err := os.WriteFile(f.Name, out, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s rewritten", f.Name)
}
