package sim

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Campaign is what many runs showed together.
type Campaign struct {
	Seeds, Clean           int
	Judged, Breaches       int
	FalseBreaches          int
	Records, Steps         int
	Refused, Refills, Took int // Took in milliseconds
	// Failed are the seeds that showed something, ascending, at most a few.
	Failed []uint64
}

// workers run seeds side by side; each run is one goroutine's own.
const workers = 2

// Run plays the seeds from first on. Told, if set, hears of every run that
// failed; it is called for one run at a time.
func (s *Shop) Run(first uint64, seeds int, told func(Config, *Result)) Campaign {
	var c Campaign
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(seeds); i = next.Add(1) - 1 {
				cfg := Draw(first + uint64(i))
				out := s.Play(cfg)
				mu.Lock()
				c.add(cfg.Seed, out)
				if len(out.Failures) > 0 && told != nil {
					told(cfg, out)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	c.Took = int(time.Since(began).Milliseconds())
	return c
}

func (c *Campaign) add(seed uint64, out *Result) {
	c.Seeds++
	c.Judged += out.Judged
	c.Breaches += out.Breaches
	c.FalseBreaches += out.FalseBreaches
	c.Records += out.Records
	c.Steps += out.Steps
	c.Refused += out.Refused
	c.Refills += out.Refills
	if len(out.Failures) == 0 {
		c.Clean++
	} else {
		c.Failed = append(c.Failed, seed)
	}
}

// String tells it in one line.
func (c Campaign) String() string {
	return fmt.Sprintf("%d of %d seeds clean, %.1f/s; %d obligations judged, %d times BREACHED, %d falsely; %d records, %d steps, %d refusals of a lost log, %d refills",
		c.Clean, c.Seeds, float64(c.Seeds)*1000/float64(max(c.Took, 1)), c.Judged, c.Breaches, c.FalseBreaches, c.Records, c.Steps, c.Refused, c.Refills)
}
