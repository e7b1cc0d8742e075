package file_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/orderledger/orderledger/services/connector/file"
)

// TestMemoryIsFlat: ten times the rows take no more memory at once.
func TestMemoryIsFlat(t *testing.T) {
	peak := func(rows int) uint64 {
		w := pastWorld(t)
		w.opts.Sink, w.opts.Store, w.opts.BatchRows = nowhere{}, nowhere{}, 100
		f, err := os.Create(filepath.Join(w.dir, "a.csv"))
		if err != nil {
			t.Fatal(err)
		}
		writePast(t, f, rows)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		var most uint64
		n := 0
		w.opts.Report = func(file.Progress) {
			if n++; n%10 != 0 {
				return
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		if sum := w.pass(); sum.Rows != int64(rows) {
			t.Fatalf("%+v", sum)
		}
		return most
	}
	small, large := peak(6_000), peak(60_000)
	if large > small+4<<20 {
		t.Errorf("6,000 rows take %d kB, 60,000 take %d kB", small>>10, large>>10)
	}
	t.Logf("6,000 rows take %d kB, 60,000 take %d kB", small>>10, large>>10)
}
