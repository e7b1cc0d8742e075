// Package simulatetest lets a ledger listen to a shop without a network: the
// shop's documents go through the catalog's mappers into partitions of orders
// and of names under the shipped policy, with ticks and the coverage that polls
// prove.
package simulatetest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// partitions is how many partitions orders have, and names.
const partitions = 2

// workers is how many documents are mapped at once.
const workers = 2

// HashKey keys the hashes of e-mail addresses.
const HashKey = "a key of the simulation"

type source struct {
	cfg    *connector.Source
	spec   ledger.SourceSpec
	system *catalog.System
	// mappers are one for each worker.
	mappers [workers]*catalog.Mapper
}

// Ledger listens to a World, poll by poll and tick by tick.
type Ledger struct {
	Policy *ledger.Policy

	cfg     Config
	net     *ledgertest.Net
	sources map[string]*source
	feeds   []*feed
	held    []arrival
	began   time.Time
	told    []int // per partition, how much of what it told was read
	claims  []truth.Claim
	quiet   int // foreign documents
	heard   map[ledger.EventID]Record
}

// Interval is how often every feed is polled, and how often ticks come, unless
// configured otherwise.
const Interval = 10 * time.Second

// Config says what a ledger listens to, and what is laid over the shipped
// catalog and policy.
type Config struct {
	World   *shop.World
	Sources []connector.Source
	// Systems is a folder of catalog entries, nil for none; Policy are files.
	Systems fs.FS
	Policy  []policy.File
	// Every is how often feeds are polled and ticks come; Interval if zero.
	Every time.Duration
	// Shuffle, if set, decides the order of everything that arrives between two
	// ticks, keeps webhooks back for up to Hold, and lets partitions fold, send,
	// crash and send again in between.
	Shuffle *rand.Rand
	Hold    time.Duration
}

// New opens a ledger.
func New(cfg Config) (*Ledger, error) {
	cat, err := catalog.Shipped()
	if err != nil {
		return nil, err
	}
	if cfg.Systems != nil {
		if err := cat.Add(cfg.Systems); err != nil {
			return nil, err
		}
	}
	if cfg.Every == 0 {
		cfg.Every = Interval
	}
	if err := cat.Bind(cfg.Sources); err != nil {
		return nil, err
	}
	rnd := cfg.Shuffle
	if rnd == nil {
		rnd = rand.New(rand.NewPCG(1, 1))
	}
	l := &Ledger{
		cfg: cfg, net: ledgertest.NewNet(rnd, partitions, partitions), sources: map[string]*source{}, told: make([]int, 2*partitions), heard: map[ledger.EventID]Record{},
	}
	for i := range cfg.Sources {
		if err := l.bind(&cfg.Sources[i], cat); err != nil {
			return nil, err
		}
	}
	if l.Policy, err = l.compile(cfg.Policy); err != nil {
		return nil, err
	}
	l.net.Everywhere(ledger.Record{Policy: l.Policy.Record(nil, "simulation")})
	return l, nil
}

func (l *Ledger) bind(src *connector.Source, cat *catalog.Catalog) error {
	sys, err := cat.System(src.System)
	if err != nil {
		return err
	}
	s := &source{cfg: src, spec: sys.SourceSpec(src), system: sys}
	for k := range s.mappers {
		m, err := sys.NewMapper(catalog.MapperOptions{Source: src, HashKey: []byte(HashKey)})
		if err != nil {
			return err
		}
		s.mappers[k] = m
	}
	l.sources[src.Name] = s
	for _, spec := range s.spec.Feeds {
		f := sys.Feed(spec.Name)
		if f.Poll == nil || len(spec.Proves) == 0 { // lists that prove nothing are those of old objects
			continue
		}
		l.feeds = append(l.feeds, &feed{
			spec: spec, source: s, catalog: f, from: src.LiveFrom.Instant(), seen: map[string]ledger.Instant{},
			coverage: ledger.FeedCoverage{Source: s.spec.Name, Feed: spec.Name, Epoch: ledger.Epoch{Number: 1, OpenedBy: "simulation"}},
		})
	}
	return nil
}

