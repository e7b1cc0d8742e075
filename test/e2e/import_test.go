package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/file"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/role"
)

// importCommand is the hidden first argument that makes the test binary an
// import: configuration, stretch, source and paths follow.
const importCommand = "__import"

// runImport is `source import`. Every report is a line, so that a test can kill
// it by its progress.
func runImport(args []string) error {
	cfg := config.Default()
	if err := cfg.Read(args[0]); err != nil {
		return err
	}
	cfg.Partitions = partitions
	cfg.Finish()
	covers, err := connector.ParseCovers(args[1])
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	sum, err := role.Import(context.Background(), cfg, role.ImportOptions{
		Source: args[2], Paths: args[3:], Covers: covers, SaveEvery: 50 * time.Millisecond,
		Report: func(p file.Progress) { fmt.Println("rows", p.Rows) },
	}, logger)
	fmt.Printf("end %d files, %d rows, %d quarantined, proven %t %v\n", sum.Files, sum.Rows, sum.Quarantined, sum.Proven != nil, sum.Faults)
	return err
}

// past is the shop of past orders that the connectors' README tells of.
type past struct {
	dir    string
	source string // the YAML of `sources:`
	sample string
	logger *slog.Logger
}

// newPast writes the README's catalog entry to a folder of its own.
func newPast(t testing.TB) *past {
	t.Helper()
	raw, err := os.ReadFile("../../services/connector/README.md")
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
	p := &past{dir: t.TempDir(), sample: block("csv", 0), logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))}
	catalog := filepath.Join(p.dir, "catalog")
	if err := os.Mkdir(catalog, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(catalog, "pastorders.yaml"), []byte(block("yaml", 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.source = strings.Replace(block("yaml", 1), "[catalog]", "["+catalog+"]", 1)
	return p
}

// config is that of an instance in this process.
func (p *past) config(t testing.TB) *config.Config {
	t.Helper()
	cfg := loopback()
	if err := strictyaml.Decode("orderledger.yaml", []byte(p.source), cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Finish()
	return cfg
}

// rows are so many orders of the shop, one a minute since 2021: every tenth was
// cancelled, the others were delivered.
func (p *past) rows(from, to int) string {
	header, _, _ := strings.Cut(p.sample, "\n")
	var b strings.Builder
	b.WriteString(header + "\n")
	day := time.Date(2021, 1, 1, 8, 0, 0, 0, time.UTC)
	for i := from; i < to; i++ {
		at := func(d time.Duration) string {
			return day.Add(time.Duration(i)*time.Minute + d).Format("02.01.2006 15:04")
		}
		if i%10 == 0 {
			fmt.Fprintf(&b, "%d;A. Person;a%d@example.org;%s;-;-;-;%s;Storniert;;19,90\n", i, i, at(0), at(time.Hour))
			continue
		}
		fmt.Fprintf(&b, "%d;A. Person;a%d@example.org;%s;%s;%s;%s;-;Geliefert;JD%d;1.234,50\n", i, i, at(0), at(time.Hour), at(26*time.Hour), at(50*time.Hour), i)
	}
	return b.String()
}

// ordersOf counts the rows that a partition folded as the first of their order.
func (p *past) ordersOf(s engine.Stat) uint64 {
	counts := s.Counts["old-shop"]
	return counts[ledger.OutcomeApplied] + counts[ledger.OutcomeShelved]
}

// child starts an import process, and kills it with -9 after so many reports; 0
// lets it end. It returns what the import said last.
func (p *past) child(t *testing.T, conf string, kill int, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{importCommand, conf}, args...)...)
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	last := ""
	for lines, n := bufio.NewScanner(out), 1; lines.Scan(); n++ {
		last = lines.Text()
		if n == kill {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil && kill == 0 {
		t.Fatalf("%v: %s", err, last)
	}
	return last
}

func decode(t *testing.T, body string, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), out); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

// order is what GET /v1/orders/{order} says of it, in one line.
func (p *past) order(t *testing.T, rest string, n int) string {
	t.Helper()
	a := do(t, http.MethodGet, rest+"/v1/orders/"+url.PathEscape(fmt.Sprintf("old-shop~%d", n)), nil, nil)
	if a.Code != http.StatusOK {
		t.Fatalf("order %d: %d %s", n, a.Code, a.Body)
	}
	var out struct {
		Order struct {
			Cells []struct{ Axis, State string }
		}
	}
	decode(t, a.Body, &out)
	var cells []string
	for _, c := range out.Order.Cells {
		if c.State != "ABSENT" {
			cells = append(cells, c.Axis+" "+c.State)
		}
	}
	slices.Sort(cells)
	return strings.Join(cells, ", ")
}

// twoFiles writes a folder of two files, the second one packed, each with a last
// row that cannot be read.
func (p *past) twoFiles(t *testing.T, rows int) string {
	t.Helper()
	drop := filepath.Join(p.dir, "drop")
	if err := os.Mkdir(drop, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(drop, "2021.csv"), []byte(p.rows(0, rows/2)+"broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, p.rows(rows/2, rows)+"broken;too\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(drop, "2022.csv.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return drop
}

// examine holds the orders, the counts and the quarantine to what the files say.
func (p *past) examine(t *testing.T, rest string, rows int) {
	t.Helper()
	var src struct {
		Source struct {
			Outcomes []struct{ Outcome, Records string }
			Feeds    []struct{ HeldRecords string }
		}
	}
	await(t, 30*time.Second, func() error {
		decode(t, do(t, http.MethodGet, rest+"/v1/sources/old-shop", nil, nil).Body, &src)
		for _, o := range src.Source.Outcomes {
			if strings.HasSuffix(o.Outcome, "_APPLIED") && o.Records == fmt.Sprint(rows) {
				return nil
			}
		}
		return yet("outcomes %+v", src.Source.Outcomes)
	})
	for n := 0; n < rows; n += 97 {
		want := "AXIS_FULFILMENT DELIVERED, AXIS_ORDER COMPLETED, AXIS_PAYMENT AUTHORISED"
		if n%10 == 0 {
			want = "AXIS_ORDER CANCELLED"
		}
		if got := p.order(t, rest, n); got != want {
			t.Errorf("order %d: %s, want %s", n, got, want)
		}
	}
	var q struct{ Entries []entry }
	decode(t, do(t, http.MethodGet, rest+"/v1/quarantine?pageSize=50", nil, nil).Body, &q)
	var problems []string
	for _, e := range q.Entries {
		problems = append(problems, e.Problem)
	}
	slices.Sort(problems)
	want := []string{"2021.csv:12002: the row has 1 columns, the header 11", "2022.csv.gz:12002: the row has 2 columns, the header 11"}
	if !slices.Equal(problems, want) {
		t.Errorf("quarantine %q, want %q", problems, want)
	}
}

// TestAnImportKilledAndRunAgainDoublesNothing: two files, one of them packed, with
// rows that cannot be read, imported through six kills and then twice more: every
// row took effect once, every bad row has one entry, and the range is proven
// only at the end.
func TestAnImportKilledAndRunAgainDoublesNothing(t *testing.T) {
	const rows = 24_000
	p := newPast(t)
	d := newDev(t, p.dir, p.source, "clickhouse: {disabled: true}\nlisten: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:0, kafka_port: 0, schema_registry_port: 0}\n")
	d.start()
	d.ready()
	drop := p.twoFiles(t, rows)
	args := []string{"2021-01-01..2021-02-01", "old-shop", drop}
	for kill := range 6 {
		if said := p.child(t, d.config, 3+2*kill, args...); strings.HasPrefix(said, "end") {
			t.Fatalf("kill %d came too late: %s", kill, said)
		}
		if kill == 3 { // the log dies as well
			d.kill()
			d.start()
			d.ready()
		}
	}
	if said := p.child(t, d.config, 0, args...); !strings.HasPrefix(said, "end 2 files, ") || !strings.Contains(said, "proven false") || strings.HasPrefix(said, "end 2 files, 24002") {
		t.Errorf("the last run: %s", said)
	}
	if said := p.child(t, d.config, 0, args...); said != "end 2 files, 0 rows, 0 quarantined, proven false []" {
		t.Errorf("run again: %s", said)
	}
	d.settled()
	p.examine(t, d.ends.API, rows)
	// Both rows mended: the file that grew is read anew from its first change on,
	// and only now the range is proven.
	if err := os.WriteFile(filepath.Join(drop, "2021.csv"), []byte(p.rows(0, rows/2)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(drop, "2022.csv.gz")); err != nil {
		t.Fatal(err)
	}
	if said := p.child(t, d.config, 0, args...); !strings.Contains(said, "12000 rows, 0 quarantined, proven false") {
		t.Errorf("one of two mended: %s", said)
	}
	if err := os.WriteFile(filepath.Join(drop, "2022.csv.gz"), []byte(p.rows(rows/2, rows)), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := p.child(t, d.config, 0, args...); !strings.Contains(said, "proven true") {
		t.Errorf("both mended: %s", said)
	}
}

// neverShipped is a rule of one's own about past orders.
const neverShipped = `groups:
- name: past
  rules:
  - rule: never-shipped
    from: storefront.payment >= AUTHORISED
    until: storefront.fulfilment >= SHIPPED
    steps:
    - {after: 72h, exception: NeverShipped, severity: warning}
`

// write writes a file into the folder of the shop.
func (p *past) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWhatAnImportDoesNotSayDidNotHappen: within the declared range an order that
// was paid and never shipped is proven not to have been, as history; without a
// declaration, and behind its end, nothing is said (S-17, S-19, S-28).
func TestWhatAnImportDoesNotSayDidNotHappen(t *testing.T) {
	p := newPast(t)
	own := p.config(t)
	rules := p.write(t, "rules.yaml", neverShipped)
	d := newDesk(t, func(cfg *config.Config) {
		polled(t, cfg) // whose answers bear out the clock
		own.Sources[0].Files = connector.FileSettings{Paths: []string{filepath.Join(p.dir, "drop")}, Every: connector.Span(100 * time.Millisecond)}
		cfg.CatalogDirs, cfg.Sources, cfg.Policy.Rules = own.CatalogDirs, append(cfg.Sources, own.Sources...), []string{rules}
		cfg.EndpointsFile = filepath.Join(p.dir, "endpoints.json")
	})
	said := func() (out []string) {
		for _, x := range d.exceptions() {
			if x.Rule == "never-shipped" {
				if !strings.Contains(x.raw, `"historic":true`) || !strings.Contains(x.raw, "PROVEN") {
					t.Errorf("not proven, or not history: %s", x.raw)
				}
				out = append(out, regexp.MustCompile(`old-shop~\d+`).FindString(x.raw))
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	header, _, _ := strings.Cut(p.sample, "\n")
	text := header + `
1;;;04.03.2024 09:15;04.03.2024 09:20;05.03.2024 09:00;06.03.2024 09:00;;Geliefert;A1;1,00
2;;;04.03.2024 09:15;04.03.2024 09:20;;;;Offen;;1,00
3;;;04.03.2024 09:15;;;;;Offen;;1,00
4;;;30.03.2024 09:15;30.03.2024 09:20;;;;Offen;;1,00
`
	drop := filepath.Dir(p.write(t, "drop/past.csv", text))
	await(t, 30*time.Second, func() error { // read by the watch, which declares nothing
		a := do(t, http.MethodGet, d.Endpoints.API+"/v1/orders/old-shop~4", nil, nil)
		if a.Code != http.StatusOK {
			return yet("order 4: %d", a.Code)
		}
		return nil
	})
	clock := d.Node.Stats()[0].Clock
	await(t, 60*time.Second, func() error { // a tick went by behind it
		for _, s := range d.Node.Stats() {
			if s.Partition < partitions && s.Clock <= clock {
				return yet("partition %d stands at %s", s.Partition, s.Clock)
			}
		}
		return nil
	})
	if got := said(); len(got) > 0 {
		t.Errorf("nothing is declared, and %q are said to be unshipped", got)
	}
	covers, err := connector.ParseCovers("2024-01-01..2024-04-01")
	if err != nil {
		t.Fatal(err)
	}
	cfg := *d.Stack.Config
	sum, err := role.Import(t.Context(), &cfg, role.ImportOptions{Source: "old-shop", Paths: []string{drop}, Covers: covers}, p.logger)
	if err != nil || sum.Rows != 0 || sum.Proven == nil {
		t.Fatalf("%+v %v", sum, err)
	}
	await(t, 60*time.Second, func() error {
		if got := said(); !slices.Equal(got, []string{"old-shop~2"}) {
			return yet("said of %q", got)
		}
		return nil
	})
}
