package file_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/file"
)

// world is a folder of files, a log in memory, and an importer between them.
type world struct {
	t     testing.TB
	dir   string
	log   *connectortest.Log
	clock *connectortest.Clock
	opts  file.Options
	im    *file.Importer
}

// newWorld makes a world whose files are looked at in the year 2030, long after
// they were written.
func newWorld(t testing.TB, system *catalog.System, src *connector.Source) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), log: &connectortest.Log{}, clock: connectortest.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))}
	w.opts = file.Options{
		Source: src, System: system, Paths: []string{w.dir}, Sink: w.log, Store: w.log, Clock: w.clock,
		Logger: slog.New(slog.DiscardHandler),
	}
	return w
}

// write writes a file whose last writing is that of the machine's clock.
func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// grow appends to a file.
func (w *world) grow(name, text string) {
	w.t.Helper()
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// fresh puts an empty log in place of the one before.
func (w *world) fresh() *connectortest.Log {
	l := &connectortest.Log{}
	w.opts.Sink, w.opts.Store = l, l
	return l
}

// again forgets the importer, as a kill does; what it saved stands.
func (w *world) again() *world {
	w.im = nil
	return w
}

// pass lets the importer read what is there.
func (w *world) pass() file.Summary {
	w.t.Helper()
	if w.im == nil {
		im, err := file.New(w.opts)
		if err != nil {
			w.t.Fatal(err)
		}
		w.im = im
	}
	sum, err := w.im.Pass(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

func unpack(t testing.TB, b ledger.Body) string {
	t.Helper()
	if b.Codec == "none" {
		return string(b.Bytes)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, err := d.DecodeAll(b.Bytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
