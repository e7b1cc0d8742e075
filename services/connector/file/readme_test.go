package file_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// readme is what the README says about past orders.
type readme struct {
	csv, system, imported, watched string
}

func readReadme(t testing.TB) readme {
	t.Helper()
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(raw), "## Import your own past orders")
	if !ok {
		t.Fatal("the README has no section about past orders")
	}
	block := func(lang string, n int) string {
		m := regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllStringSubmatch(section, -1)
		if len(m) <= n {
			t.Fatalf("the section has %d %s blocks", len(m), lang)
		}
		return m[n][1]
	}
	return readme{csv: block("csv", 0), system: block("yaml", 0), imported: block("yaml", 1), watched: block("yaml", 2)}
}

// sourceOf reads the source out of a configuration of the README.
func sourceOf(t testing.TB, text string) *connector.Source {
	t.Helper()
	var cfg struct {
		CatalogDirs []string           `yaml:"catalog_dirs"`
		Sources     []connector.Source `yaml:"sources"`
	}
	if err := strictyaml.Decode("orderledger.yaml", []byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	return &cfg.Sources[0]
}

// said is what an event claims, in one line a claim.
func said(events []*ledger.Event) (out []string) {
	for _, e := range events {
		for _, c := range e.Claims {
			out = append(out, fmt.Sprintf("%s %s %s=%s %s..%s", e.Order, c.Object.Type, c.Axis, c.Native, c.Earliest, c.Latest))
		}
		for _, a := range e.Amounts {
			out = append(out, fmt.Sprintf("%s %s %d %s", e.Order, a.Kind, a.Amounts[0].Minor, a.Amounts[0].Currency))
		}
		for _, a := range e.Aliases {
			out = append(out, fmt.Sprintf("%s is %s", e.Order, a))
		}
	}
	slices.Sort(out)
	return out
}

// TestReadmeImport does what the README tells people with past orders to do, with
// the very text that stands there.
func TestReadmeImport(t *testing.T) {
	r := readReadme(t)
	system, err := catalog.Parse("pastorders.yaml", []byte(r.system))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, system, sourceOf(t, r.imported))
	w.opts.HashKey = []byte("k")
	w.opts.Covers, err = connector.ParseCovers("2024-01-01..2024-06-01")
	if err != nil {
		t.Fatal(err)
	}
	past := w.write("past.csv", r.csv)
	sum := w.pass()
	if sum.Rows != 4 || sum.Events != 3 || sum.Quarantined != 1 || sum.Proven != nil {
		t.Errorf("read %+v", sum)
	}
	want := []string{
		"old-shop~10001 is order-number:10001",
		"old-shop~10001 is tracking-number:JD0001",
		"old-shop~10001 order order=Geliefert 2024-03-07T10:30:00Z..2024-03-07T10:31:00Z",
		"old-shop~10001 order order=bestellt 2024-03-04T08:15:00Z..2024-03-04T08:16:00Z",
		"old-shop~10001 order payment=freigegeben 2024-03-04T08:20:00Z..2024-03-04T08:21:00Z",
		"old-shop~10001 ordered 123450 EUR",
		"old-shop~10001 parcel fulfilment=geliefert 2024-03-07T10:30:00Z..2024-03-07T10:31:00Z",
		"old-shop~10001 parcel fulfilment=versendet 2024-03-05T13:00:00Z..2024-03-05T13:01:00Z",
		"old-shop~10002 is order-number:10002",
		"old-shop~10002 order order=Storniert 2024-03-05T07:00:00Z..2024-03-05T07:01:00Z",
		"old-shop~10002 order order=bestellt 2024-03-04T09:02:00Z..2024-03-04T09:03:00Z",
		"old-shop~10002 order order=storniert 2024-03-05T07:00:00Z..2024-03-05T07:01:00Z",
		"old-shop~10002 ordered 1990 EUR",
		"old-shop~10003 is order-number:10003",
		"old-shop~10003 is tracking-number:JD0002",
		"old-shop~10003 order order=Unterwegs 2024-04-02T14:45:00Z..2024-04-02T14:46:00Z",
		"old-shop~10003 order order=bestellt 2024-03-30T22:30:00Z..2024-03-30T22:31:00Z",
		"old-shop~10003 order payment=freigegeben 2024-03-31T01:05:00Z..2024-03-31T01:06:00Z",
		"old-shop~10003 ordered 5900 EUR",
		"old-shop~10003 parcel fulfilment=versendet 2024-04-02T14:45:00Z..2024-04-02T14:46:00Z",
	}
	got := said(w.log.Outgoing().Events)
	if !slices.Equal(got, want) {
		t.Errorf("claims\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range w.log.Outgoing().Events {
		if body := unpack(t, e.Body); strings.Contains(body, "Person") || strings.Contains(body, "example.org") || !strings.Contains(body, "hmac:") {
			t.Errorf("personal data left: %s", body)
		}
	}
	q := w.log.Outgoing().Quarantined
	if len(q) != 1 || !strings.HasPrefix(q[0].Detail, `past.csv:5: column "Freigegeben am"`) || q[0].Reason != catalog.ReasonBrokenRow {
		t.Fatalf("quarantined %+v", q)
	}
	if body := unpack(t, q[0].Body); strings.Contains(body, "Person") || !strings.Contains(body, "10004") {
		t.Errorf("quarantined original %s", body)
	}
	mended(t, w, past, r)
	if spec := system.SourceSpec(sourceOf(t, r.imported)); spec.LiveFrom.String() != "2024-06-01T00:00:00Z" {
		t.Errorf("live from %s (S-28)", spec.LiveFrom)
	}
	if watched := sourceOf(t, r.watched); len(watched.Files.Paths) != 1 || !watched.Files.Covers.Until.Written || watched.Validate() != nil || system.Check(watched) != nil {
		t.Errorf("the watched folder %+v", watched.Files)
	}
}

// mended puts the fourth row right and runs the import again.
func mended(t *testing.T, w *world, past string, r readme) {
	t.Helper()
	before := w.log.EventIDs()
	w.clock.Move(time.Minute)
	if err := os.WriteFile(past, []byte(strings.Replace(r.csv, "2.4.2024", "02.04.2024 12:10", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := w.again().pass()
	if sum.Quarantined != 0 || sum.Proven == nil || sum.Proven.Until.String() != "2024-06-01T00:00:00Z" {
		t.Errorf("mended: %+v", sum)
	}
	if after := w.log.EventIDs(); len(after) != len(before)+1 {
		t.Errorf("%d events after %d", len(after), len(before))
	}
	st := w.log.Status("old-shop", "history")
	if len(st.Holes) != 0 || len(st.Intervals) != 1 || st.Intervals[0] != *sum.Proven {
		t.Errorf("status %+v", st)
	}
}