func (l *Ledger) compile(own []policy.File) (*ledger.Policy, error) {
	shipped, err := policy.Shipped()
	if err != nil {
		return nil, err
	}
	draft, problems := policy.Load(shipped, own)
	if policy.Failed(problems) {
		return nil, policy.Err(problems)
	}
	opt := policy.Options{Version: 1}
	for _, name := range slices.Sorted(maps.Keys(l.sources)) {
		s := l.sources[name]
		opt.Sources = append(opt.Sources, s.spec)
		opt.Vocabularies = append(opt.Vocabularies, policy.VocabularyOf(s.system))
	}
	p, problems := draft.Compile(opt)
	return p, policy.Err(problems)
}

// Run listens from one instant to another: everything that is overdue first,
// then at its pace. It may be called again, for a later stretch.
func (l *Ledger) Run(from, to time.Time) error {
	if l.began.IsZero() {
		l.began = from
	}
	for now := from; !now.After(to); now = now.Add(l.cfg.Every) {
		if err := l.step(now, from); err != nil {
			return err
		}
	}
	return nil
}

// Idle goes on where nothing happens any more, at a pace that still hears every
// feed in time.
func (l *Ledger) Idle(from, to time.Time) error {
	every := l.cfg.Every
	l.cfg.Every = 2 * time.Minute
	err := l.Run(from, to)
	l.cfg.Every = every
	return err
}

// step takes in what arrives up to an instant, and ticks.
func (l *Ledger) step(now, from time.Time) error {
	list, err := l.delivered(now, from)
	if err != nil {
		return err
	}
	var heard []*feed
	for _, f := range l.feeds {
		if l.cfg.World.Silent(f.source.cfg.Name, now) {
			continue
		}
		read, err := l.poll(f, now)
		if err != nil {
			return err
		}
		list, heard = append(list, read...), append(heard, f)
	}
	if l.cfg.Shuffle != nil {
		l.cfg.Shuffle.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	}
	results := mapped(list)
	for i := range list {
		if err := l.take(&list[i], <-results[i]); err != nil {
			return err
		}
		if l.cfg.Shuffle != nil && l.cfg.Shuffle.IntN(3) == 0 {
			l.net.Step()
		}
	}
	wall := ledger.At(now)
	tick := ledger.Tick{Wall: wall, Proposer: "simulation", BootID: [16]byte{1}, BootClock: wall.Sub(ledger.At(l.began)) + ledger.Day, SourceDate: wall}
	for _, f := range heard {
		f.acknowledge(ledger.At(now))
		tick.Feeds = append(tick.Feeds, f.coverage)
	}
	l.net.Everywhere(ledger.Record{Tick: &tick})
	for n := 0; l.cfg.Shuffle != nil && n < 8; n++ {
		l.net.Step()
	}
	if l.cfg.Shuffle == nil || l.cfg.Shuffle.IntN(2) == 0 {
		l.net.Drain()
	}
	l.listen()
	return nil
}

// errNotUnderstood says that a document of the simulation was not understood.
var errNotUnderstood = errors.New("a simulated document is not understood")

// mapped maps documents side by side, while those before them are taken in: what
// one says depends on none of the others.
func mapped(list []arrival) []chan *catalog.Result {
	out := make([]chan *catalog.Result, len(list))
	for i := range out {
		out[i] = make(chan *catalog.Result, 1)
	}
	for k := range workers {
		go func() {
			for i := k; i < len(list); i += workers {
				res := list[i].source.mappers[k].Map(list[i].in)
				out[i] <- &res
			}
		}()
	}
	return out
}

// take appends what a document says to its log.
func (l *Ledger) take(a *arrival, res *catalog.Result) error {
	switch {
	case res.Event != nil:
		l.heard[res.Event.ID] = Record{ID: res.Event.ID, Order: ledger.OrderKey(a.order), Source: res.Event.Source}
		l.net.OrderMember(res.Event.Order).Append(ledger.Record{Event: res.Event})
		return nil
	case res.Unkeyed != nil:
		u := res.Unkeyed
		l.heard[u.Event.ID] = Record{ID: u.Event.ID, Order: ledger.OrderKey(a.order), Source: u.Event.Source, By: u.By}
		offset := l.net.AliasMember(u.By).Append(ledger.Record{Unkeyed: u})
		if a.feed != nil {
			a.feed.appended(ledger.PartitionOf(u.By.Key(), partitions), offset)
		}
		return nil
	case res.Foreign:
		l.quiet++
		return nil
	default:
		return fmt.Errorf("%s %s: %w: %+v", a.source.cfg.Name, a.in.Delivery.Topic, errNotUnderstood, res.Quarantined)
	}
}
