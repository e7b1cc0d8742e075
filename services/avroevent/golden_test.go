package avroevent

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	contract "github.com/orderledger/orderledger/proto/avro"
)

// golden is a frozen value: what was written once must be read for ever.
type golden struct {
	Key    string          `json:"key"` // hex
	Hex    string          `json:"hex"`
	Record json.RawMessage `json:"record"`
}

// TestFrozenValues reads one value per schema as it was first written.
// With AVROEVENT_FREEZE=1 in the environment it writes the files that are
// missing; it never rewrites one.
func TestFrozenValues(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	for _, s := range frozenSchemas(t) {
		v := reflect.New(reflect.TypeOf(s.of).Elem()).Interface()
		file := filepath.Join("testdata", "golden", fmt.Sprintf("%s.%d.json", snake(s.Record), s.Version))
		if _, err := os.Stat(file); os.IsNotExist(err) && os.Getenv("AVROEVENT_FREEZE") == "1" {
			freeze(t, c, file, v)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v; freeze one with AVROEVENT_FREEZE=1", err)
			continue
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(g.Record, v); err != nil {
			t.Fatal(err)
		}
		value, err := hex.DecodeString(g.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if key := hex.EncodeToString(keyOf(v)); key != g.Key {
			t.Errorf("%s: the key is %s now", file, key)
		}
		if got := decodeAny(t, d, v, value); !reflect.DeepEqual(got, v) {
			t.Errorf("%s is read as\n%+v\nwant\n%+v", file, got, v)
		}
		id, _ := c.SchemaID(v)
		if again := mustEncode(t, c, v); bytes.HasPrefix(value, header(id)) && !bytes.Equal(again, value) {
			t.Errorf("%s: written today it is\n%x", file, again)
		}
	}
}

// frozenSchema is a listed schema with an empty value of its record.
type frozenSchema struct {
	contract.Schema
	of any
}

func frozenSchemas(t *testing.T) []frozenSchema {
	t.Helper()
	list, err := contract.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	var out []frozenSchema
	for _, s := range list {
		for _, v := range empties() {
			if n, _ := shapeOf(v); shapeNames[n] == s.Record {
				out = append(out, frozenSchema{s, v})
			}
		}
	}
	return out
}

func freeze(t *testing.T, c *Codec, file string, v any) {
	t.Helper()
	s := newSampler(2026)
	s.full = true
	s.fill(v)
	record, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{Key: hex.EncodeToString(keyOf(v)), Hex: hex.EncodeToString(mustEncode(t, c, v)), Record: record}
	raw, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	reflect.ValueOf(v).Elem().SetZero()
}

// frozenValues are the golden values and their keys.
func frozenValues(t testing.TB) (values, keys [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	if err != nil || len(files) < int(shapes) {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		value, err := hex.DecodeString(strings.TrimSpace(g.Hex))
		if err != nil {
			t.Fatal(err)
		}
		key, err := hex.DecodeString(g.Key)
		if err != nil {
			t.Fatal(err)
		}
		values, keys = append(values, value), append(keys, key)
	}
	return values, keys
}
