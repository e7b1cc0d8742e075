package power_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var (
	clones = flag.Int("power.clones", 300, "how many power losses are played")
	seed   = flag.Uint64("power.seed", 1, "the first seed")
)

// perWorld is how many power losses one log is folded through.
const perWorld = 25

// loss is what a power loss left, and what had been promised by then.
type loss struct {
	disk      vfs.FS
	to        sinks
	committed int64 // the least offset the disk must hold
	taken     int64 // the greatest it can
	op        string
	kind      string // of the file
}

// watcher takes the power away, on a copy, at drawn operations on files.
type watcher struct {
	mem     *vfs.MemFS
	to      sinks
	mu      sync.Mutex
	rnd     *rand.Rand
	losses  []loss
	one     int // in so many operations
	err     error
	written atomic.Int64
	taken   atomic.Int64
}

// MaybeError implements errorfs.Injector. It is called before every operation,
// by whichever of Pebble's goroutines does it.
func (w *watcher) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.losses) >= perWorld || w.rnd.IntN(w.one) > 0 {
		return nil
	}
	l := loss{committed: w.written.Load(), op: fmt.Sprintf("%d of %s", op.Kind, op.Path), kind: kindOf(op.Path)}
	percent := []int{0, 100, w.rnd.IntN(101)}[w.rnd.IntN(3)]
	l.disk = w.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: w.rnd})
	l.taken = w.taken.Load()
	to, err := w.to.copied()
	if err != nil {
		w.err = err
	}
	l.to = to
	w.losses = append(w.losses, l)
	return nil
}

// String implements errorfs.Injector.
func (w *watcher) String() string { return "power" }

// kindOf is what a file of a store is for.
func kindOf(path string) string {
	switch name := filepath.Base(path); {
	case strings.HasSuffix(name, ".log"):
		return "write-ahead log"
	case strings.HasSuffix(name, ".sst"):
		return "table"
	default:
		return "catalogue"
	}
}

// live folds a log on a disk that a watcher copies, shipping now and then.
func live(w *world, rnd *rand.Rand, s size) ([]loss, error) {
	watch := &watcher{mem: vfs.NewCrashableMem(), to: newSinks(), rnd: rand.New(rand.NewPCG(rnd.Uint64(), 1)), one: 6 + rnd.IntN(30)}
	m, err := boot(w, errorfs.Wrap(watch.mem, watch), watch.to, s)
	if err != nil {
		return nil, err
	}
	down := false
	for at := int64(0); at < w.end(); {
		to := min(at+1+rnd.Int64N(6), w.end())
		watch.taken.Store(to)
		if err := m.seat.Fold(w.decoded(at, to)); err != nil {
			return nil, err
		}
		at = m.seat.Place().Offset
		watch.written.Store(at)
		if rnd.IntN(12) == 0 { // a sink goes away, or comes back
			down = !down
			if down {
				watch.to.asked.Down()
			} else {
				watch.to.asked.Up()
			}
		}
		if err := m.seat.Trim(); err != nil {
			return nil, err
		}
		if rnd.IntN(2) == 0 {
			if err := m.step(rnd.IntN(len(m.ship))); err != nil && !down {
				return nil, err
			}
		}
	}
	watch.to.asked.Up()
	if err := m.same(watch.to); err != nil {
		return nil, fmt.Errorf("undisturbed: %w", err)
	}
	if err := m.store.Close(); err != nil {
		return nil, err
	}
	watch.mu.Lock()
	defer watch.mu.Unlock()
	return watch.losses, watch.err
}

// check boots what a power loss left, compares, folds to the end and compares.
// It returns how often a sink was filled by refolding.
func (l *loss) check(w *world, rnd *rand.Rand, s size) (refills int, err error) {
	m, err := boot(w, l.disk, l.to, s)
	if err != nil {
		return 0, fmt.Errorf("boot: %w", err)
	}
	if at := m.seat.Place().Offset; at < l.committed || at > l.taken {
		return 0, fmt.Errorf("committed to %d and taken to %d, it is at %d", l.committed, l.taken, at)
	}
	if err := m.same(l.to); err != nil {
		return 0, err
	}
	if err := m.finish(rnd, l.to); err != nil {
		return m.refills, fmt.Errorf("going on: %w", err)
	}
	return m.refills, m.store.Close()
}

// TestPowerLoss: whatever of the unsynced writes a power loss takes, at whichever
// write, sync, creation or removal of a file, the store holds the fold of the
// records before its stored offset, byte for byte, no less than was committed, the sinks
// get the rows of a single pass, and folding goes on to the same end (I-2, I-3).
func TestPowerLoss(t *testing.T) {
	began, done, inside, refills := time.Now(), 0, 0, 0
	kinds := map[string]int{}
	for n := *seed; done < *clones; n++ {
		rnd := rand.New(rand.NewPCG(n, 4))
		w, err := newWorld(rnd)
		if err != nil {
			t.Fatal(err)
		}
		s := drawSize(rnd)
		losses, err := live(w, rnd, s)
		if err != nil {
			t.Fatalf("seed %d: %v", n, err)
		}
		for i := range losses {
			done++
			kinds[losses[i].kind]++
			if losses[i].committed < losses[i].taken {
				inside++
			}
			more, err := losses[i].check(w, rnd, s)
			refills += more
			if err != nil {
				t.Errorf("seed %d, loss %d before operation %s: %v", n, i, losses[i].op, err)
			}
		}
	}
	took := time.Since(began)
	t.Logf("%d power losses, %d of them inside a commit, before operations on %v; %d refills; %.0f/s", done, inside, kinds, refills, float64(done)/took.Seconds())
	if *clones >= 300 && (inside == 0 || len(kinds) < 3 || refills == 0) {
		t.Error("it shows less than it should")
	}
}
