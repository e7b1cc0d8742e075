package power_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/orderledger/orderledger/services/engine"
)

var faults = flag.Int("power.faults", 200, "how many faults of the disk are played")

// rule is a fault of the disk: which operations fail, from which on, and how.
type rule struct {
	kinds []errorfs.OpKind // nil: every one that changes something
	file  string           // the file's name contains it
	from  int64            // the first of the matching operations that fails
	errno syscall.Errno
	seen  atomic.Int64
	hits  atomic.Int64
}

// String implements errorfs.Injector: the rule as text.
func (r *rule) String() string {
	return fmt.Sprintf("operations %v of files *%s* fail from number %d on: %v", r.kinds, r.file, r.from, r.errno)
}

// MaybeError implements errorfs.Injector.
func (r *rule) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead || !r.meant(op.Kind) || !strings.Contains(filepath.Base(op.Path), r.file) {
		return nil
	}
	if r.seen.Add(1) <= r.from {
		return nil
	}
	r.hits.Add(1)
	return &fs.PathError{Op: "injected", Path: op.Path, Err: r.errno}
}

func (r *rule) meant(kind errorfs.OpKind) bool {
	for _, k := range r.kinds {
		if k == kind {
			return true
		}
	}
	return len(r.kinds) == 0 && kind != errorfs.OpFileClose && kind != errorfs.OpRemove && kind != errorfs.OpLock
}

func drawRule(rnd *rand.Rand) *rule {
	r := &rule{errno: []syscall.Errno{syscall.ENOSPC, syscall.EIO}[rnd.IntN(2)], from: rnd.Int64N(4 << rnd.IntN(7))}
	r.file = []string{"", "", ".log", ".sst", "MANIFEST", "marker"}[rnd.IntN(6)]
	r.kinds = [][]errorfs.OpKind{nil, nil, {errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, {errorfs.OpFileWrite},
		{errorfs.OpCreate, errorfs.OpRename, errorfs.OpReuseForWrite}}[rnd.IntN(5)]
	return r
}

// ending is how a machine on a failing disk ended.
type ending struct {
	committed, taken atomic.Int64
	why              chan error // nil: the log's end was reached
}

// fatal takes the place of the end of the process: nothing goes on behind it.
func (e *ending) fatal(err error) {
	select {
	case e.why <- err:
	default: // several goroutines may meet the fault
	}
	select {}
}

// run folds a log on a failing disk until the disk, or the log, is at its end.
func (e *ending) run(w *world, disk vfs.FS, to sinks, s size) {
	s.fatal = e.fatal
	m, err := boot(w, disk, to, s)
	for n := 0; err == nil && m.seat.Place().Offset < w.end(); n++ {
		at := m.seat.Place().Offset
		end := min(at+1+int64(n%5), w.end())
		e.taken.Store(end)
		if err = m.seat.Fold(w.decoded(at, end)); err != nil {
			break
		}
		e.committed.Store(m.seat.Place().Offset)
		err = m.step(n % len(m.ship))
	}
	if err == nil {
		err = m.store.Close()
	}
	select {
	case e.why <- err:
	default:
	}
}

// survive plays one fault; hit is false if the fault was never met.
func survive(n uint64) (hit bool, err error) {
	rnd := rand.New(rand.NewPCG(n, 6))
	w, err := newWorld(rnd)
	if err != nil {
		return false, err
	}
	r, s := drawRule(rnd), drawSize(rnd)
	mem, to := vfs.NewCrashableMem(), newSinks()
	e := &ending{why: make(chan error, 1)}
	go e.run(w, errorfs.Wrap(mem, r), to, s)
	var why error
	select {
	case why = <-e.why:
	case <-time.After(20 * time.Second):
		return true, fmt.Errorf("%s: met %d times, and nothing is said for 20 s", r, r.hits.Load())
	}
	if why == nil && r.hits.Load() > 0 && r.file != "marker" { // what of the markers fails is repeated at the next start
		return true, fmt.Errorf("%s: met %d times, and it goes on", r, r.hits.Load())
	}
	if why != nil && (!errors.Is(why, engine.ErrStore) || !errors.Is(why, r.errno) || !strings.Contains(why.Error(), "start again")) {
		return true, fmt.Errorf("%s: it does not say what happened and what to do: %w", r, why)
	}
	l := loss{committed: e.committed.Load()}
	percent := 100 // the process died and the machine did not
	if rnd.IntN(2) == 0 {
		percent = rnd.IntN(101)
	}
	l.disk = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rnd})
	l.taken = e.taken.Load()
	if l.to, err = to.copied(); err != nil {
		return true, err
	}
	if _, err = l.check(w, rnd, s); err != nil {
		err = fmt.Errorf("%s: after the fault: %w", r, err)
	}
	return r.hits.Load() > 0, err
}

// TestDiskFaults: whichever write, sync, creation or renaming fails, and how,
// the store stops at once and says what to do; what was committed is there when it starts
// on a disk that works again, and folding goes on to the state of a single pass.
func TestDiskFaults(t *testing.T) {
	met, began := 0, time.Now()
	for n := range *faults {
		hit, err := survive(*seed + uint64(n))
		if err != nil {
			t.Errorf("seed %d: %v", *seed+uint64(n), err)
		}
		if hit {
			met++
		}
	}
	t.Logf("%d rules, %d of them met, %.0f/s", *faults, met, float64(*faults)/time.Since(began).Seconds())
	if met < *faults/3 {
		t.Error("it shows less than it should")
	}
}
