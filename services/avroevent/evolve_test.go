package avroevent

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	twmb "github.com/twmb/avro"

	"github.com/orderledger/orderledger/ledger"
	contract "github.com/orderledger/orderledger/proto/avro"
)

func schemas(t testing.TB) []contract.Schema {
	t.Helper()
	list, err := contract.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAllVersionsReadEachOther: transitively, both ways.
func TestAllVersionsReadEachOther(t *testing.T) {
	list := schemas(t)
	for i := range list {
		for j := range list {
			if list[i].Record != list[j].Record {
				continue
			}
			if err := compatible(list[i].Text, list[j].Text); err != nil {
				t.Errorf("%s cannot be read as %s: %v", list[i].File, list[j].File, err)
			}
		}
	}
}

func compatible(writer, reader []byte) error {
	w, err := twmb.Parse(string(writer))
	if err != nil {
		return err
	}
	r, err := twmb.Parse(string(reader))
	if err != nil {
		return err
	}
	return twmb.CheckCompatibility(w, r)
}

// variant is the current schema of a record with text exchanged, under a
// number that is not current.
func variant(t testing.TB, record, old, now string) ([]contract.Schema, *contract.Schema) {
	t.Helper()
	list := schemas(t)
	for _, s := range list {
		if s.Record != record || !s.Current {
			continue
		}
		if !bytes.Contains(s.Text, []byte(old)) {
			t.Fatalf("%s does not contain %s", s.File, old)
		}
		s.Text = bytes.Replace(s.Text, []byte(old), []byte(now), 1)
		s.ID, s.Version, s.Current = s.ID+50, s.Version+50, false
		list = append(list, s)
		return list, &list[len(list)-1]
	}
	t.Fatalf("no schema of %s", record)
	return nil, nil
}

// through writes want by the variant, after change, and reads it back.
func through(t *testing.T, list []contract.Schema, by *contract.Schema, want any, change func(map[string]any)) any {
	t.Helper()
	c, err := newCodec(list, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := generic(reflect.ValueOf(want).Elem()).(map[string]any)
	change(m)
	s, err := twmb.Parse(string(by.Text))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := s.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return decodeAny(t, c.NewDecoder(), want, append(header(by.ID), payload...))
}

const nativeIDField = `{"name": "native_id", "type": "string", "doc": "The source's own event id, where it has no versions.", "default": ""},`

func TestANewerWriterAddsAField(t *testing.T) {
	added := nativeIDField + `
    {"name": "priority", "type": "string", "doc": "New.", "default": "normal"},
    {"name": "marks", "type": {"type": "array", "items": {"type": "record", "name": "Mark", "doc": "New.", "fields": [{"name": "at", "type": "long", "doc": "New.", "default": 0}]}}, "doc": "New.", "default": []},`
	list, by := variant(t, "OrderEvent", nativeIDField, added)
	for _, s := range schemas(t) {
		if s.Record == "OrderEvent" {
			if err := compatible(s.Text, by.Text); err != nil {
				t.Errorf("the newer reader cannot read the older record: %v", err)
			}
			if err := compatible(by.Text, s.Text); err != nil {
				t.Errorf("the older reader cannot read the newer record: %v", err)
			}
		}
	}
	e := typicalEvent()
	got := through(t, list, by, e, func(m map[string]any) {
		m["priority"] = "high"
		m["marks"] = []any{map[string]any{"at": int64(1)}, map[string]any{"at": int64(2)}}
	})
	if !reflect.DeepEqual(got, e) {
		t.Errorf("came back as\n%+v", got)
	}
}

func TestAnOlderWriterLacksAField(t *testing.T) {
	list, by := variant(t, "OrderEvent", nativeIDField, "")
	e := typicalEvent()
	e.NativeID = ""
	got := through(t, list, by, e, func(m map[string]any) { delete(m, "native_id") })
	if !reflect.DeepEqual(got, e) {
		t.Errorf("came back as\n%+v", got)
	}
}

func TestANewerWriterAddsAnEnum(t *testing.T) {
	const old = `{"name": "count", "type": "long", "doc": "How many occurrences it stands for.", "default": 0}`
	const now = `{"name": "count", "type": "long", "doc": "How many occurrences it stands for.", "default": 0},
    {"name": "later", "type": {"type": "enum", "name": "Later", "doc": "New.", "symbols": ["UNKNOWN", "SOON"], "default": "UNKNOWN"}, "doc": "New.", "default": "SOON"}`
	list, by := variant(t, "Exception", old, now)
	s := newSampler(11)
	s.full = true
	x := s.fill(new(ExceptionRecord)).(*ExceptionRecord)
	if got := through(t, list, by, x, func(m map[string]any) { m["later"] = "SOON" }); !reflect.DeepEqual(got, x) {
		t.Errorf("came back as\n%+v", got)
	}
}

// TestANewSymbolIsUnknownToOldReaders: in the middle of the list, too, where
// numbers no longer agree.
func TestANewSymbolIsUnknownToOldReaders(t *testing.T) {
	list, by := variant(t, "OperatorAction", `"ACKNOWLEDGE", "ASSIGN"`, `"ACKNOWLEDGE", "ESCALATE", "ASSIGN"`)
	a := newSampler(12).fill(new(ledger.OperatorAction)).(*ledger.OperatorAction)
	a.Kind = ledger.ActionUnknown
	got := through(t, list, by, a, func(m map[string]any) { m["kind"] = "ESCALATE" })
	if !reflect.DeepEqual(got, a) {
		t.Errorf("ESCALATE came back as\n%+v", got)
	}
	a.Kind = ledger.ActionAssign
	got = through(t, list, by, a, func(map[string]any) {})
	if !reflect.DeepEqual(got, a) {
		t.Errorf("ASSIGN came back as\n%+v", got)
	}
}

func TestNestedRecordsEvolve(t *testing.T) {
	const old = `{"name": "opened_by", "type": "string", "doc": "Instance that opened it.", "default": ""}`
	list, by := variant(t, "Tick", old, old+`, {"name": "why", "type": "bytes", "doc": "New.", "default": ""}`)
	by.Text = bytes.Replace(by.Text, []byte(`"default": {"number": 0, "opened_by": ""}`), []byte(`"default": {"number": 0, "opened_by": "", "why": ""}`), 1)
	s := newSampler(13)
	s.full = true
	tick := s.fill(new(ledger.Tick)).(*ledger.Tick)
	got := through(t, list, by, tick, func(m map[string]any) {
		for _, f := range m["feeds"].([]any) {
			f.(map[string]any)["epoch"].(map[string]any)["why"] = []byte("because")
		}
	})
	if !reflect.DeepEqual(got, tick) {
		t.Errorf("came back as\n%+v", got)
	}
}

// TestDamagedRecordsOfOtherVersions: the fields this reader skips are checked,
// too, and the library is not handed a length that lies.
func TestDamagedRecordsOfOtherVersions(t *testing.T) {
	const field = `{"name": "reason", "type": "string", "doc": "Why.", "default": ""}`
	list, by := variant(t, "ClockReset", field, field+`,
    {"name": "notes", "type": {"type": "array", "items": "string"}, "doc": "New.", "default": []},
    {"name": "word", "type": "string", "doc": "New.", "default": ""},
    {"name": "choice", "type": {"type": "enum", "name": "Choice", "doc": "New.", "symbols": ["UNKNOWN", "YES"], "default": "UNKNOWN"}, "doc": "New.", "default": "UNKNOWN"}`)
	c, err := newCodec(list, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := c.NewDecoder()
	known := append(header(by.ID), 10, 0, 0) // wall 5, no operators, no reason
	whole := append(bytes.Clone(known), 2, 2, 'x', 0, 2, 'y', 2)
	if got := reasonOf(d, whole, nil); got != "" {
		t.Fatalf("whole: reason %q", got)
	}
	for n := headerLen; n < len(whole); n++ {
		if got := reasonOf(d, whole[:n], nil); got != ReasonMalformed {
			t.Errorf("cut to %d: reason %q", n, got)
		}
	}
	many := append(binary.AppendVarint(bytes.Clone(known), maxElements+1), make([]byte, maxElements+1)...)
	for name, tc := range map[string]struct {
		value  []byte
		reason string
	}{
		"one byte more":             {append(bytes.Clone(whole), 0), ReasonTrailing},
		"elements without end":      {append(bytes.Clone(known), 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), ReasonMalformed},
		"a block with a size":       {append(bytes.Clone(known), 1, 4, 2, 'x', 0, 0, 0), ReasonMalformed},
		"one element too many":      {append(many, 0, 0, 0), ReasonMalformed},
		"a negative length":         {append(bytes.Clone(known), 0, 1, 0), ReasonMalformed},
		"a number without a symbol": {append(bytes.Clone(known), 0, 0, 4), ReasonMalformed},
	} {
		if got := reasonOf(d, tc.value, nil); got != tc.reason {
			t.Errorf("%s: reason %q, want %q", name, got, tc.reason)
		}
	}
}

func TestNewRefusesBadManifests(t *testing.T) {
	list := schemas(t)
	if _, err := newCodec(list[1:], nil); err == nil || !strings.Contains(err.Error(), "OrderEvent") {
		t.Errorf("a record is missing: %v", err)
	}
	bad, _ := variant(t, "Looked", `"found", "type": "boolean"`, `"found", "type": "string"`)
	if _, err := newCodec(bad, nil); err == nil {
		t.Error("an incompatible version was accepted")
	}
	bad, by := variant(t, "Looked", "Looked", "Looked")
	by.Record = "Stranger"
	if _, err := newCodec(bad, nil); err == nil {
		t.Error("a record that is not ours was accepted")
	}
}
