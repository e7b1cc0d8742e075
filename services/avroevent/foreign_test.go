package avroevent

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"testing"
	"time"

	twmb "github.com/twmb/avro"
)

// foreignOrder is a record with everything that people put into theirs.
const foreignOrder = `{"type":"record","name":"shop.Order","fields":[
	{"name":"id","type":"long"},{"name":"note","type":["null","string"]},
	{"name":"state","type":{"type":"enum","name":"shop.State","symbols":["NEW","SENT"]}},
	{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"exact","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"local","type":{"type":"long","logicalType":"local-timestamp-millis"}},
	{"name":"day","type":{"type":"int","logicalType":"date"}},
	{"name":"ratio","type":"double"},{"name":"paid","type":"boolean"},
	{"name":"lines","type":{"type":"array","items":{"type":"record","name":"shop.Line","fields":[{"name":"sku","type":"string"},{"name":"next","type":["null","shop.Line"]}]}}},
	{"name":"tags","type":{"type":"map","values":"int"}},
	{"name":"raw","type":{"type":"fixed","name":"shop.Mark","size":2}},
	{"name":"was","type":"shop.State"}]}`

// written is a value of a schema, by the other library.
func written(t *testing.T, schema string, v any) []byte {
	t.Helper()
	s, err := twmb.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleForeign(t *testing.T) []byte {
	t.Helper()
	return written(t, foreignOrder, map[string]any{
		"id": int64(9007199254740993), "note": nil, "state": "SENT", "total": big.NewRat(-123450, 100),
		"at": time.UnixMilli(1767225600123), "exact": time.UnixMicro(1767225600123456), "local": time.UnixMilli(1767225600000).UTC(),
		"day": time.Unix(1767225600, 0).UTC(), "ratio": 0.1, "paid": true,
		"lines": []any{map[string]any{"sku": "a\"b", "next": map[string]any{"sku": "c", "next": nil}}},
		"tags":  map[string]any{"x": int32(-1)}, "raw": []byte{1, 0xff}, "was": "NEW",
	})
}

func TestForeignAvroBecomesJSON(t *testing.T) {
	f, err := ParseForeign(foreignOrder, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.JSON(sampleForeign(t))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":9007199254740993,"note":null,"state":"SENT","total":-1234.50,"at":"2026-01-01T00:00:00.123Z",` +
		`"exact":"2026-01-01T00:00:00.123456Z","local":"2026-01-01T00:00:00","day":"2026-01-01","ratio":0.1,"paid":true,` +
		`"lines":[{"sku":"a\"b","next":{"sku":"c","next":null}}],"tags":{"x":-1},"raw":"Af8=","was":"NEW"}`
	if string(got) != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

// TestForeignAvroIsBounded: whatever the bytes are, reading ends, within bounds,
// in valid JSON or a refusal.
func TestForeignAvroIsBounded(t *testing.T) {
	f, err := ParseForeign(foreignOrder, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := sampleForeign(t)
	for cut := range good {
		if _, err := f.JSON(good[:cut]); !errors.Is(err, ErrForeign) {
			t.Errorf("the first %d bytes: %v", cut, err)
		}
		for _, x := range []byte{0x00, 0x01, 0x7f, 0x80, 0xff} {
			b := bytes.Clone(good)
			b[cut] = x
			if out, err := f.JSON(b); err == nil && !json.Valid(out) {
				t.Errorf("byte %d as %x: %s", cut, x, out)
			}
		}
	}
	if _, err := f.JSON(append(bytes.Clone(good), 0)); !errors.Is(err, ErrForeign) {
		t.Errorf("followed by a byte: %v", err)
	}
	for name, schema := range map[string]string{
		"a billion nulls":   `{"type":"array","items":"null"}`,
		"endless recursion": `{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}`,
	} {
		f, err := ParseForeign(schema, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.JSON([]byte{0x80, 0xa8, 0xd6, 0xb9, 0x07, 0}); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestForeignSchemasDrawInOthers: named types of other subjects.
func TestForeignSchemasDrawInOthers(t *testing.T) {
	line := `{"type":"record","name":"shop.Line","fields":[{"name":"sku","type":"string"}]}`
	outer := `{"type":"record","name":"shop.Order","fields":[{"name":"line","type":"shop.Line"}]}`
	f, err := ParseForeign(outer, []string{line})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.JSON([]byte{2, 'x'}); err != nil || string(got) != `{"line":{"sku":"x"}}` {
		t.Errorf("%s %v", got, err)
	}
	if _, err := ParseForeign(outer, nil); err == nil {
		t.Error("a type that nobody defines is taken")
	}
}
