package proto_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/orderledger/orderledger/proto/gen/openapi"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

var files = []protoreflect.FileDescriptor{
	orderledgerv1.File_orderledger_v1_audit_proto,
	orderledgerv1.File_orderledger_v1_audit_service_proto,
	orderledgerv1.File_orderledger_v1_common_proto,
	orderledgerv1.File_orderledger_v1_exception_proto,
	orderledgerv1.File_orderledger_v1_exception_service_proto,
	orderledgerv1.File_orderledger_v1_explanation_proto,
	orderledgerv1.File_orderledger_v1_order_proto,
	orderledgerv1.File_orderledger_v1_order_service_proto,
	orderledgerv1.File_orderledger_v1_policy_proto,
	orderledgerv1.File_orderledger_v1_policy_service_proto,
	orderledgerv1.File_orderledger_v1_quarantine_proto,
	orderledgerv1.File_orderledger_v1_quarantine_service_proto,
	orderledgerv1.File_orderledger_v1_source_proto,
	orderledgerv1.File_orderledger_v1_source_service_proto,
	orderledgerv1.File_orderledger_v1_timeline_proto,
}

// methods returns every method of every service.
func methods() []protoreflect.MethodDescriptor {
	var out []protoreflect.MethodDescriptor
	for _, f := range files {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				out = append(out, s.Methods().Get(j))
			}
		}
	}
	return out
}

// TestFilesAreListed keeps the list above complete.
func TestFilesAreListed(t *testing.T) {
	onDisk, err := filepath.Glob("orderledger/v1/*.proto")
	if err != nil {
		t.Fatal(err)
	}
	if len(onDisk) != len(files) {
		t.Fatalf("%d contracts on disk, %d listed in the test", len(onDisk), len(files))
	}
	for _, f := range files {
		if _, err := os.Stat(f.Path()); err != nil {
			t.Errorf("generated code without its contract: %v", err)
		}
	}
}

// TestEveryResponseCarriesFreshness holds the law that every answer says how fresh it is.
func TestEveryResponseCarriesFreshness(t *testing.T) {
	for _, m := range methods() {
		field := m.Output().Fields().ByName("freshness")
		if field == nil || !field.IsList() || field.Message() == nil || field.Message().FullName() != "orderledger.v1.Freshness" {
			t.Errorf("%s answers without `repeated Freshness freshness`", m.FullName())
		}
	}
}

// TestActionsAreRepeatable holds that everything which appends can be repeated without harm and
// answers with the position of its record, or, where every partition has to fold it, with what it
// speaks about as it stands then.
func TestActionsAreRepeatable(t *testing.T) {
	for _, m := range methods() {
		name := string(m.Name())
		if strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Watch") || strings.HasPrefix(name, "Lookup") || strings.HasPrefix(name, "Explain") {
			continue
		}
		if m.Input().Fields().ByName("request_id") == nil {
			t.Errorf("%s has no request_id", m.FullName())
		}
		if name == "MergeOrders" || name == "SplitOrders" || name == "MuteSource" || name == "UnmuteSource" {
			continue
		}
		result := m.Output().Fields().ByName("result")
		if result == nil || result.Message() == nil || result.Message().FullName() != "orderledger.v1.ActionResult" {
			t.Errorf("%s answers without an ActionResult", m.FullName())
		}
	}
}

// TestNoForeignImports holds that customers need nothing but google/protobuf to compile.
func TestNoForeignImports(t *testing.T) {
	for _, f := range files {
		for i := range f.Imports().Len() {
			path := f.Imports().Get(i).Path()
			if !strings.HasPrefix(path, "google/protobuf/") && !strings.HasPrefix(path, "orderledger/v1/") {
				t.Errorf("%s imports %s", f.Path(), path)
			}
		}
	}
}

var (
	errorsLine = regexp.MustCompile(`(?s)Errors: (.*?)\n  rpc `)
	reasonWord = regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`)
	httpRule   = regexp.MustCompile(`(?m)^ +(get|post): (\S+)$`)
)

// TestReasonsAreDocumented holds that every reason which a method names stands in the README.
func TestReasonsAreDocumented(t *testing.T) {
	readme := readFile(t, "README.md")
	seen := 0
	for _, f := range files {
		for _, m := range errorsLine.FindAllStringSubmatch(readFile(t, f.Path()), -1) {
			for _, reason := range reasonWord.FindAllString(m[1], -1) {
				seen++
				if !strings.Contains(readme, "| `"+reason+"` |") {
					t.Errorf("%s names the reason %s, which README.md does not explain", f.Path(), reason)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("found only %d reasons in the contracts; the pattern no longer fits them", seen)
	}
}

// TestRefusalsAreDocumented holds the same for refusals.
func TestRefusalsAreDocumented(t *testing.T) {
	readme := readFile(t, "README.md")
	values := orderledgerv1.RefusalReason_REFUSAL_REASON_UNSPECIFIED.Descriptor().Values()
	for i := 1; i < values.Len(); i++ {
		if name := strings.TrimPrefix(string(values.Get(i).Name()), "REFUSAL_REASON_"); !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("README.md does not list the refusal %s", name)
		}
	}
}

// TestDocumentsHoldEveryRoute compares the OpenAPI documents with the HTTP mapping.
func TestDocumentsHoldEveryRoute(t *testing.T) {
	var two struct {
		Swagger string                                `json:"swagger"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(openapi.V2(), &two); err != nil {
		t.Fatalf("parse the OpenAPI 2 document: %v", err)
	}
	if two.Swagger != "2.0" {
		t.Errorf("the OpenAPI 2 document is version %q", two.Swagger)
	}
	three := string(openapi.V3())
	if !strings.Contains(three, "\nopenapi: 3.0.3\n") || !strings.Contains(three, "scheme: bearer\n") {
		t.Error("the OpenAPI 3 document lacks its version or the bearer scheme")
	}
	rules := httpRule.FindAllStringSubmatch(readFile(t, "orderledger/v1/http.yaml"), -1)
	if len(rules) != len(methods()) {
		t.Errorf("%d routes for %d methods", len(rules), len(methods()))
	}
	for _, rule := range rules {
		verb, path := rule[1], rule[2]
		if _, ok := two.Paths[path][verb]; !ok {
			t.Errorf("the OpenAPI 2 document lacks %s %s", verb, path)
		}
		_, rest, ok := strings.Cut(three, "\n  "+path+":\n")
		if !ok || !strings.HasPrefix(rest, "    "+verb+":\n") {
			t.Errorf("the OpenAPI 3 document lacks %s %s", verb, path)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the body of %s: %v", resp.Request.URL, err)
	}
	return string(b)
}
