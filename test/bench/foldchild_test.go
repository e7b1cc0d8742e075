package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// foldTask is what a folding child does: every partition of orders.events.v1,
// from its beginning to Until, as a ledger folds it.
type foldTask struct {
	Broker string
	Dir    string
	Until  [partitions]int64
	// Outbox keeps the rows for a sink, as a ledger with a ClickHouse does.
	Outbox bool
	// Tally reads every order at the end and counts its cells.
	Tally bool
	// CPUProfile and HeapProfile are files to write; empty: none.
	CPUProfile  string
	HeapProfile string
}

// folded is what it cost and what came of it.
type folded struct {
	Records     int64            `json:"records"`
	Applied     uint64           `json:"applied"`
	Duplicates  uint64           `json:"duplicates"`
	Breached    int              `json:"breached"`
	Cells       map[string]int64 `json:"cells"`
	CPUSeconds  float64          `json:"cpu_seconds"`
	SecondHalf  float64          `json:"second_half_seconds"`
	WallSeconds float64          `json:"wall_seconds"`
	Allocs      float64          `json:"allocs"`
	AllocBytes  float64          `json:"alloc_bytes"`
	PeakMB      float64          `json:"peak_mb"`
	DiskBytes   uint64           `json:"disk_bytes"`
}

// nodeCache is how many orders of a partition a node keeps decoded.
const nodeCache = 10_000

// folder folds in this process.
type folder struct {
	task  *foldTask
	log   *kafkalog.Log
	codec *avroevent.Codec
	id    kafkalog.TopicID
	cache *pebble.Cache

	stores [partitions]*engine.Store
	done   [partitions]atomic.Int64
	total  int64
	half   atomic.Int64 // processor time at the half, in ns
}

func runFold(task *foldTask) error {
	ctx := context.Background()
	log, err := kafkalog.Open(ctx, kafkalog.Config{Brokers: []string{task.Broker}}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer log.Close()
	f := &folder{task: task, log: log, cache: pebble.NewCache(64 << 20)}
	if f.codec, err = avroevent.New(); err != nil {
		return err
	}
	if f.id, err = log.TopicID(ctx, kafkalog.TopicEvents); err != nil {
		return err
	}
	for _, n := range task.Until {
		f.total += n
	}
	out, err := f.measured(ctx)
	if err != nil {
		return err
	}
	if err := f.count(out); err != nil {
		return err
	}
	for _, s := range f.stores {
		out.DiskBytes += s.DiskBytes()
		if err := s.Close(); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// measured folds, and says what that cost this process from its start.
func (f *folder) measured(ctx context.Context) (*folded, error) {
	stop, err := f.profile()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := f.all(ctx); err != nil {
		return nil, err
	}
	out := &folded{Records: f.total, WallSeconds: time.Since(start).Seconds()}
	cpu, err := processorNow()
	if err != nil {
		return nil, err
	}
	out.CPUSeconds, out.SecondHalf = cpu.Seconds(), (cpu - time.Duration(f.half.Load())).Seconds()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Allocs, out.AllocBytes = float64(m.Mallocs), float64(m.TotalAlloc)
	if out.PeakMB, err = status("self", "VmHWM"); err != nil {
		return nil, err
	}
	return out, stop()
}

// all folds every partition at once, as a node does.
func (f *folder) all(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, partitions)
	for p := range int32(partitions) {
		wg.Go(func() { errs[p] = f.partition(ctx, p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *folder) partition(ctx context.Context, p int32) error {
	store, err := engine.OpenStore(filepath.Join(f.task.Dir, engine.StoreName(kafkalog.TopicEvents, p)), engine.StoreOptions{Cache: f.cache, MemTableBytes: engine.MemTableBytes(partitions)})
	if err != nil {
		return err
	}
	f.stores[p] = store
	noting := &notingStore{Store: store}
	fold, err := engine.NewFold(noting, engine.FoldOptions{Partition: p, Partitions: partitions, TopicID: f.id, NoOutbox: !f.task.Outbox, CacheOrders: nodeCache})
	if err != nil {
		return err
	}
	noting.committed = func() error {
		f.done[p].Store(fold.Place().Offset)
		return f.passed()
	}
	return engine.Replay(ctx, engine.ReplayOptions{Journal: f.log, Decoder: f.codec.NewDecoder(), Partition: p, Until: f.task.Until[p]}, fold, nil)
}

// notingStore tells of every commit, also of those before and after a tick.
type notingStore struct {
	*engine.Store
	committed func() error
}

// Commit implements engine.Committer.
func (s *notingStore) Commit(fill func(ledger.Batch)) error {
	if err := s.Store.Commit(fill); err != nil || s.committed == nil {
		return err
	}
	return s.committed()
}

// passed notes the processor time at the half.
func (f *folder) passed() error {
	sum := int64(0)
	for p := range f.done {
		sum += f.done[p].Load()
	}
	if sum < f.total/2 || f.half.Load() != 0 {
		return nil
	}
	now, err := processorNow()
	f.half.CompareAndSwap(0, int64(now))
	return err
}

// count asks the stores what came of it.
func (f *folder) count(out *folded) error {
	out.Cells = map[string]int64{}
	for p := range int32(partitions) {
		r, err := ledger.NewReader(f.stores[p], ledger.Options{Partition: p, Partitions: partitions})
		if err != nil {
			return err
		}
		for _, s := range r.Policy().Sources {
			c := r.Counts(s.Name)
			out.Applied += c[ledger.OutcomeApplied]
			out.Duplicates += c[ledger.OutcomeDuplicate]
		}
		if err := r.Exceptions(func(*ledger.Exception) bool { out.Breached++; return true }); err != nil {
			return err
		}
		if !f.task.Tally {
			continue
		}
		if err := tally(r, out.Cells); err != nil {
			return err
		}
	}
	return nil
}

// tally counts the cells of every order of a store.
func tally(r *ledger.Reader, into map[string]int64) error {
	var fault error
	err := r.Orders("", func(k ledger.OrderKey) bool {
		var v ledger.OrderView
		if v, _, fault = r.Order(k); fault != nil {
			return false
		}
		for _, c := range v.Summary.Cells {
			into[fmt.Sprintf("%s/%d/%d", c.Source, c.Axis, c.State)]++
		}
		return true
	})
	return errors.Join(err, fault)
}

// profile starts what profiles are asked for, and returns what writes them.
func (f *folder) profile() (func() error, error) {
	if f.task.CPUProfile == "" {
		return func() error { return nil }, nil
	}
	cpu, err := os.Create(f.task.CPUProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		if err := cpu.Close(); err != nil || f.task.HeapProfile == "" {
			return err
		}
		heap, err := os.Create(f.task.HeapProfile)
		if err != nil {
			return err
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close())
	}, nil
}

// processorNow is the processor time this process has used.
func processorNow() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}
