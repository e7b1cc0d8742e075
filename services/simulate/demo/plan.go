package demo

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// The demonstration's measures.
const (
	// Past is how long ago the shop opened.
	Past = 20 * time.Minute
	// Shortest is the shortest demonstration that shows anything new.
	Shortest = 20 * time.Second
	// every is the mean span between two orders.
	every = 12 * time.Second
	// interval and settle are how the pollers are configured. What is expected
	// of a feed stays the catalog's: partitions hear of quiet feeds once a minute
	// only, so that less patience would take that for silence.
	interval = 5 * time.Second
	settle   = 3 * time.Second
	// slack is what the machine may take besides, margin what is left at the end.
	slack  = 10 * time.Second
	margin = 2 * time.Second
	// patience is how long after the end what was knowable by then is still
	// waited for: on a machine too slow for slack the demonstration takes longer
	// and says no less.
	patience = 2 * time.Minute
)

// Options are what a demonstration can be told.
type Options struct {
	Seed uint64
	// Now is when it begins.
	Now time.Time
	// For is how long it lasts; at least Shortest. Zero: an hour, for those that
	// are ended by hand.
	For time.Duration
}

// Validate fills in defaults.
func (o *Options) Validate() error {
	if o.For == 0 {
		o.For = time.Hour
	}
	if o.Now.IsZero() {
		return errors.New("demo: set Now")
	}
	if o.For < Shortest {
		return fmt.Errorf("demo: --for %s is too short to find anything out: use at least %s", o.For, Shortest)
	}
	return nil
}

// Plan is a demonstration, laid out.
type Plan struct {
	Shop     shop.Config
	Timing   truth.Timing
	Troubles []transport.Trouble
	Begin    time.Time
	End      time.Time
}

// Timing says how soon things become knowable in the demonstration.
func Timing() truth.Timing {
	t := truth.DefaultTiming()
	t.Settle, t.Poll, t.Slack = settle, interval, slack
	return t
}

// New lays out a demonstration.
func New(o Options) (*Plan, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	begin := o.Now.UTC().Truncate(time.Millisecond)
	p := &Plan{Begin: begin, End: begin.Add(o.For), Timing: Timing(), Shop: shop.Config{Seed: o.Seed, Opening: begin.Add(-Past), Every: every}}
	if err := p.Shop.Validate(); err != nil {
		return nil, err
	}
	p.choose()
	p.silence()
	// Short troubles that nobody may notice.
	names := p.Shop.Sources
	p.Troubles = []transport.Trouble{
		{Kind: transport.Throttled, Source: names.ERP, From: begin.Add(6 * time.Second), Until: begin.Add(8 * time.Second)},
		{Kind: transport.Slow, Source: names.Storefront, From: begin.Add(4 * time.Second), Until: begin.Add(8 * time.Second), Delay: 400 * time.Millisecond},
	}
	return p, nil
}

// wish is one fault that the demonstration would like to show, becoming
// knowable by a part of its length: 0 is the beginning, 1 the end.
type wish struct {
	fault shop.Fault
	step  int
	at    float64
}

// wishes come in the order of their importance. Those that nothing is claimed
// about need no instant. A payment that is never named is not among them: to be
// called an orphan it has to wait for a day.
func wishes() []wish {
	return []wish{
		{shop.OrderNeverExported, 1, 0},
		{shop.PaymentCallbackLost, 0, 0},
		{shop.ReturnNotPropagated, 0, 1},
		{shop.CancelledButShipped, 0, 0},
		{shop.OrderNeverExported, 0, 0.7},
		{shop.ExportedLate, 0, 1},
		{shop.ERPRejection, 0, 1},
		{shop.ShippedButERPPending, 0, 1},
		{shop.CaptureNotPropagated, 0, 0.8},
		{shop.UnmappedStatus, 0, 0.9},
		{shop.OrderNeverExported, 1, 1},
		{shop.TrackingTwice, 0, 0.6},
		{fault: shop.WebhookLost},
		{fault: shop.WebhookDuplicated},
		{fault: shop.WebhookReordered},
		{fault: shop.StaleAfterFresh},
		{fault: shop.ManualEditAfterImport},
		{fault: shop.PaymentNamedLate},
	}
}

// choose finds an order for every wish: the last one whose fault is knowable
// early enough.
func (p *Plan) choose() {
	last := len(shop.Births(p.Shop, p.End)) - 1
	for i, w := range wishes() {
		spec, _ := shop.Lookup(w.fault)
		if len(spec.Claims) == 0 {
			p.inject(3+5*(i-5), w.fault)
			continue
		}
		latest := p.End.Add(-margin)
		by := p.Begin.Add(time.Duration(w.at*float64(latest.Sub(p.Begin)-slack)) + slack)
		for n := last; n >= 0; n-- {
			if !p.taken(n) && (w.fault != shop.TrackingTwice || !p.taken(n+1)) && p.fits(w, n, spec, by) {
				p.inject(n, w.fault)
				break
			}
		}
	}
	slices.SortFunc(p.Shop.Injections, func(a, b shop.Injection) int { return a.Order - b.Order })
}

// fits reports whether order n under the fault is knowable at the wished step
// by an instant, and while the ledger listens.
func (p *Plan) fits(w wish, n int, spec shop.FaultSpec, by time.Time) bool {
	anchor, heals, ok := shop.Preview(p.Shop, shop.Injection{Order: n, Fault: w.fault})
	if !ok {
		return false
	}
	steps, err := p.Timing.Steps(spec.Claims, anchor)
	if err != nil || steps[w.step].Knowable.After(by) {
		return false
	}
	// What heals must do so well after it became knowable, and be watched.
	return heals.IsZero() || (heals.After(steps[w.step].Knowable.Add(slack)) && heals.After(p.Begin.Add(2*slack)))
}

func (p *Plan) taken(n int) bool {
	return slices.ContainsFunc(p.Shop.Injections, func(in shop.Injection) bool {
		return in.Order == n || in.Fault == shop.TrackingTwice && in.Order+1 == n
	})
}

// inject gives order n, or the next free one, a fault.
func (p *Plan) inject(n int, f shop.Fault) {
	for p.taken(n) {
		n++
	}
	p.Shop.Injections = append(p.Shop.Injections, shop.Injection{Order: n, Fault: f})
}

// silence lets the storefront's API fall silent, if there is time to notice.
func (p *Plan) silence() {
	from := p.Begin.Add(12 * time.Second)
	steps, err := p.Timing.Steps([]string{ledger.NameSilent}, from)
	if err != nil || steps[0].Knowable.After(p.End.Add(-margin)) {
		return
	}
	p.Shop.Silences = []shop.Silence{{Source: p.Shop.Sources.Storefront, Feeds: transport.StorefrontFeeds(), From: from, Until: steps[0].Knowable.Add(5 * time.Second)}}
}
