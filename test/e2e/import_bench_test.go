package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/role"
)

// BenchmarkImport is the import of the README's shop on the embedded engines: b.N
// rows into the log, and through the fold into the stores, in one process.
func BenchmarkImport(b *testing.B) {
	p := newPast(b)
	cfg := p.config(b)
	cfg.Ephemeral, cfg.DataDir = false, filepath.Join(p.dir, "data")
	cfg.EndpointsFile = filepath.Join(p.dir, "endpoints.json")
	file := filepath.Join(p.dir, "past.csv")
	if err := os.WriteFile(file, []byte(p.rows(0, b.N)), 0o600); err != nil {
		b.Fatal(err)
	}
	i, err := role.Start(b.Context(), cfg, role.Everything(), role.Watchers{}, p.logger)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	covers, err := connector.ParseCovers("2021-01-01..2021-06-01")
	if err != nil {
		b.Fatal(err)
	}
	again := func() *config.Config { c := *cfg; return &c }
	b.ResetTimer()
	began, spent := time.Now(), cpu(b)
	sum, err := role.Import(b.Context(), again(), role.ImportOptions{Source: "old-shop", Paths: []string{file}, Covers: covers}, p.logger)
	if err != nil || sum.Rows != int64(b.N) || sum.Quarantined != 0 {
		b.Fatalf("%+v %v", sum, err)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "rows/s-log")
	p.folded(b, i, b.N)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "rows/s-ledger")
	b.ReportMetric(float64((cpu(b)-spent).Microseconds())/float64(b.N), "cpu-µs/row")
	b.StopTimer()
}

// cpu is what this process has spent: unlike the clock on the wall it does not
// count what others do on the machine.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// folded waits until so many orders are in the stores.
func (p *past) folded(t testing.TB, i *role.Instance, rows int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		orders := uint64(0)
		for _, s := range i.Node.Stats() {
			orders += p.ordersOf(s)
		}
		if orders >= uint64(rows) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d of %d orders are folded", orders, rows)
		case <-tick.C:
		}
	}
}
