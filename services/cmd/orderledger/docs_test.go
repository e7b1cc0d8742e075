package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.RunChild(os.Args[2:]))
	}
	testscript.Main(m, map[string]func(){"orderledger": main})
}

// line is a command line in a document: in a code span, or a line of a block.
var line = regexp.MustCompile("(?m)(?:`|^)(?:bin/|\\./bin/)?orderledger ([a-z][^`\\n]*)")

// TestDocumentedCommandsExist: every command line in every README names a
// command that exists, with flags that it has.
func TestDocumentedCommandsExist(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			words := split(m[1])
			if words[0] == "is" || words[0] == "listens" { // a sentence, or what `dev` prints
				continue
			}
			found++
			check(t, path, words)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 10 {
		t.Fatalf("only %d command lines found: the pattern no longer fits the documents", found)
	}
}

// check resolves one command line in the command tree.
func check(t *testing.T, path string, words []string) {
	t.Helper()
	first, _, _ := strings.Cut(words[0], "|")
	words[0] = first
	root := cli.New(deps())
	cmd, rest, err := root.Find(words)
	if err != nil || cmd == root {
		t.Errorf("%s: `orderledger %s`: no such command (%v)", path, strings.Join(words, " "), err)
		return
	}
	for _, w := range rest {
		name, isFlag := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%s: `orderledger %s`: no flag --%s", path, strings.Join(words, " "), name)
		}
	}
}

// split divides a command line at spaces outside of quotes, up to what a shell
// would take for itself.
func split(s string) []string {
	var out []string
	quoted, word := false, ""
	for _, r := range s {
		switch {
		case r == '"' || r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			if word != "" {
				out = append(out, word)
			}
			word = ""
		case !quoted && (r == '|' || r == '>' || r == '#' || r == '&' || r == '(' || r == ')'):
			return append(out, word)
		default:
			word += string(r)
		}
	}
	return append(out, word)
}
