package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/connector/webhook"
)

// Defaults of Options.
const (
	DefaultTimeout   = 60 * time.Second
	DefaultMaxAnswer = 64 << 20
	DefaultCapacity  = 500
	DefaultTries     = 6
	firstBackOff     = 2 * time.Second
	maxBackOff       = 2 * time.Minute
)

// ReasonUnreadable is the reason of quarantine of a trigger whose place could
// not be read, however often it was tried.
const ReasonUnreadable = "unreadable-url"

// Options configure a Fetcher. Zero values of the last group take defaults.
type Options struct {
	Source *connector.Source
	System *catalog.System
	// Instance names this process in statuses; the same after a restart.
	Instance string
	Tokens   map[string]string
	HashKey  []byte

	Sink  connector.Sink
	Store connector.StatusStore
	Clock connector.Clock
	// Client must not follow redirects: see poll.NewClient.
	Client poll.Doer
	Logger *slog.Logger
	// Jitter returns a number in [0, 1), Nonce a fresh unguessable text.
	Jitter func() float64
	Nonce  func() string

	Observer connector.Observer
	// Budget is that of the source, shared with its pollers.
	Budget    *poll.Budget
	Timeout   time.Duration
	MaxAnswer int64
	// Capacity bounds how many places may wait; beyond it senders come back.
	Capacity int
	// Tries is how often a place is tried that the source refuses.
	Tries int
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	if o.Source == nil || o.System == nil {
		return errors.New("fetch: Source and System are needed")
	}
	var errs []error
	if f := o.System.WebhookFeed(); f == nil || f.Webhook.Fetch == nil {
		errs = append(errs, fmt.Errorf("fetch: deliveries of system %s carry their documents themselves", o.System.Name))
	}
	if o.Sink == nil || o.Store == nil || o.Clock == nil || o.Client == nil || o.Logger == nil || o.Jitter == nil || o.Nonce == nil {
		errs = append(errs, errors.New("fetch: Sink, Store, Clock, Client, Logger, Jitter and Nonce are needed"))
	}
	if o.Instance == "" {
		errs = append(errs, errors.New("fetch: Instance must be a stable name"))
	}
	if o.Observer == nil {
		o.Observer = connector.Silent{}
	}
	if o.Budget == nil && o.Clock != nil {
		o.Budget = poll.NewBudget(o.Clock, o.Source.Poll.PerSecond, o.Source.Poll.Burst)
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = DefaultMaxAnswer
	}
	if o.Capacity <= 0 {
		o.Capacity = DefaultCapacity
	}
	if o.Tries <= 0 {
		o.Tries = DefaultTries
	}
	return errors.Join(errs...)
}

// Fetcher takes the triggers of one source and reads what they name, one after
// the other. It is safe for concurrent use; Run is called once.
type Fetcher struct {
	opts   Options
	feed   *catalog.Feed
	mapper *catalog.Mapper
	caller *poll.Caller
	wake   chan struct{}

	mu     sync.Mutex
	status *ledger.SourceStatus // nil until loaded
	list   todo
}

var _ webhook.Taker = (*Fetcher)(nil)

// New checks and binds a source.
func New(o Options) (*Fetcher, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	feed := o.System.WebhookFeed()
	return &Fetcher{
		opts: o, feed: feed, mapper: mapper, wake: make(chan struct{}, 1),
		caller: &poll.Caller{
			Source: o.Source, Auth: feed.Webhook.Fetch.Auth, Tokens: o.Tokens, Nonce: o.Nonce, Client: o.Client, Clock: o.Clock,
			Timeout: o.Timeout, MaxAnswer: o.MaxAnswer,
		},
	}, nil
}

// Take keeps a trigger. It returns nil only when that is durable.
func (f *Fetcher) Take(ctx context.Context, t webhook.Trigger) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(ctx); err != nil {
		return err
	}
	next, news := f.list.with(task{URL: t.URL, ReceivedAt: t.ReceivedAt, TraceID: t.TraceID})
	if !news {
		return nil
	}
	if len(next.Tasks) > f.opts.Capacity {
		return fmt.Errorf("source %s: %d places wait to be read: %w", f.opts.Source.Name, f.opts.Capacity, connector.ErrUnavailable)
	}
	if err := f.save(ctx, next, max(f.status.LastHeard, t.ReceivedAt)); err != nil {
		return err
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return nil
}

// load takes up what the store remembers.
func (f *Fetcher) load(ctx context.Context) error {
	if f.status != nil {
		return nil
	}
	name := ledger.Source(f.opts.Source.Name)
	st, err := f.opts.Store.Load(ctx, name, f.feed.Name, f.opts.Instance)
	if err != nil {
		return fmt.Errorf("load status of %s/%s: %w", name, f.feed.Name, err)
	}
	fresh := &ledger.SourceStatus{Source: name, Feed: f.feed.Name, Instance: f.opts.Instance, Epoch: ledger.Epoch{Number: 1, OpenedBy: f.opts.Instance}}
	if st == nil {
		f.status, f.list = fresh, todo{Format: todoFormat}
		return nil
	}
	fresh.LastHeard = st.LastHeard
	list, err := decodeTodo(st.Cursor)
	if err != nil {
		f.opts.Logger.Warn("what was to be read is not known any more; the polled feeds show it", "source", name, "error", err)
		list = todo{Format: todoFormat}
	}
	f.status, f.list = fresh, list
	return nil
}

// save makes a list durable and only then adopts it. Deliveries prove that a
// source lives, never that it was heard completely: there is no interval.
func (f *Fetcher) save(ctx context.Context, next todo, heard ledger.Instant) error {
	raw, err := next.encode()
	if err != nil {
		return err
	}
	st := *f.status
	st.Cursor, st.LastHeard, st.ReportedAt = json.RawMessage(raw), heard, ledger.At(f.opts.Clock.Now())
	if err := f.opts.Store.Save(ctx, &st); err != nil {
		return fmt.Errorf("save status of %s/%s: %w", st.Source, st.Feed, err)
	}
	f.status, f.list = &st, next
	return nil
}

// Run reads until ctx ends. Faults are counted, waited out and tried again.
func (f *Fetcher) Run(ctx context.Context) error {
	faults := 0
	for {
		done, err := f.Step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil:
			wait := f.backOff(err, faults)
			faults++
			f.opts.Logger.Warn("place not read", "source", f.opts.Source.Name, "retry_in", wait, "error", err)
			if err := f.opts.Clock.Wait(ctx, wait); err != nil {
				return err
			}
		case done:
			faults = 0
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-f.wake:
			}
		}
	}
}

// backOff grows from two seconds to two minutes with jitter, and is never
// shorter than what the source asked for.
func (f *Fetcher) backOff(err error, faults int) time.Duration {
	var fault *poll.Fault
	if errors.As(err, &fault) && fault.After > 0 {
		return fault.After + time.Duration(f.opts.Jitter()*float64(time.Second))
	}
	d := min(firstBackOff<<min(faults, 8), maxBackOff)
	return d/2 + time.Duration(f.opts.Jitter()*float64(d/2))
}
