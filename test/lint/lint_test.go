// Package lint_test checks the rules of the architecture against the code
// itself: who imports whom, what the pure core may not call, how large things
// may get, what packages may be called.
package lint_test

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/orderledger/orderledger/"

// source is one Go file of the repository.
type source struct {
	path string // from the root
	dir  string
	test bool
	gen  bool
	file *ast.File
	fset *token.FileSet
	text []byte
}

func (s *source) at(p token.Pos) string {
	pos := s.fset.Position(p)
	return s.path + ":" + itoa(pos.Line)
}

func itoa(n int) string {
	var b [12]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// sources parses every Go file of the five modules.
func sources(t *testing.T) []*source {
	t.Helper()
	root := rootDir(t)
	fset := token.NewFileSet()
	var out []*source
	for _, m := range []string{"proto", "ledger", "projections", "services", "test"} {
		err := filepath.WalkDir(filepath.Join(root, m), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(path, ".go") {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			out = append(out, &source{
				path: rel, dir: filepath.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
				gen: bytes.Contains(text[:min(len(text), 400)], []byte("DO NOT EDIT")), file: file, fset: fset, text: text,
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d files found: the check looks in the wrong place", len(out))
	}
	return out
}

func rootDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOWORK").Output()
	if err == nil && strings.HasSuffix(strings.TrimSpace(string(out)), "go.work") {
		return filepath.Dir(strings.TrimSpace(string(out)))
	}
	abs, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// may lists, per folder prefix, which of our own folders it may import; the
// longest matching prefix decides. Tests may import more (test fixtures).
var may = map[string][]string{
	"proto":                    {"proto"},
	"ledger":                   {"ledger"},
	"ledger/ledgertest":        {"ledger"},
	"projections":              {"projections", "ledger"},
	"services":                 {"services", "projections", "ledger", "proto"},
	"services/kafkalog":        {"services/kafkalog", "services/embedded", "ledger"},
	"services/avroevent":       {"services/avroevent", "ledger", "proto/avro"},
	"services/connector":       {"services/connector", "ledger"},
	"services/connector/topic": {"services/connector", "services/kafkalog", "ledger"},
	"services/schemaregistry":  {"services/schemaregistry", "proto/avro"},
	"services/engine":          {"services/engine", "services/kafkalog", "services/avroevent", "projections", "ledger"},
	"services/policy":          {"services/policy", "services/connector", "ledger"},
	"services/embedded":        {"services/embedded"},
	"services/simulate":        {"services/simulate", "services/connector", "services/policy", "ledger"},
	"projections/clickhouse":   {"projections", "ledger"},
	"projections/timeline":     {"projections", "ledger"},
	"test":                     {"test", "services", "projections", "ledger", "proto"},
}

// only names the libraries that one place alone may import.
var only = map[string][]string{
	"github.com/twmb/franz-go":            {"services/kafkalog", "services/schemaregistry", "services/embedded", "test"},
	"github.com/hamba/avro":               {"services/avroevent"},
	"github.com/ClickHouse/clickhouse-go": {"projections/clickhouse", "services/embedded/clickhouse", "test"},
	"github.com/cockroachdb/pebble":       {"services/engine", "test"},
	"cel.dev/cel-go":                      {"services/policy", "services/connector/catalog"},
	"github.com/prometheus/client_golang": {"services/metrics", "test"},
	"google.golang.org/grpc":              {"proto/gen", "proto", "services/api", "services/cli", "test"},
	"github.com/spf13/cobra":              {"services/cli", "services/cmd"},
	"go.opentelemetry.io/otel/sdk":        {"services/tracing"},
	"go.opentelemetry.io/otel/exporters":  {"services/tracing"},
}

func rule[V any](table map[string]V, dir string) (V, bool) {
	best, found := "", false
	var v V
	for k, x := range table {
		if (dir == k || strings.HasPrefix(dir, k+"/")) && len(k) >= len(best) {
			best, v, found = k, x, true
		}
	}
	return v, found
}

func within(dir string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") })
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := rule(may, s.dir)
		if !known {
			t.Errorf("%s: no rule says what this folder may import", s.path)
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			if own, ok := strings.CutPrefix(path, module); ok && !within(own, allowed) && (!s.test || !strings.HasPrefix(s.dir, "services") || strings.HasPrefix(own, "test")) {
				t.Errorf("%s imports %s, which its folder may not", s.at(imp.Pos()), own)
			}
			for lib, places := range only {
				if strings.HasPrefix(path, lib) && !within(s.dir, places) && !s.test {
					t.Errorf("%s imports %s, which only %v may", s.at(imp.Pos()), path, places)
				}
			}
		}
	}
}

// pure are the packages of the standard library that the core may use.
var pure = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/binary", "encoding/hex", "errors", "fmt", "math", "math/bits", "slices", "sort",
	"strconv", "strings", "time", "unicode/utf8", "iter",
}

// impure are calls of allowed packages that the core may not make.
var impure = []string{
	"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Tick", "time.NewTimer", "time.NewTicker", "time.Sleep",
	"time.Local", "time.LoadLocation", "fmt.Print", "fmt.Printf", "fmt.Println", "fmt.Scan",
}

func TestTheCoreIsPure(t *testing.T) {
	all := sources(t)
	info := typesOf(t, all)
	for _, s := range all {
		if s.dir != "ledger" || s.test {
			continue
		}
		for _, imp := range s.file.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); !slices.Contains(pure, path) {
				t.Errorf("%s: the core may not import %s", s.at(imp.Pos()), path)
			}
		}
		checkPure(t, s, info)
	}
	if raw, err := os.ReadFile(filepath.Join(rootDir(t), "ledger/go.mod")); err != nil || bytes.Contains(raw, []byte("require")) {
		t.Errorf("ledger/go.mod must require nothing (%v)", err)
	}
}

// checkPure refuses goroutines, channels, floats, impure calls, package-level
// state that changes, and ranges over maps that are not declared harmless.
func checkPure(t *testing.T, s *source, info *types.Info) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: the core starts no goroutine", s.at(x.Pos()))
		case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
			t.Errorf("%s: the core has no channel", s.at(n.Pos()))
		case *ast.Ident:
			if x.Name == "float64" || x.Name == "float32" {
				t.Errorf("%s: the core has no floating point", s.at(x.Pos()))
			}
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && slices.Contains(impure, p.Name+"."+x.Sel.Name) {
				t.Errorf("%s: the core may not call %s.%s", s.at(x.Pos()), p.Name, x.Sel.Name)
			}
		case *ast.RangeStmt:
			if _, isMap := info.TypeOf(x.X).Underlying().(*types.Map); isMap && !declaredHarmless(s, x.Pos()) {
				t.Errorf("%s: ranges over a map: sort first, or say why order cannot reach output with //lint:", s.at(x.Pos()))
			}
		}
		return true
	})
}

