package topic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Defaults of Options, and the pace of trying again.
const (
	DefaultSaveEvery  = 2 * time.Second
	DefaultMaxRecords = 1_000
	firstBackOff      = 100 * time.Millisecond
	maxBackOff        = 30 * time.Second
	// callPatience bounds one question to the cluster.
	callPatience = 20 * time.Second
)

// Log is the cluster on which the topic is.
type Log interface {
	kafkalog.Source
	TopicID(ctx context.Context, topic string) (kafkalog.TopicID, error)
	Close()
}

// ErrUndecodable says that a value can never be read; any other error of a
// Decoder is worth trying again.
var ErrUndecodable = errors.New("the value cannot be read")

// Decoder turns a value in Avro wire format into JSON.
type Decoder interface {
	Decode(ctx context.Context, value []byte) ([]byte, error)
}

// Options configure a Consumer. Zero values of the last group take defaults.
type Options struct {
	Source *connector.Source
	System *catalog.System
	Feed   string
	// Instance names this consumer in statuses; the same after a restart.
	Instance string
	HashKey  []byte

	// Open connects to the cluster. It is called again after a failure.
	Open func(ctx context.Context) (Log, error)
	// Decoder reads Avro; nil where the topic holds JSON alone.
	Decoder Decoder

	Sink   connector.Sink
	Store  connector.StatusStore
	Clock  connector.Clock
	Logger *slog.Logger
	// Jitter returns a number in [0, 1).
	Jitter func() float64

	Observer connector.Observer
	// SaveEvery is how often the place is saved while records come, MaxRecords
	// how many are appended at once.
	SaveEvery  time.Duration
	MaxRecords int
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	if o.Source == nil || o.System == nil {
		return errors.New("topic: Source and System are needed")
	}
	var errs []error
	switch f := o.System.Feed(o.Feed); {
	case f == nil || f.Kafka == nil:
		errs = append(errs, fmt.Errorf("topic: system %s has no feed %q that is read from a topic", o.System.Name, o.Feed))
	case f.TopicOf(o.Source) == "":
		errs = append(errs, fmt.Errorf("source %s: kafka.topics: name the topic of feed %s", o.Source.Name, o.Feed))
	case f.Kafka.Format.Text == catalog.FormatAvro && o.Decoder == nil:
		errs = append(errs, fmt.Errorf("source %s: feed %s is in Avro: name the schema registry of its cluster", o.Source.Name, o.Feed))
	}
	if o.Open == nil || o.Sink == nil || o.Store == nil || o.Clock == nil || o.Logger == nil || o.Jitter == nil {
		errs = append(errs, errors.New("topic: Open, Sink, Store, Clock, Logger and Jitter are needed"))
	}
	if o.Instance == "" {
		errs = append(errs, errors.New("topic: Instance must be a stable name"))
	}
	if o.Observer == nil {
		o.Observer = connector.Silent{}
	}
	if o.SaveEvery <= 0 {
		o.SaveEvery = DefaultSaveEvery
	}
	if o.MaxRecords <= 0 {
		o.MaxRecords = DefaultMaxRecords
	}
	return errors.Join(errs...)
}

// Consumer reads one feed of one source: all partitions of one topic. It is not
// safe for concurrent use.
type Consumer struct {
	opts   Options
	feed   *catalog.Feed
	topic  string
	mapper *catalog.Mapper
	terms  terms

	log    Log
	reader kafkalog.Reader
	state  *progress // nil until loaded
	asking *asking   // whose records are not all acknowledged
	asked  time.Time // when the end was asked for last
	saved  time.Time
	dirty  bool
	// distrusted are partitions whose history was reported lost.
	distrusted map[int32]bool
}

// New checks and binds a feed. It connects to nothing.
func New(o Options) (*Consumer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	c := &Consumer{opts: o, feed: o.System.Feed(o.Feed), mapper: mapper, distrusted: map[int32]bool{}}
	c.topic = c.feed.TopicOf(o.Source)
	c.terms = terms{complete: c.feed.Kafka.Complete, quiet: c.feed.Kafka.Quiet.Micros()}
	spec := o.System.SourceSpec(o.Source)
	for i := range spec.Feeds {
		if spec.Feeds[i].Name == o.Feed {
			c.terms.settle = spec.Feeds[i].Settle
		}
	}
	return c, nil
}

