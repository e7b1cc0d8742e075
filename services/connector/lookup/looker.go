package lookup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
)

// Defaults of Options, and the pace of asking again.
const (
	DefaultEvery     = time.Second
	DefaultTimeout   = 30 * time.Second
	DefaultMaxAnswer = 8 << 20
	DefaultLimit     = 50
	firstBackOff     = time.Second
	maxBackOff       = 2 * time.Minute
	// nameless is how long an order waits that the source has no name for, and
	// apart how long one whose question the source calls wrong, at first.
	nameless = time.Minute
	apart    = 30 * time.Second
	mostLong = 30 * time.Minute
)

// Ledger knows which orders wait. The engine's node is one, in this process.
type Ledger interface {
	// Awaiting lists orders with a verdict that waits to hear a feed, those first
	// that need the least, at most limit of each partition. It calls skip with
	// every candidate and passes over those that skip accepts.
	Awaiting(f ledger.FeedKey, limit int, skip func(order ledger.OrderKey, need ledger.Instant) bool) ([]ledger.Awaited, error)
}

// Log takes answers.
type Log interface {
	connector.Sink
	// Look returns nil only when the record stands in the order's partition.
	Look(ctx context.Context, l *ledger.Looked) error
}

// Options configure a Looker. Zero values of the last group take defaults.
type Options struct {
	Source  *connector.Source
	System  *catalog.System
	Tokens  map[string]string
	HashKey []byte

	Ledger Ledger
	Log    Log
	Clock  connector.Clock
	Client poll.Doer
	Logger *slog.Logger
	// Jitter returns a number in [0, 1), Nonce a fresh unguessable text.
	Jitter func() float64
	Nonce  func() string

	Observer connector.Observer
	// Budget is that of the source's polls where they run in this process.
	Budget *poll.Budget
	// Every is how often it is looked for orders that wait, Limit how many of each
	// partition are taken at once.
	Every     time.Duration
	Limit     int
	Timeout   time.Duration
	MaxAnswer int64
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	if o.Source == nil || o.System == nil {
		return errors.New("lookup: Source and System are needed")
	}
	var errs []error
	if len(o.System.LookupFeeds()) == 0 {
		errs = append(errs, fmt.Errorf("lookup: system %s cannot be asked about one order", o.System.Name))
	}
	if o.Ledger == nil || o.Log == nil || o.Clock == nil || o.Client == nil || o.Logger == nil || o.Jitter == nil || o.Nonce == nil {
		errs = append(errs, errors.New("lookup: Ledger, Log, Clock, Client, Logger, Jitter and Nonce are needed"))
	}
	if o.Observer == nil {
		o.Observer = connector.Silent{}
	}
	if o.Budget == nil && o.Clock != nil {
		rate, burst := o.Source.Lookup.PerSecond, o.Source.Lookup.Burst
		if rate == 0 {
			rate = 0.5
		}
		if burst == 0 {
			burst = 2
		}
		o.Budget = poll.NewBudget(o.Clock, rate, burst)
	}
	for _, d := range []struct {
		to  *time.Duration
		def time.Duration
	}{{&o.Every, DefaultEvery}, {&o.Timeout, DefaultTimeout}} {
		if *d.to <= 0 {
			*d.to = d.def
		}
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = DefaultMaxAnswer
	}
	return errors.Join(errs...)
}

// Looker asks one source. It is not safe for concurrent use.
type Looker struct {
	opts   Options
	mapper *catalog.Mapper
	feeds  []*asking
	skew   ledger.Micros
	faults int // of the source, one after the other
}

// asking is what is known of one feed's look-ups.
type asking struct {
	feed  *catalog.Feed
	key   ledger.FeedKey
	lag   ledger.Micros
	wait  ledger.Micros
	way   *way
	notes map[ledger.OrderKey]*note
}

// note is what became of the questions about one order.
type note struct {
	need   ledger.Instant // that was answered
	again  ledger.Instant // not to be asked before
	faults int
	seen   bool // it still waits
}

// New checks and binds a source.
func New(o Options) (*Looker, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	spec := o.System.SourceSpec(o.Source)
	l := &Looker{opts: o, mapper: mapper, skew: spec.Skew}
	for i := range spec.Feeds {
		f := o.System.Feed(spec.Feeds[i].Name)
		if !spec.Feeds[i].Lookup {
			continue
		}
		a := &asking{feed: f, key: ledger.FeedKey{Source: spec.Name, Feed: f.Name}, lag: spec.Feeds[i].LookupLag, wait: f.Lookup.Wait.Micros(), notes: map[ledger.OrderKey]*note{}}
		if o.Source.Lookup.Wait != nil {
			a.wait = o.Source.Lookup.Wait.Micros()
		}
		if a.way, err = newWay(&o, f); err != nil {
			return nil, err
		}
		l.feeds = append(l.feeds, a)
	}
	return l, nil
}

