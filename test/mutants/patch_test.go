package mutants_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// mutant is one change of the product and the check that must fail of it.
type mutant struct {
	path  string // of the patch
	what  string
	in    string   // package directory of the check, below the root
	by    string   // -run expression
	args  []string // of the test binary
	says  *regexp.Regexp
	files []*gitdiff.File
}

// readMutant reads a patch and the lines above it:
//
//	# what: I-1: rows are told in the order of a map
//	# in: test/determinism
//	# by: TestFoldIsAFunctionOfItsLog
//	# says: field History\[0\]\.States
//
// args, further arguments of the test, and says, a regular expression that what
// it prints must match, may be left out.
func readMutant(path string) (*mutant, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &mutant{path: path}
	for line := range strings.Lines(string(raw)) {
		rest, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSpace(rest), ": ")
		switch name {
		case "what":
			m.what = value
		case "in":
			m.in = value
		case "by":
			m.by = value
		case "args":
			m.args = strings.Fields(value)
		case "says":
			if m.says, err = regexp.Compile(value); err != nil {
				return nil, fmt.Errorf("%s: says: %w", path, err)
			}
		default:
			return nil, fmt.Errorf("%s: unknown line %q: know what, in, by, args, says", path, line)
		}
	}
	if m.what == "" || m.in == "" || m.by == "" {
		return nil, fmt.Errorf("%s: what, in and by must be said", path)
	}
	if m.files, _, err = gitdiff.Parse(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(m.files) == 0 {
		return nil, fmt.Errorf("%s: changes nothing", path)
	}
	return m, nil
}

// overlay writes the changed files into dir and returns what replaces what.
func (m *mutant) overlay(root, dir string) (map[string]string, error) {
	out := map[string]string{}
	for i, f := range m.files {
		name := strings.TrimPrefix(f.NewName, "b/")
		if name == "" || f.IsDelete {
			return nil, fmt.Errorf("%s: files are not deleted", m.path)
		}
		text, err := changed(filepath.Join(root, name), f)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", m.path, name, err)
		}
		to := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return nil, err
		}
		out[filepath.Join(root, name)] = to
	}
	return out, nil
}

var errStale = errors.New("the lines to change are there no more, or more than once: write the mutant anew")

// changed applies a file's fragments wherever their lines stand now.
func changed(path string, f *gitdiff.File) (string, error) {
	if f.IsNew {
		var b strings.Builder
		for _, frag := range f.TextFragments {
			_, added := sides(frag)
			b.WriteString(added)
		}
		return b.String(), nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(raw)
	for _, frag := range f.TextFragments {
		was, is := sides(frag)
		if strings.Count(text, was) != 1 {
			return "", errStale
		}
		text = strings.Replace(text, was, is, 1)
	}
	return text, nil
}

// sides are a fragment's lines before and after.
func sides(f *gitdiff.TextFragment) (was, is string) {
	for _, l := range f.Lines {
		if l.Old() {
			was += l.Line
		}
		if l.New() {
			is += l.Line
		}
	}
	return was, is
}
