package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// every is how often feeds are polled.
const every = 10 * time.Second

// hashKey keys the hashes of e-mail addresses.
const hashKey = "a key of the lab"

type source struct {
	cfg    *connector.Source
	spec   ledger.SourceSpec
	system *catalog.System
	mapper *catalog.Mapper
}

// ear hears a shop as a connector would, without a network: webhooks second by
// second, polls at their turn, both with noise; and proposes time as owners of
// partitions do.
type ear struct {
	policy *ledger.Policy

	world   *shop.World
	noise   Noise
	rnd     *rand.Rand
	net     *net
	sources map[string]*source
	feeds   []*feed
	held    []arrival // webhooks on their way
	began   time.Time
	idling  bool
	paused  time.Time // until when partitions stand still
	claims  []truth.Claim
	others  *others // the baselines, nil for none
	counts  Heard
	// firsts are when the first news of faulty orders came: see earliest.
	firsts map[string][]news
	wanted map[string]bool
}

// Heard counts what was heard.
type Heard struct {
	Records     int `json:"records"`
	Foreign     int `json:"foreign"`
	Quarantined int `json:"quarantined"`
	Poisoned    int `json:"poisoned"`
	Refused     int `json:"refused_polls"`
	Pauses      int `json:"pauses"`
	Crashes     int `json:"crashes"`
}

func (h *Heard) add(o Heard) {
	h.Records, h.Foreign, h.Quarantined, h.Poisoned = h.Records+o.Records, h.Foreign+o.Foreign, h.Quarantined+o.Quarantined, h.Poisoned+o.Poisoned
	h.Refused, h.Pauses, h.Crashes = h.Refused+o.Refused, h.Pauses+o.Pauses, h.Crashes+o.Crashes
}

// news is one document about an order: when it took its state, and when it came.
type news struct {
	at, received time.Time
	source       string
}

// arrival is one document that reaches the edge.
type arrival struct {
	source *source
	in     catalog.Input
	order  string
	at     time.Time // when it took its state
	feed   *feed
	again  *catalog.Result // what it said at first sight, if it is read again
}

// heard is one document that was understood, with the order it speaks of in truth.
type heard struct {
	order string
	event *ledger.Event
}

// earOptions say what is heard, and how.
type earOptions struct {
	world   *shop.World
	sources []connector.Source
	noise   Noise
	rnd     *rand.Rand
	wanted  map[string]bool
}

func newEar(o earOptions) (*ear, error) {
	cat, err := catalog.Shipped()
	if err != nil {
		return nil, err
	}
	if err := cat.Bind(o.sources); err != nil {
		return nil, err
	}
	e := &ear{world: o.world, noise: o.noise, rnd: o.rnd, sources: map[string]*source{}, wanted: o.wanted, firsts: map[string][]news{}}
	if e.net, err = newNet(); err != nil {
		return nil, err
	}
	for i := range o.sources {
		if err := e.bind(&o.sources[i], cat); err != nil {
			return nil, err
		}
	}
	if e.policy, err = e.compile(); err != nil {
		return nil, err
	}
	for _, m := range e.net.all {
		m.append(ledger.Record{Policy: e.policy.Record(nil, "lab")}, ledger.At(o.world.Config().Opening))
	}
	return e, nil
}

func (e *ear) bind(src *connector.Source, cat *catalog.Catalog) error {
	sys, err := cat.System(src.System)
	if err != nil {
		return err
	}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: src, HashKey: []byte(hashKey), Bodiless: true})
	if err != nil {
		return err
	}
	s := &source{cfg: src, spec: sys.SourceSpec(src), system: sys, mapper: m}
	e.sources[src.Name] = s
	for _, spec := range s.spec.Feeds {
		f := sys.Feed(spec.Name)
		if f.Poll == nil || len(spec.Proves) == 0 {
			continue
		}
		e.feeds = append(e.feeds, newFeed(e.world, s, f, spec))
	}
	return nil
}

