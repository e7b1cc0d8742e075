package avroevent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	hamba "github.com/hamba/avro/v2"
	twmb "github.com/twmb/avro"

	"github.com/orderledger/orderledger/ledger"
	contract "github.com/orderledger/orderledger/proto/avro"
)

// symbols names the symbol of every ledger number, by the ledger's own words.
func symbols(v reflect.Value) (string, bool) {
	if _, ok := limits[v.Type()]; !ok {
		return "", false
	}
	lists := map[reflect.Type][]string{
		reflect.TypeFor[ledger.Scheme]():      {"NONE", "SEQUENCE", "TIMESTAMP"},
		reflect.TypeFor[ledger.Mode]():        {"UNKNOWN", "DATED", "CURRENT", "CREATED"},
		reflect.TypeFor[ledger.SubjectKind](): {"UNKNOWN", "ORDER", "FEED", "ALIAS", "WORD", "MERGED"},
	}
	if names, ok := lists[v.Type()]; ok {
		return names[v.Uint()], true
	}
	name := strings.ToUpper(strings.ReplaceAll(v.Interface().(fmt.Stringer).String(), "-", "_"))
	if name == "NONE" || name == "" {
		name = "UNKNOWN"
	}
	return name, true
}

var camel = regexp.MustCompile(`([a-z0-9])([A-Z])`)

func snake(name string) string {
	return strings.ToLower(camel.ReplaceAllString(name, "${1}_$2"))
}

// generic is v as maps, lists and words, made by reflection alone: field names
// and types decide, not the order in which the codec writes.
func generic(v reflect.Value) any {
	if name, ok := symbols(v); ok {
		return name
	}
	switch x := v.Interface().(type) {
	case ledger.Instant:
		return x.Time()
	case []byte:
		return slices.Concat([]byte{}, x)
	case ledger.Version:
		scheme, _ := symbols(reflect.ValueOf(x.Scheme))
		return map[string]any{"scheme": scheme, "part1": x.Parts[0], "part2": x.Parts[1], "part3": x.Parts[2]}
	case ExceptionRecord:
		m := generic(reflect.ValueOf(x.Exception)).(map[string]any)
		m["opened_offset"] = m["offset"]
		outer := generic(reflect.ValueOf(x.ExceptionRow)).(map[string]any)
		for _, k := range []string{"offset", "seq", "change", "recorded_at"} {
			m[k] = outer[k]
		}
		m["partition"] = x.Partition
		return m
	}
	return genericKind(v)
}

func genericKind(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			m[snake(v.Type().Field(i).Name)] = generic(v.Field(i))
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = generic(v.Index(i))
		}
		return list
	case reflect.Array:
		if v.Len() == 16 {
			return v.Convert(reflect.TypeFor[[16]byte]()).Interface()
		}
		return v.Convert(reflect.TypeFor[[32]byte]()).Interface()
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int64:
		return v.Int()
	case reflect.Int32:
		return int32(v.Int())
	case reflect.Uint8:
		return int32(v.Uint())
	default:
		return int64(v.Uint())
	}
}

// plain makes what the two libraries return comparable.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case time.Time:
		return v.UnixMicro()
	case []byte:
		return "bytes " + hex.EncodeToString(v)
	case [16]byte:
		return "bytes " + hex.EncodeToString(v[:])
	case [32]byte:
		return "bytes " + hex.EncodeToString(v[:])
	case int32:
		return int64(v)
	case int:
		return int64(v)
	default:
		return v
	}
}

// library is one record's schema in both libraries.
type library struct {
	twmb  *twmb.Schema
	hamba hamba.Schema
}

func libraries(t testing.TB) map[uint32]library {
	t.Helper()
	list, err := contract.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint32]library{}
	for _, s := range list {
		var l library
		if l.twmb, err = twmb.Parse(string(s.Text)); err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		if l.hamba, err = parse(s.Text); err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		out[s.ID] = l
	}
	return out
}

var oneBlock = hamba.Config{BlockLength: math.MaxInt32, DisableBlockSizeHeader: true}.Freeze()

