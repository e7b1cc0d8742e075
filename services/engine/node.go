package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// DefaultDiskReserve is how many bytes must stay free on the stores' disk.
const DefaultDiskReserve uint64 = 64 << 20

// Config configures a node.
type Config struct {
	// Dir holds one store per partition.
	Dir        string
	Partitions int32
	// Group and InstanceID are the membership that decides which node pumps a
	// partition and proposes its ticks. An empty group owns everything alone.
	Group      string
	InstanceID string
	// SessionTimeout is how long a member of the group may be silent before its
	// partitions are given to others; 0 means 10 s.
	SessionTimeout time.Duration
	// Standby folds and answers, but never owns anything.
	Standby bool
	// Name is the proposer's name in ticks.
	Name string
	// CacheOrders bounds the decoded orders per partition; 0 means 10,000.
	CacheOrders int
	// BatchRecords bounds one commit; 0 means 4,000. So does a size of 1 MiB.
	BatchRecords int
	// OutboxMaxBytes caps the outbox per partition; 0 means 256 MiB. Sinks that
	// fall behind further are filled by refolding.
	OutboxMaxBytes uint64
	// DiskReserveBytes must stay free on the store's disk, else folding waits;
	// 0 means 64 MiB.
	DiskReserveBytes uint64
}

// Validate joins every problem of the configuration.
func (c *Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("engine.dir: is missing: name a directory for the stores"))
	}
	if c.Partitions < 1 {
		errs = append(errs, fmt.Errorf("engine.partitions: %d: must be at least 1", c.Partitions))
	}
	if c.SessionTimeout <= blockPatience {
		errs = append(errs, fmt.Errorf("engine.session_timeout: %s: must be longer than the %s for which a partition is given up", c.SessionTimeout, blockPatience))
	}
	return errors.Join(errs...)
}

func (c *Config) defaults() {
	if c.SessionTimeout == 0 {
		c.SessionTimeout = 10 * time.Second
	}
	if c.CacheOrders == 0 {
		c.CacheOrders = 10_000
	}
	if c.BatchRecords == 0 {
		c.BatchRecords = 4_000
	}
	if c.OutboxMaxBytes == 0 {
		c.OutboxMaxBytes = 256 << 20
	}
	if c.DiskReserveBytes == 0 {
		c.DiskReserveBytes = DefaultDiskReserve
	}
	if c.Name == "" {
		c.Name = "ledger"
	}
}

// Deps are what a node stands on.
type Deps struct {
	Journal kafkalog.Journal
	Codec   *avroevent.Codec
	Clock   Clock
	Logger  *slog.Logger
	// Sinks receive the rows of owned partitions.
	Sinks []projections.Sink
	// Observer is told what happens; nil means nobody.
	Observer Observer
	// Tracer follows batches and blocks; nil means nobody, and costs nothing.
	Tracer Tracer
}

// Observer is told what a node does, for metrics.
type Observer interface {
	Committed(c Committed, took time.Duration)
	TickProposed(partition int32)
	Pumped(sink string, partition int32, rows int)
	SinkFailed(sink string, partition int32, err error)
	// Refilling tells how much of the log is still to be folded again for a sink
	// that lacks what the outbox no longer holds, in records; 0 once it is done.
	Refilling(sink string, partition int32, left int64)
	Stopped(partition int32, err error)
}

// Node folds every partition of the log and, for those it owns, proposes ticks
// and carries the outbox to the sinks.
type Node struct {
	cfg      Config
	deps     Deps
	topics   map[string][16]byte
	replicas []*replica // of orders.events.v1
	aliases  []*replica // of orders.unkeyed.v1
	heard    *Heard
	owner    kafkalog.Ownership
	cache    *pebble.Cache
	subs     subscribers
	room     *room           // for what is decoded and not folded, of all partitions
	refills  chan struct{}   // holds one for each refill under way
	gate     gate            // of the stores, for whoever is not waited for by wg
	run      context.Context // ends when the node is closed
	stop     context.CancelFunc
	wg       sync.WaitGroup
	once     sync.Once
	closed   error // what the first Close met
}

