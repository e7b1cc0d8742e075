package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// sheet is a system that is read from files.
const sheet = `system: sheet
title: A sheet
role: storefront
precision: 1m
skew: 0s
feeds:
- name: rows
  documents: [order, note]
  settle: 1m
  proves:
  - {axis: order, object: order}
  files:
    columns:
      Nr: {name: id}
      When: {name: at, FORM}
      Sum: {name: sum, decimal: "DECIMAL"}
documents:
- name: order
  kind: order
  shape: it.id != null
  ours: it.foreign == null
  order: it.id
  native_id: it.id
  object: {type: order, id: it.id}
  claims:
  - {axis: order, mode: dated, native: "'new'", stamp: it.at}
- name: note
  kind: notification
  shape: has(it.note) && it.note != null
  order: it.id
  native_id: it.note
  object: {type: note, id: it.note}
  claims:
  - {axis: notification, mode: dated, native: "'sent'", stamp: it.at}
words:
- {axis: order, words: [new]}
- {axis: notification, words: [sent]}
`

func sheetOf(form, decimal string) string {
	return strings.NewReplacer("FORM", form, "DECIMAL", decimal).Replace(sheet)
}

// TestColumnsAreRead: instants in every declared form and zone, numbers with
// either comma; what is written otherwise is refused without quoting it.
func TestColumnsAreRead(t *testing.T) {
	months := "months: [Januar, Februar, März, April, Mai, Juni, Juli, August, September, Oktober, November, Dezember]"
	for _, c := range []struct{ form, text, want string }{
		{`instant: "DD.MM.YYYY HH:mm", zone: Europe/Berlin`, "04.03.2024 09:15", "2024-03-04T09:15:00+01:00"},
		{`instant: "DD.MM.YYYY HH:mm", zone: Europe/Berlin`, "04.07.2024 09:15", "2024-07-04T09:15:00+02:00"},
		{`instant: "DD.MM.YYYY HH:mm"`, "04.07.2024 09:15", "2024-07-04T09:15:00-11:00"},
		{`instant: "YYYY-MM-DD HH:mm:ss", zone: America/Sao_Paulo`, "2017-10-02 10:56:33", "2017-10-02T10:56:33-03:00"},
		{`instant: "YYYY-MM-DD HH:mm:ss.SSS", zone: UTC`, "2017-10-02 10:56:33.25", "2017-10-02T10:56:33.25Z"},
		{`instant: "M/D/YY h:mm A", zone: America/New_York`, "3/4/24 9:05 PM", "2024-03-04T21:05:00-05:00"},
		{`instant: "YYYYMMDDTHHmmssZZ"`, "20240304T091500+0100", "2024-03-04T09:15:00+01:00"},
		{`instant: "D. MMMM YYYY [um] HH:mm", zone: Europe/Vienna, ` + months, "4. März 2024 um 09:15", "2024-03-04T09:15:00+01:00"},
		{`instant: "D MMM YYYY", zone: UTC`, "4 Mar 2024", "2024-03-04T00:00:00Z"},
		{`instant: [iso, unix, "DD.MM.YYYY"], zone: UTC`, "1709543700", "2024-03-04T09:15:00Z"},
		{`instant: [iso, unix, "DD.MM.YYYY"], zone: UTC`, "04.03.2024", "2024-03-04T00:00:00Z"},
		{`instant: [iso, unix_ms]`, "2024-03-04T09:15:00+01:00", "2024-03-04T09:15:00+01:00"},
		{`instant: unix_ms, zone: UTC`, "1709543700250", "2024-03-04T09:15:00.25Z"},
		{`instant: "DD.MM.YYYY"`, "31.02.2024", ""},
		{`instant: "DD.MM.YYYY"`, "2024-02-01", ""},
		{`instant: "DD.MM.YYYY"`, "01.02.2024 ", ""},
		{`instant: unix`, "-5", ""},
		{`decimal: ","`, "1.234,50", "1234.50"},
		{`decimal: ","`, "-1 234 567,5", "-1234567.5"},
		{`decimal: ","`, "19", "19"},
		{`decimal: "."`, "1,234.50", "1234.50"},
		{`decimal: "."`, "+7.25", "7.25"},
		{`decimal: ","`, "1.5", ""},
		{`decimal: ","`, "1,234.50", ""},
		{`decimal: "."`, "12.", ""},
		{`decimal: "."`, "1'23.5", ""},
		{`decimal: "."`, "€ 5", ""},
		{`decimal: "."`, "", ""},
		{`optional: true`, "as it is", "as it is"},
	} {
		s, err := catalog.Parse("sheet.yaml", []byte(sheetOf(c.form, ",")))
		if err != nil {
			t.Errorf("%s: %v", c.form, err)
			continue
		}
		samoa, err := time.LoadLocation("Pacific/Pago_Pago")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.FilesFeed().Files.Columns["When"].Read(c.text, samoa)
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: %q was read as %s", c.form, c.text, got)
		case c.want == "" && len(c.text) > 4 && strings.Contains(err.Error(), c.text):
			t.Errorf("%s: %v quotes the text", c.form, err)
		case c.want != "" && got != c.want:
			t.Errorf("%s: %q was read as %s %v, want %s", c.form, c.text, got, err, c.want)
		}
	}
}