func compare(t *testing.T, c *Codec, l library, v any) {
	t.Helper()
	value, err := c.Encode(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	want := generic(reflect.ValueOf(v).Elem())
	byTwmb, err := l.twmb.Encode(want)
	if err != nil {
		t.Fatalf("%T: twmb: %v", v, err)
	}
	byHamba, err := oneBlock.Marshal(l.hamba, want)
	if err != nil {
		t.Fatalf("%T: hamba: %v", v, err)
	}
	if !bytes.Equal(value[headerLen:], byTwmb) || !bytes.Equal(byHamba, byTwmb) {
		t.Fatalf("%T is written as\n%x, by the libraries as\n%x and\n%x", v, value[headerLen:], byTwmb, byHamba)
	}
	var readTwmb any
	rest, err := l.twmb.Decode(byTwmb, &readTwmb)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%T: twmb leaves %d bytes: %v", v, len(rest), err)
	}
	var readHamba map[string]any
	if err := oneBlock.Unmarshal(l.hamba, byTwmb, &readHamba); err != nil {
		t.Fatalf("%T: hamba: %v", v, err)
	}
	if !reflect.DeepEqual(plain(readTwmb), plain(want)) || !reflect.DeepEqual(plain(readHamba), plain(want)) {
		t.Fatalf("%T is read as\n%v and\n%v, want\n%v", v, plain(readTwmb), plain(readHamba), plain(want))
	}
}

func TestTwoLibrariesAgreeOnEveryByte(t *testing.T) {
	c := testCodec(t)
	libs := libraries(t)
	for seed := range uint64(200) {
		s := newSampler(1000 + seed)
		s.full = seed%4 == 0
		for _, v := range empties() {
			id, _ := c.SchemaID(s.fill(v))
			compare(t, c, libs[id], v)
		}
	}
	id, _ := c.SchemaID(typicalEvent())
	compare(t, c, libs[id], typicalEvent())
}

// TestLongListsAreOneBlock: more elements than either library's default block.
func TestLongListsAreOneBlock(t *testing.T) {
	c := testCodec(t)
	e := typicalEvent()
	for i := range 1000 {
		e.Lines[0].Lines = append(e.Lines[0].Lines, ledger.Line{ID: fmt.Sprint(i), SKU: "S", Quantity: int64(i)})
	}
	e.ID = e.ComputeID()
	id, _ := c.SchemaID(e)
	compare(t, c, libraries(t)[id], e)
	value, err := c.Encode(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	if got := decodeAny(t, c.NewDecoder(), e, value); !reflect.DeepEqual(got, e) {
		t.Fatal("a long list came back otherwise")
	}
}

// TestCanonicalFormsAreTheListedOnes uses twmb alone: hamba's canonical form
// keeps logical types, which the specification strips.
func TestCanonicalFormsAreTheListedOnes(t *testing.T) {
	list, err := contract.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	libs := libraries(t)
	for _, s := range list {
		sum := sha256.Sum256(libs[s.ID].twmb.Canonical())
		if got := hex.EncodeToString(sum[:]); got != s.CanonicalSHA256 {
			t.Errorf("%s: the canonical form has digest %s, listed is %s", s.File, got, s.CanonicalSHA256)
		}
	}
}

// TestSymbolsAreTheLedgersNumbers walks every enum of the current schemas.
func TestSymbolsAreTheLedgersNumbers(t *testing.T) {
	counts := map[string]int{
		"Axis": axes, "Kind": kinds, "Direction": directions, "Scheme": schemes, "Mode": modes,
		"LineKind": lineKinds, "AmountKind": amountKinds, "ActionKind": actionKinds,
		"SubjectKind": subjectKinds, "Severity": severities, "Basis": bases, "Because": becauses, "Change": changes,
	}
	seen := map[string]bool{}
	var visit func(s hamba.Schema)
	visit = func(s hamba.Schema) {
		switch s := s.(type) {
		case *hamba.RecordSchema:
			for _, f := range s.Fields() {
				visit(f.Type())
			}
		case *hamba.ArraySchema:
			visit(s.Items())
		case *hamba.EnumSchema:
			seen[s.Name()] = true
			if len(s.Symbols()) != counts[s.Name()] {
				t.Errorf("%s has %d symbols, the codec knows %d", s.Name(), len(s.Symbols()), counts[s.Name()])
			}
			checkSymbols(t, s)
		}
	}
	list, err := contract.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	libs := libraries(t)
	for _, s := range list {
		if s.Current {
			visit(libs[s.ID].hamba)
		}
	}
	if len(seen) != len(counts) {
		t.Errorf("%d enums in the schemas, %d in the codec", len(seen), len(counts))
	}
}

func checkSymbols(t *testing.T, s *hamba.EnumSchema) {
	t.Helper()
	for typ := range limits {
		name := typ.Name()
		if name == "FactKind" {
			name = "Change"
		}
		if name != s.Name() {
			continue
		}
		for i, symbol := range s.Symbols() {
			if symbol == "UNKNOWN" {
				continue
			}
			v := reflect.New(typ).Elem()
			v.SetUint(uint64(i))
			if got, _ := symbols(v); got != symbol {
				t.Errorf("%s: number %d is %s to the ledger and %s to the schema", s.Name(), i, got, symbol)
			}
		}
	}
}
