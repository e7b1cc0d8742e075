package shop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Sources are the names under which the shop's systems are configured.
type Sources struct {
	Storefront string
	Payment    string
	ERP        string
	Warehouse  string
	Courier    string
}

// DefaultSources are the names that the demonstration uses.
func DefaultSources() Sources {
	return Sources{Storefront: "shopify-eu", Payment: "stripe-eu", ERP: "netsuite-main", Warehouse: "shipstation-eu", Courier: "demoparcel-eu"}
}

// Injection makes a fault happen to one order, counted from 0 by birth.
type Injection struct {
	Order int
	Fault Fault
}

// Silence is a stretch over which the API of a source answers nothing but
// errors. Its webhooks go on.
type Silence struct {
	Source string
	// Feeds are the feeds of the source that its API serves.
	Feeds []string
	From  time.Time
	Until time.Time
}

// Config makes a World. The same Config makes the same World, byte by byte.
type Config struct {
	Seed uint64
	// Opening is when the shop opens; the first order is born FirstOrder later.
	Opening time.Time
	// Orders is how many are born altogether; 0 means no end.
	Orders int
	// Every is the mean span between two births.
	Every      time.Duration
	Injections []Injection
	Silences   []Silence
	Sources    Sources
	// Pauses are when nothing is sold.
	Pauses []Pause
	// TrackingNumbers is how many the courier has before it uses them again; 0:
	// it never does.
	TrackingNumbers int

	// Skew is by how much the systems' clocks are ahead. Only what is followed
	// (Follow) may be read from clocks that go wrong: lists are asked in the shop's
	// own time.
	Skew Skew
	// ManyWords lets every parcel with an unmapped status take a word of its own.
	ManyWords bool

	zone   *time.Location // of the warehouse's clocks
	faults map[int]Fault
}

// Skew is by how much the clock of each system is ahead of the shop's.
type Skew struct {
	Storefront, Payment, ERP, Warehouse, Courier time.Duration
}

// faultOf is the fault of an order, "" if it has none.
func (c *Config) faultOf(index int) Fault { return c.faults[index] }

// Pause is a span without births before the order of that index.
type Pause struct {
	Before int
	For    time.Duration
}

// FirstOrder is the span between the opening and the first birth. It keeps the
// first orders inside what pollers can prove that begin at the opening.
const FirstOrder = 15 * time.Second

// Validate fills in defaults and joins every problem.
func (c *Config) Validate() error {
	var errs []error
	if c.Opening.IsZero() {
		errs = append(errs, errors.New("shop: set Opening"))
	}
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Every < time.Millisecond || c.Orders < 0 {
		errs = append(errs, errors.New("shop: Every must be at least 1ms and Orders not negative"))
	}
	if c.Sources == (Sources{}) {
		c.Sources = DefaultSources()
	}
	var err error
	if c.zone, err = time.LoadLocation(WarehouseZone); err != nil {
		errs = append(errs, fmt.Errorf("shop: the zone of the warehouse's clocks: %w", err))
	}
	errs = append(errs, c.checkInjections()...)
	return errors.Join(errs...)
}

// checkInjections finds faults that cannot happen.
func (c *Config) checkInjections() (errs []error) {
	taken := map[int]bool{}
	c.faults = map[int]Fault{}
	for _, in := range c.Injections {
		spec, ok := Lookup(in.Fault)
		if !ok || !spec.PerOrder {
			errs = append(errs, fmt.Errorf("shop: %q is no fault of an order; know %v", in.Fault, OrderFaults()))
		}
		if taken[in.Order] {
			errs = append(errs, fmt.Errorf("shop: order %d has two faults", in.Order))
		}
		taken[in.Order] = true
		c.faults[in.Order] = in.Fault
	}
	for _, in := range c.Injections {
		if next := in.Order + 1; in.Fault == TrackingTwice && (taken[next] || c.Orders > 0 && next >= c.Orders) {
			errs = append(errs, fmt.Errorf("shop: %s of order %d needs order %d, without a fault of its own", TrackingTwice, in.Order, next))
		}
	}
	return errs
}

// stream returns a random stream that depends on the seed and its own number
// alone.
func (c *Config) stream(n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, 0x9e3779b97f4a7c15^n))
}

// births yields the instants at which orders are born, ascending.
type births struct {
	cfg  *Config
	rng  *rand.Rand
	next time.Time
	made int
}

func newBirths(c *Config) *births {
	return &births{cfg: c, rng: c.stream(0), next: c.Opening.Add(FirstOrder).UTC()}
}

// peek returns the next birth, false after the last.
func (b *births) peek() (time.Time, bool) {
	return b.next, b.cfg.Orders == 0 || b.made < b.cfg.Orders
}

func (b *births) pop() {
	b.made++
	gap := time.Duration((0.5 + b.rng.Float64()) * float64(b.cfg.Every))
	b.next = b.next.Add(gap).Truncate(time.Millisecond)
	for _, p := range b.cfg.Pauses {
		if p.Before == b.made {
			b.next = b.next.Add(p.For)
		}
	}
}

// Births lists when the orders are born that a configuration gives up to an
// instant, whatever its injections.
func Births(c Config, until time.Time) []time.Time {
	b := newBirths(&c)
	var out []time.Time
	for {
		at, ok := b.peek()
		if !ok || at.After(until) {
			return out
		}
		out = append(out, at)
		b.pop()
	}
}

// Spread gives every fault to some of the orders, each at least once if there
// are orders enough, and leaves most of them healthy where it can.
func Spread(faults []Fault, orders int) []Injection {
	var out []Injection
	if len(faults) == 0 || orders == 0 {
		return out
	}
	step := max(1, min(orders/len(faults), 6))
	for k, i := 0, step/2; i < orders; k, i = k+1, i+step {
		f := faults[k%len(faults)]
		if f == TrackingTwice && i+1 >= orders {
			continue
		}
		out = append(out, Injection{Order: i, Fault: f})
		if f == TrackingTwice && step == 1 { // it takes two
			i++
		}
	}
	return out
}
