package lab

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/orderledger/orderledger/services/simulate/lab/holdout"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// Defaults and measures.
const (
	DefaultOrders = 10_000
	DefaultRate   = 200
	// ShopSize is how many orders one shop has at most: more are played as shops
	// side by side, each with a seed of its own, so that what is kept in memory does
	// not grow with the campaign.
	ShopSize = 2_500
	// pace is the mean span between two orders.
	pace = time.Second
	// tail is how long a shop is heard after its last order was born.
	tail = 55 * time.Minute
	// orphaned is how long a name waits for its order.
	orphaned = 25 * time.Hour
)

// Targets are what is asked of the detector.
const (
	TargetPrecision   = 0.99
	TargetRecall      = 0.98
	TargetClassRecall = 0.95
	TargetNull        = 1
	TargetDelay       = time.Second
)

// Config says what is to be measured.
type Config struct {
	// Orders is how many are born for each seed.
	Orders int
	Seeds  []uint64
	// Faults are names of classes, "all" or "none"; Rate is how many of a thousand
	// orders have one.
	Faults []string
	Rate   int
	// Null adds a campaign without faults, under Loud noise. HoldOut adds the
	// classes that no rule was written against.
	Null, HoldOut bool
	// Baselines lets five other detectors judge the same shops.
	Baselines bool
	// For bounds the time: no shop is begun after it, and the report says how many
	// were played. 0: all are.
	For time.Duration
	// Workers is how many shops are played at once.
	Workers int
	// Progress is told after every shop; nil tells nobody.
	Progress func(done, of int)

	classes []Class
}

// Validate fills in defaults and joins every problem.
func (c *Config) Validate() error {
	var errs []error
	if c.Orders == 0 {
		c.Orders = DefaultOrders
	}
	if len(c.Seeds) == 0 {
		c.Seeds = []uint64{1}
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Orders < 1 || c.Orders > 10_000_000 || c.Workers < 1 {
		errs = append(errs, errors.New("lab: --orders must lie between 1 and 10000000, and workers be at least 1"))
	}
	if c.Rate < 0 || c.Rate > 500 {
		errs = append(errs, errors.New("lab: --rate must lie between 0 and 500 per mille, so that most orders stay healthy"))
	}
	classes, err := choose(c.Faults)
	c.classes = classes
	return errors.Join(append(errs, err)...)
}

// job is one shop to be played.
type job struct {
	campaign string
	seed     uint64
	turn     int // of its campaign
	orders   int
	classes  []Class
	rate     int
	noise    Noise
}

// The campaigns.
const (
	Faulty  = "faults"
	NullRun = "null"
	HeldOut = "hold-out"
	NoRule  = "no-rule"
)

// jobs cuts the campaigns into shops.
func (c *Config) jobs() []job {
	var out []job
	cut := func(campaign string, seeds []uint64, j job) {
		turn := 0
		for _, seed := range seeds {
			for left, n := c.Orders, uint64(0); left > 0; left, n = left-ShopSize, n+1 {
				j.campaign, j.seed, j.orders = campaign, seed*1_000_003+n, min(left, ShopSize)
				j.turn = turn
				out = append(out, j)
				turn++
			}
		}
	}
	if len(c.classes) > 0 {
		cut(Faulty, c.Seeds, job{classes: c.classes, rate: c.Rate, noise: Usual()})
	}
	if c.Null {
		cut(NullRun, c.Seeds, job{noise: Loud()})
	}
	if c.HoldOut {
		cut(HeldOut, holdout.Seeds(), job{classes: plain(holdout.Faults()), rate: c.Rate, noise: Usual()})
		cut(NoRule, c.Seeds[:1], job{classes: plain([]shop.Fault{shop.DoubleOrder, shop.LabelFails}), rate: c.Rate, noise: Usual()})
	}
	slices.SortStableFunc(out, func(a, b job) int { return cmp.Compare(a.turn, b.turn) }) // so that what is cut short has some of each
	return out
}

// plain makes classes of faults that happen to single orders.
func plain(faults []shop.Fault) []Class {
	var out []Class
	for _, f := range faults {
		out = append(out, Class{Fault: f})
	}
	return out
}

// silences draws an outage of the ERP's API, where that is a class.
func (j *job) silences(rnd *rand.Rand) []shop.Silence {
	if !slices.ContainsFunc(j.classes, func(c Class) bool { return c.Fault == shop.SourceSilent }) {
		return nil
	}
	from := opening.Add(time.Minute + time.Duration(rnd.Int64N(int64(time.Duration(j.orders)*pace)+1))).Truncate(time.Second)
	return []shop.Silence{{Source: shop.DefaultSources().ERP, Feeds: polled["netsuite"], From: from, Until: from.Add(outage)}}
}

// outage is how long an API answers nothing but errors.
const outage = 9 * time.Minute

// long reports whether a shop must be heard for a day, until names are orphans.
func (j *job) long() bool {
	for _, c := range j.classes {
		if c.Fault == shop.PaymentUnnamed || c.Fault == shop.TrackingTwice {
			return true
		}
	}
	return false
}
