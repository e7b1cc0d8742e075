package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Defaults of Options.
const (
	DefaultPageTimeout = 60 * time.Second
	DefaultPollTimeout = 30 * time.Minute
	DefaultMaxAnswer   = 64 << 20
	DefaultRemember    = 50_000
	firstBackOff       = time.Second
	maxBackOff         = 2 * time.Minute
)

// Doer sends requests; *http.Client is one. It must not follow redirects (see
// NewClient): a token must not leave for elsewhere.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// NewClient returns a client that follows no redirects.
func NewClient(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Options configure a Poller. Zero values of the last group take defaults.
type Options struct {
	Source *connector.Source
	System *catalog.System
	Feed   string
	// Instance names this poller in statuses; the same after a restart.
	Instance string
	Tokens   map[string]string
	HashKey  []byte

	Sink   connector.Sink
	Store  connector.StatusStore
	Clock  connector.Clock
	Client Doer
	Logger *slog.Logger
	// Jitter returns a number in [0, 1), Nonce a fresh unguessable text.
	Jitter func() float64
	Nonce  func() string

	Observer connector.Observer
	// Tracer follows pages; nil follows none.
	Tracer      connector.Tracer
	Budget      *Budget
	PageTimeout time.Duration
	PollTimeout time.Duration
	MaxAnswer   int64
	Remember    int
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	var errs []error
	if o.Source == nil || o.System == nil {
		return errors.New("poll: Source and System are needed")
	}
	if f := o.System.Feed(o.Feed); f == nil || f.Poll == nil {
		errs = append(errs, fmt.Errorf("poll: system %s has no polled feed %q", o.System.Name, o.Feed))
	}
	if o.Sink == nil || o.Store == nil || o.Clock == nil || o.Client == nil || o.Logger == nil || o.Jitter == nil || o.Nonce == nil {
		errs = append(errs, errors.New("poll: Sink, Store, Clock, Client, Logger, Jitter and Nonce are needed"))
	}
	if o.Instance == "" {
		errs = append(errs, errors.New("poll: Instance must be a stable name"))
	}
	if o.Tracer == nil {
		o.Tracer = connector.Untraced{}
	}
	if o.Observer == nil {
		o.Observer = connector.Silent{}
	}
	if o.Budget == nil && o.Clock != nil {
		o.Budget = NewBudget(o.Clock, o.Source.Poll.PerSecond, o.Source.Poll.Burst)
	}
	for _, d := range []struct {
		to  *time.Duration
		def time.Duration
	}{{&o.PageTimeout, DefaultPageTimeout}, {&o.PollTimeout, DefaultPollTimeout}} {
		if *d.to <= 0 {
			*d.to = d.def
		}
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = DefaultMaxAnswer
	}
	if o.Remember <= 0 {
		o.Remember = DefaultRemember
	}
	return errors.Join(errs...)
}

// Poller reads one feed of one source. It is not safe for concurrent use.
type Poller struct {
	opts     Options
	feed     *catalog.Feed
	mapper   *catalog.Mapper
	asker    *asker
	caller   *Caller
	bounds   bounds
	interval time.Duration
	recent   *recent

	state *progress // nil until loaded
	since time.Time // when the open poll was begun or taken up
}

// New checks and binds a feed.
func New(o Options) (*Poller, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	p := &Poller{opts: o, feed: o.System.Feed(o.Feed), mapper: mapper, recent: newRecent(o.Remember)}
	if p.asker, err = newAsker(&o, p.feed.Poll); err != nil {
		return nil, err
	}
	p.caller = &Caller{
		Source: o.Source, Auth: p.feed.Poll.Auth, Tokens: o.Tokens, Nonce: o.Nonce, Client: o.Client, Clock: o.Clock,
		Timeout: o.PageTimeout, MaxAnswer: o.MaxAnswer,
	}
	spec := o.System.SourceSpec(o.Source)
	p.bounds = bounds{start: o.Source.Since.Instant(), precision: spec.Precision, skew: spec.Skew, history: p.feed.Poll.History.Micros()}
	if p.bounds.start == 0 {
		p.bounds.start = o.Source.LiveFrom.Instant()
	}
	if p.bounds.start == 0 {
		return nil, fmt.Errorf("source %s: set since: or live_from:, so that the first poll knows where to begin", o.Source.Name)
	}
	for i := range spec.Feeds {
		if spec.Feeds[i].Name == o.Feed {
			p.bounds.settle = spec.Feeds[i].Settle
		}
	}
	p.interval = o.Source.Poll.Interval.Duration()
	if p.interval == 0 {
		p.interval = p.feed.Poll.Interval.Duration()
	}
	return p, nil
}

// Run polls until ctx ends. Faults are counted, waited out and tried again.
func (p *Poller) Run(ctx context.Context) error {
	faults := 0
	for {
		done, err := p.stepDue(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := time.Duration(0)
		switch {
		case err != nil:
			faults++
			wait = p.backOff(err, faults)
			p.opts.Logger.Warn("page not read", "source", p.opts.Source.Name, "feed", p.opts.Feed, "retry_in", wait, "error", err)
		case done:
			faults, wait = 0, p.interval
		default:
			faults = 0
		}
		if err := p.opts.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

// stepDue is Step, unless the feed is read once and has been, or need not be.
func (p *Poller) stepDue(ctx context.Context) (bool, error) {
	if before := p.feed.Poll.OnceBefore.Micros(); before > 0 {
		if err := p.load(ctx); err != nil {
			return false, err
		}
		read := p.state.cursor.LastAsked != 0
		recent := p.bounds.start >= ledger.At(p.opts.Clock.Now()).Add(-before)
		if read || recent && p.state.cursor.Open == nil {
			return true, nil
		}
	}
	return p.Step(ctx)
}

// backOff grows from one second to two minutes with full jitter, and is never
// shorter than what the source asked for.
func (p *Poller) backOff(err error, faults int) time.Duration {
	d := min(firstBackOff<<min(faults-1, 10), maxBackOff)
	d = d/2 + time.Duration(p.opts.Jitter()*float64(d/2))
	var f *Fault
	if errors.As(err, &f) && f.After > 0 {
		return f.After + time.Duration(p.opts.Jitter()*float64(time.Second))
	}
	return d
}

// Step reads one page: it loads what the store remembers if this is the first
// step, plans, asks, appends and saves. It reports whether a poll's last page
// was acknowledged. After an error nothing has changed but what is durable; the
// next step tries again.
func (p *Poller) Step(ctx context.Context) (done bool, err error) {
	if err := p.load(ctx); err != nil {
		return false, err
	}
	began := p.opts.Clock.Now()
	if p.state.cursor.Open != nil && began.Sub(p.since) > p.opts.PollTimeout {
		p.state = nil // take up again what the store remembers
		return false, fmt.Errorf("poll of %s/%s: no end after %s; it is taken up again", p.opts.Source.Name, p.opts.Feed, p.opts.PollTimeout)
	}
	work, end := p.opts.Tracer.Begin(ctx, connector.Work{Name: "poll page", Source: p.opts.Source.Name, Feed: p.opts.Feed})
	done, err = p.step(work)
	end(err)
	outcome := connector.OutcomeAccepted
	if err != nil {
		outcome = connector.OutcomeUnavailable
		var f *Fault
		if errors.As(err, &f) {
			outcome = f.Outcome
		}
	}
	p.count(outcome, 1, p.opts.Clock.Now().Sub(began), err)
	return done, err
}

func (p *Poller) count(outcome connector.Outcome, n int, took time.Duration, err error) {
	if n > 0 {
		p.opts.Observer.Observe(connector.Observation{Source: ledger.Source(p.opts.Source.Name), Feed: p.opts.Feed, Outcome: outcome, Count: n, Took: took, Err: err})
	}
}

func (p *Poller) load(ctx context.Context) error {
	if p.state != nil {
		return nil
	}
	name := ledger.Source(p.opts.Source.Name)
	st, err := p.opts.Store.Load(ctx, name, p.opts.Feed, p.opts.Instance)
	if err != nil {
		return fmt.Errorf("load status of %s/%s: %w", name, p.opts.Feed, err)
	}
	p.state = adopt(st, ledger.SourceStatus{Source: name, Feed: p.opts.Feed, Instance: p.opts.Instance})
	p.since = p.opts.Clock.Now()
	return nil
}

func (p *Poller) step(ctx context.Context) (bool, error) {
	if err := p.opts.Sink.Healthy(); err != nil {
		return false, fmt.Errorf("poll of %s/%s waits for the log: %w", p.opts.Source.Name, p.opts.Feed, err)
	}
	if err := p.opts.Budget.Take(ctx); err != nil {
		return false, err
	}
	now := p.opts.Clock.Now()
	next := p.state.begin(p.bounds, ledger.At(now))
	if p.state.cursor.Open == nil {
		p.since = now
	}
	ans, err := p.ask(ctx, next.cursor.Open)
	if err != nil {
		return false, p.refused(ctx, err)
	}
	pg, err := p.asker.read(ans, next.cursor.Open)
	if err != nil {
		return false, &Fault{Outcome: connector.OutcomeBroken, Status: http.StatusOK, Err: err}
	}
	if pg.moved {
		p.state = p.state.clone()
		p.state.cursor.Open = nil
		return false, &Fault{Outcome: connector.OutcomeBroken, Status: http.StatusOK, Err: errMoved}
	}
	next.answered(p.bounds, ans)
	if err := p.emit(ctx, next, pg, ans); err != nil {
		return false, err
	}
	if !pg.last {
		next.turned(pg)
		if !p.asker.resumable() {
			p.state = next
			return false, nil
		}
		return false, p.save(ctx, next)
	}
	next.acknowledged(p.bounds)
	return true, p.save(ctx, next)
}

// errMoved says that a list by offset changed while it was read.
var errMoved = errors.New("the list changed while it was read; it is read again")

// refused handles an answer that was none: a source that no longer lets us read
// makes what it said last doubtful.
func (p *Poller) refused(ctx context.Context, err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	if o := p.state.cursor.Open; f.Outcome == connector.OutcomeRefused && o != nil && o.next != "" {
		o.next = "" // the continuation has expired; go on behind the last item read
		return err
	}
	if o := p.state.cursor.Open; f.Outcome == connector.OutcomeRefused && o != nil && o.Pages > 0 && p.asker.poll.Kind.Text == "cursor" {
		p.state = p.state.clone() // the item to go on behind is gone; read from the newest again
		p.state.cursor.Open = nil
		return err
	}
	if f.Outcome != connector.OutcomeDenied {
		return err
	}
	next := p.state.clone()
	if !next.denied(p.opts.Instance) {
		return err
	}
	next.status.ReportedAt = ledger.At(p.opts.Clock.Now())
	return errors.Join(err, p.save(ctx, next))
}

// ask sends the question for the next page and takes the whole answer.
func (p *Poller) ask(ctx context.Context, o *open) (*Answer, error) {
	req, err := p.asker.question(ctx, o)
	if err != nil {
		return nil, &Fault{Outcome: connector.OutcomeBroken, Err: err}
	}
	return p.caller.Call(ctx, req)
}

// save makes progress durable and only then adopts it.
func (p *Poller) save(ctx context.Context, next *progress) error {
	raw, err := next.cursor.encode()
	if err != nil {
		return err
	}
	next.status.Cursor = json.RawMessage(raw)
	st := next.status
	if err := p.opts.Store.Save(ctx, &st); err != nil {
		return fmt.Errorf("save status of %s/%s: %w", st.Source, st.Feed, err)
	}
	p.state = next
	return nil
}