// Start opens the stores and begins to fold. It returns once every partition's
// store is open; reading catches up in the background.
func Start(ctx context.Context, cfg Config, deps Deps) (*Node, error) {
	cfg.defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Observer == nil {
		deps.Observer = nobody{}
	}
	n := &Node{cfg: cfg, deps: deps, topics: map[string][16]byte{}, heard: NewHeard(deps.Codec), cache: pebble.NewCache(64 << 20), room: newRoom(nodeBytes), refills: make(chan struct{}, maxRefills)}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.closeStores())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.run, n.stop = run, cancel
	if err := n.join(); err != nil {
		cancel()
		return nil, errors.Join(err, n.closeStores())
	}
	for _, topic := range n.heard.Topics() {
		n.spawn(func() { n.follow(run, topic, n.heard.Taker(topic)) })
	}
	for _, r := range n.all() {
		n.spawn(func() { r.run(run) })
		n.spawn(func() { r.tick(run) })
		for _, s := range deps.Sinks {
			if cfg.Standby {
				break // it owns nothing, ever
			}
			n.spawn(func() { r.pump(run, s) })
		}
	}
	return n, nil
}

// open opens every partition's store.
func (n *Node) open(ctx context.Context) error {
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed} {
		id, err := n.deps.Journal.TopicID(ctx, topic)
		if err != nil {
			return fmt.Errorf("identify topic %s: %w", topic, err)
		}
		n.topics[topic] = id
		for p := range n.cfg.Partitions {
			r := newReplica(n, topic, p)
			if err := r.open(); err != nil {
				return err
			}
			if r.joins() {
				n.aliases = append(n.aliases, r)
			} else {
				n.replicas = append(n.replicas, r)
			}
		}
	}
	return n.removeScratch()
}

// all are the partitions of both topics.
func (n *Node) all() []*replica { return slices.Concat(n.replicas, n.aliases) }

func (n *Node) spawn(fn func()) {
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		fn()
	}()
}

// join enters the ownership group; without one, this node owns everything.
func (n *Node) join() error {
	if n.cfg.Standby {
		return nil
	}
	if n.cfg.Group == "" {
		for _, r := range n.all() {
			r.Own(true)
		}
		return nil
	}
	o, err := n.deps.Journal.NewOwnership(kafkalog.OwnershipOptions{Group: n.cfg.Group, InstanceID: n.cfg.InstanceID,
		Topic: kafkalog.TopicEvents, SessionTimeout: n.cfg.SessionTimeout, OnChange: n.owned})
	if err != nil {
		return fmt.Errorf("join group %s: %w", n.cfg.Group, err)
	}
	n.owner = o
	return nil
}

// Close stops folding, waits for reads to end and closes the stores. What was
// committed stays. Later calls wait for the first and return what it met; reads
// get [ErrClosed] from then on.
func (n *Node) Close() error {
	n.once.Do(func() {
		n.stop()
		n.wg.Wait() // before another node is named owner, nothing is on its way
		if n.owner != nil {
			n.owner.Close()
		}
		n.closed = n.closeStores()
	})
	return n.closed
}

func (n *Node) closeStores() error {
	n.gate.close()
	var errs []error
	for _, r := range n.all() {
		errs = append(errs, r.close())
	}
	n.cache.Unref()
	return errors.Join(errs...)
}

// Partitions is the number of partitions of the log.
func (n *Node) Partitions() int32 { return n.cfg.Partitions }

// Coverage returns every feed instance's newest status.
func (n *Node) Coverage() []*ledger.SourceStatus { return n.heard.feed.statuses() }

// Stopped returns why each stopped partition stopped.
func (n *Node) Stopped() map[int32]error {
	out := map[int32]error{}
	for _, r := range n.all() {
		if err := r.stopped(); err != nil {
			out[r.partition] = err
		}
	}
	return out
}

// Ready reports whether every partition has folded everything that was in the
// log when it was last read, and if not, why.
func (n *Node) Ready() error {
	if n.run.Err() != nil {
		return ErrClosed
	}
	for _, r := range n.all() {
		if err := r.stopped(); err != nil {
			return fmt.Errorf("partition %d stopped: %w", r.partition, err)
		}
		if why := r.waits.Load(); why != nil {
			return fmt.Errorf("partition %d: %w", r.partition, *why)
		}
		if lag := r.lag(); lag != 0 {
			return fmt.Errorf("partition %d is catching up: %d records behind", r.partition, lag)
		}
	}
	return nil
}

// wants reports whether any sink keeps a table.
func (n *Node) wants(t projections.Table) bool {
	return slices.ContainsFunc(n.deps.Sinks, func(s projections.Sink) bool { return s.Wants(t) })
}

func (n *Node) sinkNames() []string {
	var names []string
	for _, s := range n.deps.Sinks {
		names = append(names, s.Name())
	}
	return names
}

type nobody struct{}

func (nobody) Committed(Committed, time.Duration) {}
func (nobody) TickProposed(int32)                 {}
func (nobody) Pumped(string, int32, int)          {}
func (nobody) SinkFailed(string, int32, error)    {}
func (nobody) Refilling(string, int32, int64)     {}
func (nobody) Stopped(int32, error)               {}
