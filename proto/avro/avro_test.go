package avro

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// frozen are the schemas that stand in logs somewhere: id, record, version and
// the first digits of the contract's digest. Lines are added, never changed.
var frozen = []string{
	"710101 OrderEvent 1 b7d0dbf39361465c",
	"710201 Unkeyed 1 bf0e276c6aade031",
	"710301 Tick 1 039f5530ccde103a",
	"710401 SourceStatus 1 381a486cc7be80b4",
	"710501 Policy 1 21668012d654fbb1",
	"710601 OperatorAction 1 3f3f4ce110cc5856",
	"710701 Looked 1 ee0d1fdbb3a9d3ef",
	"710801 ClockReset 1 b844b5d53cf02c32",
	"710901 FoldCutover 1 658994c4e5a93063",
	"711001 Quarantined 1 9f38f890a08b1f33",
	"711101 Exception 1 485afbbe9f502916",
	"711201 AliasBinding 1 c29331f8abd5ca64",
	"711301 Reemit 1 3be3d7a1c6fbac1b",
	"711401 Bound 1 6d0442c430034bea",
	"711501 Forwarded 1 71cdd79e09fc7521",
	"711102 Exception 2 9940e937c07ae9a6",
	"711601 Merge 1 5157745727d7f3b7",
	"711701 Split 1 3e70ef1666255ce4",
	"711801 Moved 1 2555041d3a02ddbc",
	"711901 Through 1 5a282fb981e18d3f",
	"712001 AliasIndex 1 022b6f6e1fb6b23b",
	"712101 Mute 1 621117ab1b949f42",
}

func load(t *testing.T) []Schema {
	t.Helper()
	list, err := Schemas()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestListedSchemasNeverChange(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range load(t) {
		sum := contractSum(t, s.Text)
		if sum != s.ContractSHA256 {
			t.Errorf("%s changed under id %d: its contract has digest %s, listed is %s; restore it and list a new version", s.File, s.ID, sum, s.ContractSHA256)
		}
		listed[fmt.Sprintf("%d %s %d %s", s.ID, s.Record, s.Version, sum[:16])] = true
	}
	for _, line := range frozen {
		if !listed[line] {
			t.Errorf("%q is frozen, but the manifest and files do not say so", line)
		}
	}
	if len(frozen) != len(listed) {
		t.Errorf("%d schemas are listed and %d frozen; freeze each new one in this test", len(listed), len(frozen))
	}
}

// contractSum is the hex SHA-256 of the schema as compact JSON with sorted keys
// and without docs.
func contractSum(t *testing.T, text []byte) string {
	t.Helper()
	raw, err := json.Marshal(withoutDocs(parse(t, text)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func withoutDocs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if k != "doc" {
				out[k] = withoutDocs(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutDocs(v[i])
		}
		return out
	default:
		return v
	}
}

func TestIdsAndVersions(t *testing.T) {
	records := map[uint32]string{}
	versions := map[string]int{}
	for _, s := range load(t) {
		if s.ID/10000 != 71 || int(s.ID%100) != s.Version {
			t.Errorf("id %d of %s version %d: want 71, two digits of the record, two of the version", s.ID, s.Record, s.Version)
		}
		if r, ok := records[s.ID/100]; ok && r != s.Record {
			t.Errorf("ids %dxx belong to %s and %s", s.ID/100, r, s.Record)
		}
		records[s.ID/100] = s.Record
		if versions[s.Record]++; versions[s.Record] != s.Version {
			t.Errorf("%s: version %d follows %d", s.Record, s.Version, versions[s.Record]-1)
		}
		if len(s.Topics) == 0 || s.Subjects()[0] != s.Topics[0]+"-"+Namespace+"."+s.Record {
			t.Errorf("schema %d: subjects %q", s.ID, s.Subjects())
		}
	}
}

func TestEveryFileIsListed(t *testing.T) {
	var have, want []string
	for _, s := range load(t) {
		have = append(have, s.File)
	}
	err := fs.WalkDir(files, "order", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			want = append(want, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("listed:\n%s\nfiles:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// review walks a schema and reports what a reviewer would.
type review struct {
	t     *testing.T
	file  string
	named map[string]any // by name and version of the file, without docs
}

func TestSchemasKeepTheHouseRules(t *testing.T) {
	named := map[string]any{}
	for _, s := range load(t) {
		if !s.Current {
			continue
		}
		r := review{t: t, file: s.File, named: named}
		top := parse(t, s.Text).(map[string]any)
		if top["namespace"] != Namespace || top["name"] != s.Record {
			t.Errorf("%s: is %v.%v", s.File, top["namespace"], top["name"])
		}
		delete(top, "namespace")
		r.visit(top)
	}
	if want := 13; len(slices.Collect(maps.Keys(named))) < want {
		t.Errorf("only %d named types were seen", len(named))
	}
}

func (r *review) visit(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	if name, ok := m["name"].(string); ok {
		if doc, _ := m["doc"].(string); doc == "" {
			r.t.Errorf("%s: %s has no doc", r.file, name)
		}
		plain := r.resolved(withoutDocs(m))
		if other, ok := r.named[name]; ok && !reflect.DeepEqual(other, plain) {
			r.t.Errorf("%s: %s differs from the type of that name in another file", r.file, name)
		}
		r.named[name] = plain
	}
	switch m["type"] {
	case "enum":
		symbols := m["symbols"].([]any)
		if m["default"] != "UNKNOWN" || !slices.Contains(symbols, any("UNKNOWN")) {
			r.t.Errorf("%s: enum %v needs the default UNKNOWN", r.file, m["name"])
		}
	case "array":
		r.visit(m["items"])
	case "record":
		for _, f := range m["fields"].([]any) {
			field := f.(map[string]any)
			if doc, _ := field["doc"].(string); doc == "" {
				r.t.Errorf("%s: field %v.%v has no doc", r.file, m["name"], field["name"])
			}
			r.visit(field["type"])
		}
	}
}

// resolved replaces nested definitions by their names: the same type is
// defined where a file mentions it first, and named after that.
func (r *review) resolved(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	fields, ok := m["fields"].([]any)
	if !ok {
		return v
	}
	for _, f := range fields {
		field := f.(map[string]any)
		field["type"] = nameOf(field["type"])
	}
	return m
}

func nameOf(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if name, ok := m["name"]; ok {
		return name
	}
	if items, ok := m["items"]; ok {
		return map[string]any{"array": nameOf(items)}
	}
	return v
}