// Run reads until ctx ends. Faults are counted, waited out and tried again.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.disconnect()
	for faults := 0; ; {
		began := c.opts.Clock.Now()
		err := c.session(ctx)
		c.hangUp(err)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), c.save(context.WithoutCancel(ctx)))
		}
		if c.opts.Clock.Now().Sub(began) > time.Minute {
			faults = 0
		}
		faults++
		wait := c.backOff(faults)
		c.observe(connector.OutcomeUnavailable, 1, err)
		c.opts.Logger.Warn("topic not read", "source", c.opts.Source.Name, "feed", c.opts.Feed, "topic", c.topic, "retry_in", wait, "error", err)
		if err := c.opts.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

// backOff grows to half a minute, with jitter.
func (c *Consumer) backOff(faults int) time.Duration {
	d := min(firstBackOff<<min(faults-1, 10), maxBackOff)
	return d/2 + time.Duration(c.opts.Jitter()*float64(d/2))
}

// session connects, finds its place and reads until something is in the way.
func (c *Consumer) session(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	if err := c.opts.Sink.Healthy(); err != nil {
		return fmt.Errorf("the topic waits for the log: %w", err)
	}
	if c.log == nil {
		log, err := c.opts.Open(ctx)
		if err != nil {
			return err
		}
		c.log = log
	}
	if err := c.findPlace(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := c.ask(ctx); err != nil {
			return err
		}
		if err := c.read(ctx); err != nil {
			return err
		}
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// hangUp ends a session; the connection is kept only if the topic itself was
// the matter.
func (c *Consumer) hangUp(err error) {
	if c.reader != nil {
		c.reader.Close()
		c.reader = nil
	}
	c.asking = nil
	for _, l := range kafkalog.LostPartitions(err) {
		if l.Position.Partition >= 0 && !errors.Is(l.Err, kafkalog.ErrUnknownTopic) {
			c.distrusted[l.Position.Partition] = true
		}
	}
	if !errors.Is(err, kafkalog.ErrLogLost) && !errors.Is(err, errMoved) {
		c.disconnect()
	}
}

func (c *Consumer) disconnect() {
	if c.log != nil {
		c.log.Close()
		c.log = nil
	}
}

func (c *Consumer) load(ctx context.Context) error {
	if c.state != nil {
		return nil
	}
	name := ledger.Source(c.opts.Source.Name)
	st, err := c.opts.Store.Load(ctx, name, c.opts.Feed, c.opts.Instance)
	if err != nil {
		return fmt.Errorf("load status of %s/%s: %w", name, c.opts.Feed, err)
	}
	c.state = adopt(st, ledger.SourceStatus{Source: name, Feed: c.opts.Feed, Instance: c.opts.Instance})
	c.saved = c.opts.Clock.Now()
	return nil
}

// save makes the place durable: everything before it was acknowledged.
func (c *Consumer) save(ctx context.Context) error {
	if c.state == nil || !c.dirty {
		return nil
	}
	raw, err := c.state.cursor.encode()
	if err != nil {
		return err
	}
	now := c.opts.Clock.Now()
	c.state.status.Cursor, c.state.status.ReportedAt = raw, ledger.At(now)
	st := c.state.status
	if err := c.opts.Store.Save(ctx, &st); err != nil {
		return fmt.Errorf("save status of %s/%s: %w", st.Source, st.Feed, err)
	}
	c.saved, c.dirty = now, false
	return nil
}

func (c *Consumer) observe(outcome connector.Outcome, n int, err error) {
	if n > 0 {
		c.opts.Observer.Observe(connector.Observation{Source: ledger.Source(c.opts.Source.Name), Feed: c.opts.Feed, Outcome: outcome, Count: n, Err: err})
	}
}