func (e *ear) compile() (*ledger.Policy, error) {
	shipped, err := policy.Shipped()
	if err != nil {
		return nil, err
	}
	draft, problems := policy.Load(shipped, nil)
	if policy.Failed(problems) {
		return nil, policy.Err(problems)
	}
	opt := policy.Options{Version: 1}
	names := []string{}
	for name := range e.sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		opt.Sources = append(opt.Sources, e.sources[name].spec)
		opt.Vocabularies = append(opt.Vocabularies, policy.VocabularyOf(e.sources[name].system))
	}
	p, problems := draft.Compile(opt)
	return p, policy.Err(problems)
}

// run listens second by second.
func (e *ear) run(from, to time.Time) error {
	e.began = from
	for now := from; !now.After(to); now = now.Add(time.Second) {
		if err := e.second(now, now.Sub(from)%every == 0); err != nil {
			return err
		}
	}
	return nil
}

// idlePace is how often feeds are asked, and baselines look, where nothing happens
// any more.
const idlePace = 2 * time.Minute

// idle goes on where nothing happens any more, at a pace that hears every feed in
// time.
func (e *ear) idle(from, to time.Time) error {
	e.idling = true // at this pace one refused poll would be a silence
	for now := from; !now.After(to); now = now.Add(idlePace) {
		if err := e.second(now, true); err != nil {
			return err
		}
	}
	return nil
}

// second takes in what arrives up to an instant, and lets time pass.
func (e *ear) second(now time.Time, polls bool) error {
	for _, a := range e.delivered(now) {
		if err := e.take(&a, now); err != nil {
			return err
		}
	}
	var read []*feed
	for _, f := range e.feeds {
		if !polls || e.world.Silent(f.source.cfg.Name, now) {
			continue
		}
		if !e.idling && chance(e.rnd, e.noise.Refused) {
			e.counts.Refused++
			continue
		}
		if err := e.poll(f, now); err != nil {
			return err
		}
		read = append(read, f)
	}
	for _, f := range read {
		f.acknowledge(ledger.At(now))
	}
	if polls && e.others != nil {
		e.others.look(now)
	}
	if e.standsStill(now) {
		return nil
	}
	return e.pass(now)
}

// standsStill decides whether the partitions are paused.
func (e *ear) standsStill(now time.Time) bool {
	if now.Before(e.paused) {
		return true
	}
	if now.Second() == 0 && chance(e.rnd, e.noise.Paused) {
		e.counts.Pauses++
		e.paused = now.Add(time.Duration(e.rnd.Int64N(int64(e.noise.PauseFor) + 1)))
	}
	return now.Before(e.paused)
}

// pass folds what is there and proposes ticks where they are due, as the owner of
// a partition does, until none is due any more.
func (e *ear) pass(now time.Time) error {
	if chance(e.rnd, e.noise.Crash) {
		e.counts.Crashes++
		if err := e.net.all[e.rnd.IntN(len(e.net.all))].crash(); err != nil {
			return err
		}
	}
	wall := ledger.At(now)
	if err := e.net.drain(wall); err != nil {
		return err
	}
	for range 5 { // of 200 ms each
		ticked := false
		for _, m := range e.net.all {
			due, err := m.due(wall)
			if err != nil {
				return err
			}
			if due || e.grown(m) {
				e.tick(m, wall)
				ticked = true
			}
		}
		if !ticked {
			break
		}
		if err := e.net.drain(wall); err != nil {
			return err
		}
		e.listen(wall)
		wall = wall.Add(200 * ledger.Millisecond)
	}
	e.listen(ledger.At(now))
	return nil
}

// grown reports whether a partition was not told of the newest coverage.
func (e *ear) grown(m *member) bool {
	return slices.ContainsFunc(e.feeds, func(f *feed) bool { return f.asked > m.ticks })
}

