package prove

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// schedule is one way to fold the log: how much at a time, where the process is
// stopped or killed, how much stays in memory, who decodes.
type schedule struct {
	n        int
	batch    int  // records of one commit, at most
	ahead    bool // another goroutine fetches and decodes
	restarts int
	cache    int // orders that stay in memory
	slice    int // timers of one commit
	width    int // partitions folded side by side
	seed     uint64
}

// schedules draws n ways from a seed. The first is the plainest: large batches,
// no restart.
func schedules(seed uint64, n, partitions int) []schedule {
	rnd := rand.New(rand.NewPCG(seed, 1))
	out := []schedule{{batch: 4_000, ahead: true, cache: 10_000, slice: 2_000, width: partitions, seed: seed}}
	for i := 1; i < n; i++ {
		out = append(out, schedule{
			n: i, batch: []int{1, 2, 7, 50, 250, 4_000}[rnd.IntN(6)], ahead: rnd.IntN(2) == 0, restarts: rnd.IntN(5),
			cache: []int{1, 3, 20, 10_000}[rnd.IntN(4)], slice: []int{1, 5, 2_000}[rnd.IntN(3)], width: 1 + rnd.IntN(partitions), seed: seed,
		})
	}
	return out
}

// String says how a schedule folds.
func (s *schedule) String() string {
	decoding := "decoding as it goes"
	if s.ahead {
		decoding = "decoding ahead"
	}
	return fmt.Sprintf("schedule %d of seed %d (batches of %d, %d restarts, %s, %d orders in memory, slices of %d, %d partitions at once)",
		s.n, s.seed, s.batch, s.restarts, decoding, s.cache, s.slice, s.width)
}

// chance is the schedule's own for a partition, the same in every run.
func (s *schedule) chance(p *part) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, uint64(s.n)<<32|uint64(p.number())))
}

// stops are where the process ends before an offset, ascending, and that offset.
func (s *schedule) stops(p *part, until int64) []int64 {
	rnd := s.chance(p)
	var out []int64
	for range s.restarts {
		if p.end > 0 {
			out = append(out, rnd.Int64N(p.end))
		}
	}
	slices.Sort(out)
	return append(slices.DeleteFunc(out, func(at int64) bool { return at >= until }), until)
}

// run folds a partition up to an offset, as the schedule says. The store is the
// caller's to close.
func (s *schedule) run(ctx context.Context, o *Options, p *part, until int64) (*folded, error) {
	dir, err := os.MkdirTemp(o.Scratch, fmt.Sprintf("schedule-%d-", s.n))
	if err != nil {
		return nil, fmt.Errorf("create a scratch directory: %w", err)
	}
	f := &folded{o: o, p: p, dir: dir}
	opt := p.options()
	opt.CacheOrders, opt.SliceTimers, opt.NoOutbox = s.cache, s.slice, true
	rnd := s.chance(p)
	stops := s.stops(p, until)
	for i, stop := range stops {
		if f.store, err = engine.OpenStore(filepath.Join(dir, "store"), engine.StoreOptions{Volatile: true}); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		if f.fold, err = engine.NewFold(f.store, opt); err == nil {
			err = s.stretch(ctx, f, stop, rnd, i+1 < len(stops))
		}
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		if i+1 < len(stops) {
			if err := f.store.Close(); err != nil {
				return nil, errors.Join(err, os.RemoveAll(dir))
			}
		}
	}
	return f, nil
}

// stretch folds up to where the process ends. Killed, it leaves behind what it
// had not committed.
func (s *schedule) stretch(ctx context.Context, f *folded, stop int64, rnd *rand.Rand, ends bool) error {
	if s.ahead {
		return engine.Replay(ctx, engine.ReplayOptions{Journal: f.o.Log, Decoder: f.o.Codec.NewDecoder(), Topic: f.p.topic, Partition: f.p.index, Until: stop, Batch: s.batch}, f.fold, nil)
	}
	size := 1 + rnd.IntN(s.batch)
	err := f.o.each(ctx, f.p, f.fold.Place().Offset, stop, func(d *engine.Decoded, _ *kafkalog.Record) error {
		if err := f.fold.Take(d); err != nil || f.fold.Pending() < size {
			return err
		}
		size = 1 + rnd.IntN(s.batch)
		return f.fold.Commit()
	})
	if err != nil || ends && rnd.IntN(2) == 0 {
		return err
	}
	return f.fold.Commit()
}