// Run looks until ctx ends. Faults are counted, waited out and tried again.
func (l *Looker) Run(ctx context.Context) error {
	for {
		wait := l.opts.Every
		if err := l.Round(ctx); err != nil && ctx.Err() == nil {
			l.faults++
			wait = l.backOff(err)
			l.opts.Logger.Warn("orders not looked up", "source", l.opts.Source.Name, "retry_in", wait, "error", err)
		}
		if err := l.opts.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

// backOff grows from one second to two minutes with jitter, and is never
// shorter than what the source asked for.
func (l *Looker) backOff(err error) time.Duration {
	d := min(firstBackOff<<min(l.faults-1, 10), maxBackOff)
	d = d/2 + time.Duration(l.opts.Jitter()*float64(d/2))
	var f *poll.Fault
	if errors.As(err, &f) && f.After > 0 {
		return f.After + time.Duration(l.opts.Jitter()*float64(time.Second))
	}
	return d
}

// Round asks about every order that waits and may be asked about now. It ends
// early with the source's fault: what is out of order for one order is for all.
func (l *Looker) Round(ctx context.Context) error {
	for _, a := range l.feeds {
		waiting, err := l.waiting(a)
		if err != nil {
			return fmt.Errorf("find what waits for %s: %w", a.key, err)
		}
		for i := range waiting {
			if err := l.order(ctx, a, &waiting[i]); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// waiting lists the orders to ask about now, and forgets those that no longer
// wait.
func (l *Looker) waiting(a *asking) ([]ledger.Awaited, error) {
	now := ledger.At(l.opts.Clock.Now())
	for _, n := range a.notes {
		n.seen = false
	}
	more := false
	list, err := l.opts.Ledger.Awaiting(a.key, l.opts.Limit, func(order ledger.OrderKey, need ledger.Instant) bool {
		n := a.notes[order]
		if n != nil {
			n.seen = true
		}
		// An answer proves up to its asking less skew and lag: asked earlier, it would
		// prove too little, and have to be asked again.
		early := now < need.Add(l.skew+a.lag+a.wait)
		skip := early || n != nil && (n.need >= need || now < n.again)
		more = more || !skip
		return skip
	})
	list = once(list)
	if err != nil || more {
		return list, err // not all were seen: nothing is forgotten
	}
	for order, n := range a.notes {
		if !n.seen {
			delete(a.notes, order)
		}
	}
	return list, nil
}

// once joins what waits twice, by itself and as a member of a merged order.
func once(list []ledger.Awaited) []ledger.Awaited {
	var out []ledger.Awaited
	for _, w := range list {
		at := slices.IndexFunc(out, func(x ledger.Awaited) bool { return x.Order == w.Order })
		if at < 0 {
			w.Aliases = slices.Clone(w.Aliases)
			out = append(out, w)
			continue
		}
		out[at].Need = max(out[at].Need, w.Need)
		for _, a := range w.Aliases {
			if !slices.Contains(out[at].Aliases, a) {
				out[at].Aliases = append(out[at].Aliases, a)
			}
		}
	}
	return out
}

// order asks about one order. An error is the source's: it holds for all orders.
func (l *Looker) order(ctx context.Context, a *asking, w *ledger.Awaited) error {
	n := a.notes[w.Order]
	if n == nil {
		n = &note{}
		a.notes[w.Order] = n
	}
	now := ledger.At(l.opts.Clock.Now())
	names := a.way.names(w)
	if len(names) == 0 {
		n.again = now.Add(ledger.Span(nameless))
		return nil
	}
	if err := l.opts.Log.Healthy(); err != nil {
		return fmt.Errorf("look-ups wait for the log: %w", err)
	}
	got, err := l.ask(ctx, a, w, names)
	var f *poll.Fault
	if errors.As(err, &f) && (f.Outcome == connector.OutcomeRefused || f.Outcome == connector.OutcomeBroken) {
		n.faults++ // this question is wrong, others may not be
		n.again = now.Add(ledger.Span(min(apart<<min(n.faults-1, 10), mostLong)))
		l.count(a, f.Outcome, err)
		l.opts.Logger.Warn("order not looked up", "source", a.key.Source, "feed", a.key.Feed, "order", w.Order, "error", err)
		return nil
	}
	if err != nil {
		outcome := connector.OutcomeUnavailable
		if f != nil {
			outcome = f.Outcome
		}
		l.count(a, outcome, err)
		n.faults++ // it waits behind the others: the fault may be its alone
		n.again = now.Add(ledger.Span(min(firstBackOff<<min(n.faults, 10), maxBackOff)))
		return err
	}
	l.faults = 0
	n.need, n.faults = w.Need, 0
	l.count(a, connector.OutcomeAccepted, nil)
	if got.parked {
		return nil // it is on its way to the order under a name: nothing may be proven before it is there (S-37)
	}
	proof := &ledger.Looked{Source: a.key.Source, Feed: a.key.Feed, Order: w.Order, AskedAt: got.asked, Found: got.found}
	if err := l.opts.Log.Look(ctx, proof); err != nil {
		n.need = 0
		return fmt.Errorf("append the answer about %s: %w", w.Order, err)
	}
	return nil
}

func (l *Looker) count(a *asking, outcome connector.Outcome, err error) {
	l.opts.Observer.Observe(connector.Observation{Source: a.key.Source, Feed: a.key.Feed, Outcome: outcome, Count: 1, Err: err})
}
