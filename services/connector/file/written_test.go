package file_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/file"
)

// pastWorld is a world of the README's shop; edits change its catalog entry, each
// a text and what stands in its place.
func pastWorld(t testing.TB, edits ...string) *world {
	t.Helper()
	r := readReadme(t)
	text := strings.NewReplacer(edits...).Replace(r.system)
	system, err := catalog.Parse("pastorders.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, system, sourceOf(t, r.imported))
}

// undeclared lets delimiter and encoding be found out.
var undeclared = []string{`delimiter: ";" `, `nothing: ["-"] `, "encoding: utf-8 ", "skip: 0 ", `nothing: ["-"]`, `header: []`}

const header = "Bestellnr;Name;E-Mail;Bestellt am;Freigegeben am;Versendet am;Geliefert am;Storniert am;Status;Sendung;Betrag\n"

// table are rows with everything that quotation marks and letters may do.
func table() [][]string {
	head := strings.Split(strings.TrimSpace(header), ";")
	return [][]string{
		head,
		{"1", "Müller; Söhne", "a@example.org", "04.03.2024 09:15", "", "", "", "", "Offen", "", "1.234,50"},
		{"2", "two\nlines, and a \"mark\"", "b@example.org", "04.03.2024 10:15", "04.03.2024 11:15", "05.03.2024 09:00", "", "", "Unterwegs", "JD,|2", "0,99"},
		{"3", "Ænima\tß", "c@example.org", "05.03.2024 10:15", "", "", "", "06.03.2024 08:00", "Storniert", "", "15,00"},
	}
}

// written writes the table as CSV.
func written(t testing.TB, delimiter rune, crlf bool) string {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = delimiter, crlf
	if err := w.WriteAll(table()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// objects writes the table as JSON, one object after the other.
func objects(t testing.TB, between string) string {
	t.Helper()
	var list []string
	rows := table()
	for _, row := range rows[1:] {
		o := map[string]any{}
		for i, name := range rows[0] {
			if row[i] != "" {
				o[name] = row[i]
			} else {
				o[name] = nil
			}
		}
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw))
	}
	return strings.Join(list, between)
}

func packedGzip(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts { // members one after the other, as appending gives them
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func packedZstd(t testing.TB, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

func encoded(t testing.TB, text string, enc interface{ String(string) (string, error) }) string {
	t.Helper()
	out, err := enc.String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryWayOfWritingGivesTheSameEvents: marks, line ends, delimiters,
// encodings, formats and packing do not change what rows say.
func TestEveryWayOfWritingGivesTheSameEvents(t *testing.T) {
	plain := written(t, ';', false)
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder()
	spread := strings.NewReplacer("{", "{\n  ", `,"`, ",\n  \"", "}", "\n}").Replace(objects(t, ",\n"))
	var want []string
	for _, c := range []struct{ name, file, text string }{
		{"plain", "a.csv", plain},
		{"byte order mark", "a.csv", "\ufeff" + plain},
		{"CRLF", "a.csv", written(t, ';', true)},
		{"comma", "a.csv", written(t, ',', false)},
		{"comma and CRLF", "a.csv", written(t, ',', true)},
		{"tab", "a.tsv", written(t, '\t', true)},
		{"bar", "a.txt", written(t, '|', false)},
		{"no last line end", "a.csv", strings.TrimRight(plain, "\n")},
		{"blank lines", "a.csv", strings.Replace(plain, "\n3;", "\n\n;;;;;;;;;;\n3;", 1)},
		{"empty columns at the end", "a.csv", strings.Replace(plain, "15,00\n", "15,00;;\n", 1)},
		{"windows-1252", "a.csv", encoded(t, plain, charmap.Windows1252.NewEncoder())},
		{"UTF-16", "a.csv", encoded(t, plain, utf16)},
		{"gzip", "a.csv.gz", packedGzip(t, plain)},
		{"gzip without its name", "a.csv", packedGzip(t, plain[:40], plain[40:])},
		{"zstd", "a.csv.zst", packedZstd(t, plain)},
		{"UTF-16 in gzip", "a.csv.gz", packedGzip(t, encoded(t, plain, utf16))},
		{"JSON lines", "a.jsonl", objects(t, "\n")},
		{"JSON lines, CRLF and mark", "a.ndjson", "\ufeff" + objects(t, "\r\n\r\n") + "\r\n"},
		{"JSON lines in zstd", "a.jsonl.zst", packedZstd(t, objects(t, "\n")+"\n")},
		{"JSON array", "a.json", "[" + objects(t, ",") + "]"},
		{"JSON array over lines", "a.json", "[\n" + spread + "\n]\n"},
		{"JSON array in gzip", "a.json.gz", packedGzip(t, "["+objects(t, " , ")+"]")},
		{"objects one after the other", "a.json", objects(t, "\n\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pastWorld(t, undeclared...)
			w.write(c.file, c.text)
			sum := w.pass()
			if len(sum.Faults) > 0 || sum.Quarantined > 0 || sum.Events != 3 {
				t.Fatalf("read %+v, quarantined %+v", sum, w.log.Outgoing().Quarantined)
			}
			got := append(said(w.log.Outgoing().Events), w.log.EventIDs()...)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("claims\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if second := w.again().pass(); second.Rows != 0 || second.Unchanged != 1 || len(w.log.Outgoing().Events) != 3 {
				t.Errorf("read twice: %+v, %d events", second, len(w.log.Outgoing().Events))
			}
		})
	}
}

// good is a row that can be read.
func good(n string) string { return n + ";;;04.03.2024 09:15;;;;;Offen;;1,00\n" }

// TestABadRowCostsItself: each is set aside with file, line and reason; its
// neighbours go on.
func TestABadRowCostsItself(t *testing.T) {
	latin := encoded(t, "2;Müller;;04.03.2024 09:15;;;;;Offen;;1,00\n", charmap.Windows1252.NewEncoder())
	for _, c := range []struct {
		name, edit, bad, reason, detail string
		entries                         int
	}{
		{"another encoding", "", latin, catalog.ReasonBrokenEncoding, "a.csv:3: the row is not utf-8", 1},
		{"UTF-8 among windows-1252", "windows-1252", "2;Müller;;04.03.2024 09:15;;;;;Offen;;1,00\n", catalog.ReasonBrokenEncoding, "a.csv:3: the row is not windows-1252", 1},
		{"columns are missing", "", "2;;;04.03.2024 09:15\n", catalog.ReasonBrokenRow, "a.csv:3: the row has 4 columns, the header 11", 1},
		{"columns too many", "", "2;x;;04.03.2024 09:15;;;;;Offen;;1,00;7\n", catalog.ReasonBrokenRow, "a.csv:3: the row has 12 columns, the header 11", 1},
		{"a mark is not closed", "", "2;\"x;;04.03.2024 09:15;;;;;Offen;;1,00\n", catalog.ReasonBrokenRow, "a.csv:3: a quotation mark is not closed", 1},
		{"text behind a mark", "", "2;\"x\"y;;04.03.2024 09:15;;;;;Offen;;1,00\n", catalog.ReasonBrokenRow, "a.csv:3: a quotation mark is not closed", 1},
		{"a date of another form", "", "2;x;;2024-03-04;;;;;Offen;;1,00\n", catalog.ReasonBrokenRow, `a.csv:3: column "Bestellt am" is not written in the declared form`, 1},
		{"a number of another form", "", "2;x;;04.03.2024 09:15;;;;;Offen;;1.5\n", catalog.ReasonBrokenRow, `a.csv:3: column "Betrag" is not a number of the declared form`, 1},
		{"no instant", "", "2;x;;;;;;;Offen;;1,00\n", catalog.ReasonUnmappable, "a.csv:3: documents[order].claims[0].stamp", 1},
		{"no order", "", ";x;;04.03.2024 09:15;;;;;Offen;;1,00\n", catalog.ReasonUnrecognised, "a.csv:3: no document", 1},
		{"too long", "", "2;" + strings.Repeat("x", 3<<20) + "\n", catalog.ReasonBrokenRow, "a.csv:3: the row is longer than 1 MiB", 1},
		{"a row over two lines that is none", "", "2;\"x\n3;y\";z\n", catalog.ReasonBrokenRow, "a.csv:3: a quotation mark is not closed", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pastWorld(t)
			if c.edit != "" {
				w = pastWorld(t, "encoding: utf-8 ", "encoding: "+c.edit+" ")
			}
			w.write("a.csv", header+good("1")+c.bad+good("4")+good("5"))
			sum := w.pass()
			q := w.log.Outgoing().Quarantined
			if sum.Events != 3 || len(q) != c.entries || len(sum.Faults) > 0 {
				t.Fatalf("read %+v, set aside %d", sum, len(q))
			}
			if q[0].Reason != c.reason || !strings.HasPrefix(q[0].Detail, c.detail) || q[0].Delivery.ID != "a.csv:3" {
				t.Errorf("set aside as %s: %s (%s)", q[0].Reason, q[0].Detail, q[0].Delivery.ID)
			}
			if body := unpack(t, q[0].Body); len(body) > 65<<10 || !strings.Contains(body, "2") && c.name != "no order" {
				t.Errorf("%d bytes of the original", len(body))
			}
			first := q[0].ID
			w.log = w.fresh()
			if w.again().pass(); w.log.Outgoing().Quarantined[0].ID != first {
				t.Error("the same row has another entry when it is read again")
			}
		})
	}
}

// TestABadJSONRowCostsItself: the same for JSON.
func TestABadJSONRowCostsItself(t *testing.T) {
	row := func(n string) string {
		return `{"Bestellnr":"` + n + `","Bestellt am":"04.03.2024 09:15","Status":"Offen","Betrag":"1,00"}`
	}
	optional := []string{"{name: status}", "{name: status, optional: true}"}
	for _, n := range []string{"email", "customer", "parcel"} {
		optional = append(optional, "{name: "+n+"}", "{name: "+n+", optional: true}")
	}
	for _, n := range []string{"approved, ", "shipped,  ", "delivered,", "cancelled,"} {
		optional = append(optional, "{name: "+n, "{optional: true, name: "+n)
	}
	for _, c := range []struct{ name, file, text, detail string }{
		{"a line that is none", "a.jsonl", row("1") + "\n{\"Bestellnr\":\n" + row("3") + "\n", "a.jsonl:2: at byte"},
		{"a key twice", "a.jsonl", row("1") + "\n{\"a\":1,\"a\":2}\n" + row("3") + "\n", "a.jsonl:2: at byte"},
		{"an array of numbers between", "a.jsonl", row("1") + "\n[1]\n" + row("3") + "\n", "a.jsonl:2: the row is no JSON object"},
		{"an element that is none", "a.json", "[" + row("1") + ",\n{\"a\":nope},\n" + row("3") + "]", "a.json:2: at byte"},
		{"an element that is a number", "a.json", "[" + row("1") + ",\n7,\n" + row("3") + "]", "a.json:2: no JSON object"},
		{"an element that is not closed", "a.json", "[" + row("1") + ",\n{\"a\":\n" + row("3") + "\n]", "a.json:2: "},
		{"a date of another form", "a.json", "[" + row("1") + ",\n" + strings.Replace(row("2"), "04.03.", "4/3/", 1) + "," + row("3") + "]", `a.json:2: key "Bestellt am"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pastWorld(t, optional...)
			w.write(c.file, c.text)
			sum := w.pass()
			q := w.log.Outgoing().Quarantined
			if sum.Events != 2 || len(q) != 1 || !strings.HasPrefix(q[0].Detail, c.detail) {
				t.Fatalf("read %+v, set aside %+v", sum, q)
			}
		})
	}
}

// TestAFileThatIsAnotherIsRefusedWhole: not row by row.
func TestAFileThatIsAnotherIsRefusedWhole(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"a column is missing", "a.csv", strings.Replace(header, "Bestellt am", "Datum", 1) + good("1"), `the header lacks ["Bestellt am"]`},
		{"another delimiter than declared", "a.csv", strings.ReplaceAll(header+good("1"), ";", "|"), "Is it another delimiter"},
		{"a column twice", "a.csv", strings.TrimSpace(header) + ";Status\n" + good("1"), `column "Status" stands twice`},
		{"broken gzip", "a.csv.gz", packedGzip(t, header+good("1"))[:40], "unpack"},
		{"an empty header", "a.csv", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pastWorld(t)
			w.write(c.file, c.text)
			w.write("b.csv", header+good("9"))
			sum := w.pass()
			if sum.Events != 1 || sum.Quarantined != 0 {
				t.Errorf("read %+v", sum)
			}
			switch {
			case c.want == "" && len(sum.Faults) > 0:
				t.Errorf("faults %v", sum.Faults)
			case c.want != "" && (len(sum.Faults) != 1 || !strings.Contains(sum.Faults[0].Error(), c.want) && !strings.Contains(sum.Faults[0].Error(), "EOF")):
				t.Errorf("faults %v, want %s", sum.Faults, c.want)
			}
		})
	}
	if _, err := file.New(file.Options{}); err == nil {
		t.Error("an importer of nothing")
	}
}