// typesOf type-checks the core.
func typesOf(t *testing.T, all []*source) *types.Info {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	var files []*ast.File
	var fset *token.FileSet
	for _, s := range all {
		if s.dir == "ledger" && !s.test {
			files, fset = append(files, s.file), s.fset
		}
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := conf.Check(module+"ledger", fset, files, info); err != nil {
		t.Fatal(err)
	}
	return info
}

// declaredHarmless reports whether the range's line says why order cannot
// reach output.
func declaredHarmless(s *source, p token.Pos) bool {
	line := s.fset.Position(p).Line
	lines := bytes.Split(s.text, []byte("\n"))
	return bytes.Contains(lines[line-1], []byte("//lint:"))
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.gen {
			continue
		}
		if n := bytes.Count(s.text, []byte("\n")); n > 600 {
			t.Errorf("%s has %d lines, 600 are the limit", s.path, n)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > 70 {
				t.Errorf("%s: %s has %d lines, 70 are the limit", s.at(f.Pos()), f.Name.Name, n)
			}
			if n := f.Type.Params.NumFields(); n > 5 && !s.test {
				t.Errorf("%s: %s has %d parameters: use an Options struct", s.at(f.Pos()), f.Name.Name, n)
			}
		}
	}
}

var vague = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "types", "base", "misc", "shared", "lib"}

func TestPackagesHaveNamesAndComments(t *testing.T) {
	commented, seen := map[string]bool{}, map[string]string{}
	for _, s := range sources(t) {
		if slices.Contains(vague, s.file.Name.Name) {
			t.Errorf("%s: a package called %s says nothing", s.path, s.file.Name.Name)
		}
		if s.gen || s.test && !strings.HasSuffix(s.file.Name.Name, "_test") {
			continue
		}
		if s.test {
			continue
		}
		seen[s.dir] = s.path
		commented[s.dir] = commented[s.dir] || s.file.Doc != nil
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: no init: construct it in main", s.at(f.Pos()))
			}
		}
	}
	for dir, path := range seen {
		if !commented[dir] {
			t.Errorf("%s: the package has no comment", path)
		}
	}
}

// TestEveryFolderHasAReadme: the four headings in every folder that a stranger
// would open (leaf packages of a documented folder are covered by it).
func TestEveryFolderHasAReadme(t *testing.T) {
	root := rootDir(t)
	for _, dir := range []string{
		"proto", "proto/avro", "ledger", "projections", "projections/clickhouse", "projections/timeline", "services", "services/kafkalog",
		"services/embedded", "services/connector", "services/avroevent", "services/engine", "services/policy", "services/api", "services/cli",
		"services/metrics", "services/schemaregistry", "services/simulate", "services/config", "services/logsink", "services/role", "test", "test/scenario", "test/bench",
	} {
		raw, err := os.ReadFile(filepath.Join(root, dir, "README.md"))
		if err != nil {
			t.Errorf("%s has no README.md", dir)
			continue
		}
		for _, h := range []string{"## Model", "## Owns", "## Does not own", "## Invariants and non-guarantees"} {
			if !bytes.Contains(raw, []byte(h)) {
				t.Errorf("%s/README.md lacks %q", dir, h)
			}
		}
	}
}

// TestNoWordsThatDoNotBelong: no promises of work not done, no machine paths.
func TestNoWordsThatDoNotBelong(t *testing.T) {
	words := []string{"TO" + "DO", "FIX" + "ME", "not " + "implemented", "t." + "Skip(", "/ro" + "ot/", "/wo" + "rk/"}
	for _, s := range sources(t) {
		if s.gen || s.dir == "test/lint" {
			continue
		}
		for i, line := range bytes.Split(s.text, []byte("\n")) {
			for _, w := range words {
				if bytes.Contains(line, []byte(w)) {
					t.Errorf("%s:%d: %q", s.path, i+1, w)
				}
			}
		}
	}
}

// TestNothingIsHalfMerged: no file of the repository holds both sides of a
// change that nobody decided between.
func TestNothingIsHalfMerged(t *testing.T) {
	marks := [][]byte{[]byte("\n<<<<" + "<<< "), []byte("\n>>>>" + ">>> ")}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == ".cache" || d.Name() == "bin") {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range marks {
			if bytes.Contains(text, m) {
				t.Errorf("%s is half merged", path)
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
