// Package simulatetest lets a ledger listen to a shop without a network: the
// shop's documents go through the catalog's mappers into one ledger.Partition
// under the shipped policy, with ticks and the coverage that polls prove.
package simulatetest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// collections names what each polled feed lists.
var collections = map[string]shop.Collection{
	"orders": shop.Orders, "sales-orders": shop.SalesOrders,
	"item-fulfillments": shop.ItemFulfillments, "invoices": shop.Invoices, "credit-memos": shop.CreditMemos,
}

// feed is one polled feed.
type feed struct {
	spec     ledger.FeedSpec
	source   *source
	catalog  *catalog.Feed
	from     ledger.Instant // where its coverage begins
	asked    ledger.Instant // the last poll, 0 before the first
	coverage ledger.FeedCoverage
}

type source struct {
	cfg    *connector.Source
	spec   ledger.SourceSpec
	system *catalog.System
	mapper *catalog.Mapper
}

// Ledger listens to a World, poll by poll and tick by tick.
type Ledger struct {
	Policy *ledger.Policy
	Store  *ledger.MemStore

	world   *shop.World
	every   time.Duration
	part    *ledger.Partition
	sources map[string]*source
	feeds   []*feed
	offset  int64
	claims  []truth.Claim
	quiet   int // foreign documents
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
	w, sources := cfg.World, cfg.Sources
	if cfg.Every == 0 {
		cfg.Every = Interval
	}
	if err := cat.Bind(sources); err != nil {
		return nil, err
	}
	l := &Ledger{world: w, every: cfg.Every, Store: ledger.NewMemStore(), sources: map[string]*source{}}
	for i := range sources {
		if err := l.bind(&sources[i], cat); err != nil {
			return nil, err
		}
	}
	if l.Policy, err = l.compile(cfg.Policy); err != nil {
		return nil, err
	}
	if l.part, err = ledger.Open(l.Store, ledger.Options{Partitions: 1}); err != nil {
		return nil, err
	}
	return l, l.apply(&ledger.Record{Policy: l.Policy.Record(nil, "simulation")})
}

func (l *Ledger) bind(src *connector.Source, cat *catalog.Catalog) error {
	sys, err := cat.System(src.System)
	if err != nil {
		return err
	}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: src})
	if err != nil {
		return err
	}
	s := &source{cfg: src, spec: sys.SourceSpec(src), system: sys, mapper: m}
	l.sources[src.Name] = s
	for _, spec := range s.spec.Feeds {
		f := sys.Feed(spec.Name)
		if f.Poll == nil {
			continue
		}
		l.feeds = append(l.feeds, &feed{
			spec: spec, source: s, catalog: f, from: src.LiveFrom.Instant(),
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
// then at its pace.
func (l *Ledger) Run(from, to time.Time) error {
	for now := from; !now.After(to); now = now.Add(l.every) {
		for _, d := range l.world.Due(now) {
			if err := l.deliver(d, later(d.Send, from)); err != nil {
				return err
			}
		}
		var heard []ledger.FeedCoverage
		for _, f := range l.feeds {
			if l.world.Silent(f.source.cfg.Name, now) {
				continue
			}
			if err := l.poll(f, now); err != nil {
				return err
			}
			heard = append(heard, f.coverage)
		}
		wall := ledger.At(now)
		tick := &ledger.Tick{Wall: wall, Proposer: "simulation", BootID: [16]byte{1}, BootClock: wall.Sub(ledger.At(from)) + ledger.Day, SourceDate: wall, Feeds: heard}
		if err := l.apply(&ledger.Record{Tick: tick}); err != nil {
			return err
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (l *Ledger) deliver(d *shop.Delivery, received time.Time) error {
	body, err := d.Body()
	if err != nil {
		return err
	}
	s := l.sources[d.Source]
	return l.take(s.mapper.Map(catalog.Input{
		Feed: s.system.WebhookFeed(), Raw: body, ReceivedAt: ledger.At(received),
		Delivery: ledger.Delivery{Topic: d.Topic, ID: d.ID},
	}), d.Topic)
}

// poll reads what changed since the last poll, as S-17 asks for.
func (l *Ledger) poll(f *feed, now time.Time) error {
	asked, covers := ledger.At(now), f.from
	if f.asked != 0 {
		covers = f.asked.Add(-f.spec.Settle)
	}
	page, err := l.world.List(shop.Query{Collection: collections[f.spec.Name], At: now, Since: covers.Add(-f.source.spec.Precision - f.spec.Settle).Time()})
	if err != nil {
		return err
	}
	for _, item := range page.Items {
		res := f.source.mapper.Map(catalog.Input{Feed: f.catalog, Raw: item, ReceivedAt: asked, AskedAt: asked, PrevAsked: f.asked})
		if err := l.take(res, f.spec.Name); err != nil {
			return err
		}
	}
	f.asked = asked
	f.coverage.LastHeard = asked
	f.coverage.Intervals = ledger.AddInterval(f.coverage.Intervals, ledger.Interval{From: covers, Until: asked.Add(-f.spec.Settle)})
	return nil
}

// errNotUnderstood says that a document of the simulation was not understood.
var errNotUnderstood = errors.New("a simulated document is not understood")

func (l *Ledger) take(res catalog.Result, what string) error {
	switch {
	case res.Event != nil:
		return l.apply(&ledger.Record{Event: res.Event})
	case res.Foreign:
		l.quiet++
		return nil
	default:
		return fmt.Errorf("%s: %w: %+v", what, errNotUnderstood, res.Quarantined)
	}
}

func (l *Ledger) apply(r *ledger.Record) error {
	r.Offset = l.offset
	l.offset++
	if err := l.part.Apply(r); err != nil {
		return err
	}
	l.commit()
	for l.part.Continuing() {
		if err := l.part.Continue(); err != nil {
			return err
		}
		l.commit()
	}
	return nil
}

func (l *Ledger) commit() {
	for i := range l.part.Rows().Exceptions {
		l.claims = append(l.claims, truth.ClaimOf(&l.part.Rows().Exceptions[i].Exception))
	}
	l.part.Flush(l.Store)
}

// Claims returns every exception under every name it had, as it last stood.
func (l *Ledger) Claims() []truth.Claim {
	var out []truth.Claim
	for _, c := range l.claims {
		at := slices.IndexFunc(out, func(o truth.Claim) bool { return o.ID == c.ID && o.Exception == c.Exception })
		if at < 0 {
			out = append(out, c)
		} else {
			c.SaidAt = out[at].SaidAt
			out[at] = c
		}
	}
	return out
}

// Changes returns every change of every exception, in the order it was told.
func (l *Ledger) Changes() []truth.Claim { return slices.Clone(l.claims) }

// Foreign is how many documents were none of the shop's orders.
func (l *Ledger) Foreign() int { return l.quiet }

// Order returns an order as readers see it.
func (l *Ledger) Order(key string) (ledger.OrderView, []ledger.Told, error) {
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		return ledger.OrderView{}, nil, err
	}
	v, _, err := r.Order(ledger.OrderKey(key))
	if err != nil {
		return v, nil, err
	}
	told, err := r.Timeline(ledger.OrderKey(key))
	return v, told, err
}

// Orders lists the keys of all orders.
func (l *Ledger) Orders() ([]ledger.OrderKey, error) {
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		return nil, err
	}
	var out []ledger.OrderKey
	err = r.Orders("", func(k ledger.OrderKey) bool {
		out = append(out, k)
		return true
	})
	return out, err
}
