package file_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// nowhere takes everything and keeps nothing.
type nowhere struct{}

func (nowhere) Append(context.Context, connector.Outgoing) error { return nil }
func (nowhere) Healthy() error                                   { return nil }
func (nowhere) Load(context.Context, ledger.Source, string, string) (*ledger.SourceStatus, error) {
	return nil, nil
}
func (nowhere) Save(context.Context, *ledger.SourceStatus) error { return nil }

// writePast writes so many rows of the README's shop.
func writePast(t testing.TB, w io.Writer, rows int) {
	t.Helper()
	b := bufio.NewWriter(w)
	day := time.Date(2021, 1, 1, 8, 0, 0, 0, time.UTC)
	_, _ = b.WriteString("Bestellnr;Name;E-Mail;Bestellt am;Freigegeben am;Versendet am;Geliefert am;Storniert am;Status;Sendung;Betrag\n")
	for i := range rows {
		at := func(d time.Duration) string {
			return day.Add(time.Duration(i)*time.Minute + d).Format("02.01.2006 15:04")
		}
		switch i % 10 {
		case 0:
			_, _ = fmt.Fprintf(b, "%d;A. Person;a%d@example.org;%s;-;-;-;%s;Storniert;;19,90\n", i, i, at(0), at(time.Hour))
		default:
			_, _ = fmt.Fprintf(b, "%d;A. Person;a%d@example.org;%s;%s;%s;%s;-;Geliefert;JD%d;1.234,50\n", i, i, at(0), at(time.Hour), at(26*time.Hour), at(50*time.Hour), i)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkImport is what a row of the README's shop costs up to the log.
func BenchmarkImport(b *testing.B) {
	r := readReadme(b)
	system, err := catalog.Parse("pastorders.yaml", []byte(r.system))
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, system, sourceOf(b, r.imported))
	w.opts.Sink, w.opts.Store, w.opts.HashKey = nowhere{}, nowhere{}, []byte("k")
	f, err := os.Create(w.dir + "/past.csv")
	if err != nil {
		b.Fatal(err)
	}
	writePast(b, f, b.N)
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	b.ResetTimer()
	sum := w.pass()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	if sum.Rows != int64(b.N) || sum.Quarantined != 0 {
		b.Fatalf("%+v", sum)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(sum.Events)/float64(b.N), "events/row")
}
