package e2e_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
	"github.com/orderledger/orderledger/services/engine"
)

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
		at := func(d time.Duration) string { return day.Add(time.Duration(i)*time.Minute + d).Format("02.01.2006 15:04") }
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