// tick appends a tick that carries the coverage of every feed.
func (e *ear) tick(m *member, wall ledger.Instant) {
	t := ledger.Tick{Partition: m.opt.Partition, Wall: wall, Proposer: "lab", BootID: [16]byte{1}, BootClock: wall.Sub(ledger.At(e.began)) + ledger.Day, SourceDate: wall}
	for _, f := range e.feeds {
		if f.asked > m.ticks {
			t.Feeds = append(t.Feeds, f.coverage)
		}
	}
	m.ticks = wall
	m.append(ledger.Record{Tick: &t}, wall)
}

// listen notes what the partitions told, and when.
func (e *ear) listen(at ledger.Instant) {
	for _, m := range e.net.orders {
		e.hear(m, at)
	}
	for _, m := range e.net.names {
		e.hear(m, at)
	}
}

func (e *ear) hear(m *member, at ledger.Instant) {
	for i := range m.told {
		c := truth.ClaimOf(&m.told[i].Exception)
		c.SaidAt = at.Time()
		e.claims = append(e.claims, c)
	}
	m.told = m.told[:0]
}

// errNotUnderstood says that a document of the simulation was not understood.
var errNotUnderstood = errors.New("a simulated document is not understood")

// errReadDiffers says that the shortcut of the second reading is not one.
var errReadDiffers = errors.New("a document read again says something else")

// take appends what a document says to its log.
func (e *ear) take(a *arrival, now time.Time) error {
	e.counts.Records++
	res := a.again
	if res == nil {
		r := a.source.mapper.Map(a.in)
		res = &r
	} else if res = reread(res, &a.in); a.in.Raw != nil {
		if r := a.source.mapper.Map(a.in); !reflect.DeepEqual(r.Event, res.Event) {
			return fmt.Errorf("%s: %w", a.source.cfg.Name, errReadDiffers)
		}
	}
	if a.feed != nil && a.again == nil {
		a.feed.first(res, now)
	}
	if e.wanted[a.order] && a.again == nil {
		e.firsts[a.order] = append(e.firsts[a.order], news{a.at, now, a.source.cfg.Name})
	}
	return e.place(a, res, now)
}

// place appends it.
func (e *ear) place(a *arrival, res *catalog.Result, now time.Time) error {
	var event *ledger.Event
	switch {
	case res.Event != nil:
		event = res.Event
		e.net.order(event.Order).append(ledger.Record{Event: event}, ledger.At(now))
	case res.Unkeyed != nil:
		event = &res.Unkeyed.Event
		offset := e.net.name(res.Unkeyed.By).append(ledger.Record{Unkeyed: res.Unkeyed}, ledger.At(now))
		if a.feed != nil {
			a.feed.appended(ledger.PartitionOf(res.Unkeyed.By.Key(), partitions), offset)
		}
	case res.Foreign:
		e.counts.Foreign++
		return nil
	case a.order == poisoned && res.Quarantined != nil:
		e.counts.Quarantined++
		return nil
	default:
		return fmt.Errorf("%s %s: %w: %+v", a.source.cfg.Name, a.in.Delivery.Topic, errNotUnderstood, res.Quarantined)
	}
	if e.others != nil && a.again == nil {
		e.others.shelf.hear(heard{a.order, event})
	}
	return nil
}

// reread is what a document says that is read a second time.
func reread(res *catalog.Result, in *catalog.Input) *catalog.Result {
	out := *res
	stamp := func(ev *ledger.Event) {
		ev.ReceivedAt, ev.AskedAt, ev.PrevAsked = in.ReceivedAt, in.AskedAt, in.PrevAsked
	}
	if res.Event != nil {
		ev := *res.Event
		stamp(&ev)
		out.Event = &ev
	}
	if res.Unkeyed != nil {
		u := *res.Unkeyed
		stamp(&u.Event)
		out.Unkeyed = &u
	}
	return &out
}
