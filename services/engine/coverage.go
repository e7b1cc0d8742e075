package engine

import (
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// Coverage joins what the connectors proved of every feed, from the statuses of
// orders.sources.v1 in log order, and which holes were released since. It is a step function without I/O.
type Coverage struct {
	feeds map[ledger.FeedKey]*feedStatus
	// released are the quarantine entries that were read after all.
	released map[string]bool
	date     ledger.Instant
	gen      uint64
}

// feedStatus is one feed as its instances report it.
type feedStatus struct {
	epoch     ledger.Epoch
	instances map[string]*ledger.SourceStatus
	joined    ledger.FeedCoverage
	gen       uint64 // generation of its last change
}

// NewCoverage returns an empty coverage.
func NewCoverage() *Coverage {
	return &Coverage{feeds: map[ledger.FeedKey]*feedStatus{}, released: map[string]bool{}}
}

// Observe takes a status. Lower epochs do not count; within one epoch number
// the first opener wins (S-18).
func (c *Coverage) Observe(s *ledger.SourceStatus) {
	k := ledger.FeedKey{Source: s.Source, Feed: s.Feed}
	f := c.feeds[k]
	if f == nil {
		f = &feedStatus{epoch: s.Epoch, instances: map[string]*ledger.SourceStatus{}}
		c.feeds[k] = f
	}
	if s.Epoch.Number < f.epoch.Number || s.Epoch.Number == f.epoch.Number && s.Epoch.OpenedBy != f.epoch.OpenedBy {
		return
	}
	if s.Epoch.Number > f.epoch.Number {
		f.epoch = s.Epoch
		f.instances = map[string]*ledger.SourceStatus{}
	}
	f.instances[s.Instance] = s
	c.date = max(c.date, s.SourceDate)
	c.gen++
	f.gen = c.gen
	f.joined = f.join(k, c.released)
}

// Release notes that a quarantine entry was read after all: what it said stands
// in the log, and its hole is none any more (S-20).
func (c *Coverage) Release(id string) {
	c.released[id] = true
	for k, f := range c.feeds { //lint:a each alone
		if slices.ContainsFunc(f.joined.Holes, func(h ledger.Hole) bool { return h.Quarantine == id }) {
			c.gen++
			f.gen = c.gen
			f.joined = f.join(k, c.released)
		}
	}
}

func (f *feedStatus) join(k ledger.FeedKey, released map[string]bool) ledger.FeedCoverage {
	out := ledger.FeedCoverage{Source: k.Source, Feed: k.Feed, Epoch: f.epoch}
	names := make([]string, 0, len(f.instances))
	for n := range f.instances {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		s := f.instances[n]
		for _, iv := range s.Intervals {
			out.Intervals = ledger.AddInterval(out.Intervals, iv)
		}
		out.Withdrawn = append(out.Withdrawn, s.Withdrawn...)
		for _, h := range s.Holes {
			if !released[h.Quarantine] {
				out.Holes = append(out.Holes, h)
			}
		}
		out.Unkeyed = append(out.Unkeyed, s.Unkeyed...)
		out.LastHeard = max(out.LastHeard, s.LastHeard)
		out.SkewExceeded = out.SkewExceeded || s.SkewExceeded
	}
	return out
}

// Date is the newest Date any source answered, 0 if none.
func (c *Coverage) Date() ledger.Instant { return c.date }

// Gen numbers the changes so far.
func (c *Coverage) Gen() uint64 { return c.gen }

// Since lists the feeds that changed after a generation, ascending.
func (c *Coverage) Since(gen uint64) []ledger.FeedCoverage {
	var out []ledger.FeedCoverage
	for _, f := range c.feeds {
		if f.gen > gen {
			out = append(out, f.joined)
		}
	}
	slices.SortFunc(out, func(a, b ledger.FeedCoverage) int {
		if n := strings.Compare(string(a.Source), string(b.Source)); n != 0 {
			return n
		}
		return strings.Compare(a.Feed, b.Feed)
	})
	return out
}

// Feed returns one feed's joined coverage, false if it was never reported.
func (c *Coverage) Feed(k ledger.FeedKey) (ledger.FeedCoverage, bool) {
	if f := c.feeds[k]; f != nil {
		return f.joined, true
	}
	return ledger.FeedCoverage{}, false
}

// Statuses lists every instance's newest status of the present epochs.
func (c *Coverage) Statuses() []*ledger.SourceStatus {
	var out []*ledger.SourceStatus
	for _, f := range c.feeds {
		for _, s := range f.instances {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *ledger.SourceStatus) int {
		return strings.Compare(string(a.Source)+"\x00"+a.Feed+"\x00"+a.Instance, string(b.Source)+"\x00"+b.Feed+"\x00"+b.Instance)
	})
	return out
}