// TestWrongFilesAreRefused: each with what is meant instead.
func TestWrongFilesAreRefused(t *testing.T) {
	right := sheetOf(`instant: iso`, ",")
	if _, err := catalog.Parse("sheet.yaml", []byte(right)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"instant: iso", `instant: "TT.MM.JJJJ"`, `is no part of an instant`},
		{"instant: iso", `instant: "HH:mm"`, "names no year or no day"},
		{"instant: iso", `instant: ""`, "the form is empty"},
		{"instant: iso", `instant: iso, zone: Europe/Bonn`, "is no IANA time zone"},
		{"instant: iso", `zone: Europe/Berlin`, "zone and months belong to it"},
		{"instant: iso", `instant: "D MMM YYYY", months: [a, b]`, "want twelve names"},
		{"instant: iso", `instant: iso, decimal: ","`, "not both"},
		{"instant: iso", `instnat: iso`, `"instant"`},
		{"name: sum", "name: at", "are both called at"},
		{`decimal: ","`, `decimal: ";"`, `want "," or "."`},
		{"  files:\n", "  files:\n    format: xml\n", "is none of csv, jsonl, json"},
		{"  files:\n", "  files:\n    delimiter: \"::\"\n", "want one character"},
		{"  files:\n", "  files:\n    encoding: ebcdic\n", "is no encoding"},
		{"  files:\n", "  files:\n    skip: -1\n", "want 0 to 1000"},
		{"  files:\n", "  webhook: {verify: {scheme: bearer}}\n  files:\n", "exactly one of them"},
		{"  native_id: it.id\n", "", "it needs a version: or a native_id:"},
		{"documents:\n", "- name: more\n  documents: [order]\n  files: {}\ndocuments:\n", "a system has one such feed"},
	} {
		_, err := catalog.Parse("sheet.yaml", []byte(strings.Replace(right, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "sheet.yaml:") {
			t.Errorf("%q: %v, want %q", c.to, err, c.want)
		}
	}
}

// TestARowGivesAnEventForEachOfItsDocuments, or none at all.
func TestARowGivesAnEventForEachOfItsDocuments(t *testing.T) {
	s, err := catalog.Parse("sheet.yaml", []byte(sheetOf("instant: iso", ",")))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: &connector.Source{Name: "old", System: "sheet", Origin: true}})
	if err != nil {
		t.Fatal(err)
	}
	rows := func(row map[string]any) string {
		if _, there := row["foreign"]; !there {
			row["foreign"] = nil
		}
		var out []string
		for _, r := range m.Rows(catalog.Input{Feed: s.FilesFeed(), ReceivedAt: receivedAt, Place: "a.csv:7"}, row) {
			switch {
			case r.Event != nil:
				out = append(out, string(r.Event.Order)+" "+r.Event.Object.Type)
			case r.Quarantined != nil:
				out = append(out, r.Quarantined.Reason+" "+r.Quarantined.Detail[:8])
			default:
				out = append(out, fmt.Sprint("foreign ", r.Foreign))
			}
		}
		return strings.Join(out, ", ")
	}
	at := "2024-03-04T09:15:00+01:00"
	for _, c := range []struct {
		row  map[string]any
		want string
	}{
		{map[string]any{"id": "1", "at": at, "note": nil}, "old~1 order"},
		{map[string]any{"id": "1", "at": at, "note": "n-1"}, "old~1 order, old~1 note"},
		{map[string]any{"id": "1", "at": at, "note": strings.Repeat("x", 300)}, "unmappable a.csv:7:"},
		{map[string]any{"id": "1", "at": at, "note": nil, "foreign": "yes"}, "foreign true"},
		{map[string]any{"id": nil, "at": at, "note": nil}, "unrecognised a.csv:7:"},
	} {
		if got := rows(c.row); got != c.want {
			t.Errorf("%v gives %q, want %q", c.row, got, c.want)
		}
	}
	if s.SourceSpec(&connector.Source{Name: "old", System: "sheet", Origin: true}).Feeds[0].ExpectedEvery < 1<<40 {
		t.Error("history that ended counts as silent")
	}
}
