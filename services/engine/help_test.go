package engine_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dense requires every table's rows to be there once, from 1 on.
func dense(t *testing.T, rows *ledger.Rows) {
	t.Helper()
	for tab := range projections.Table(projections.Tables) {
		if n := projections.Count(rows, tab); uint64(n) != projections.Last(rows, tab) || n > 0 && projections.First(rows, tab) != 1 {
			t.Fatalf("table %s holds %d rows, from %d to %d", tab, n, projections.First(rows, tab), projections.Last(rows, tab))
		}
	}
}

// until waits for a condition that background work brings about.
func until(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatal("the condition did not come about within 30 s")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
