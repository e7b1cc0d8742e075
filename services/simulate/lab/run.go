package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// opening is when every shop opens.
var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Campaign is the outcome of one kind of runs.
type Campaign struct {
	Name  string       `json:"name"`
	Shops int          `json:"shops"`
	Grade *truth.Grade `json:"grade"`
	Heard Heard        `json:"heard"`
	// Baselines are the grades of the other detectors, by name.
	Baselines map[string]*truth.Grade `json:"baselines,omitempty"`
}

// Run plays every shop and grades what was claimed.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	rep := &Report{Config: c, began: time.Now()}
	jobs := c.jobs()
	work := make(chan job)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var first error
	done := 0
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for range c.Workers {
		wg.Go(func() {
			for j := range work {
				one, err := play(&j, c.Baselines)
				mu.Lock()
				if err != nil && first == nil {
					first = fmt.Errorf("play shop %d of campaign %s: %w", j.seed, j.campaign, err)
					stop()
				}
				if err == nil {
					rep.add(one)
				}
				if done++; c.Progress != nil {
					c.Progress(done, len(jobs))
				}
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil || (c.For > 0 && time.Since(rep.began) > c.For) {
			break
		}
		work <- j
	}
	close(work)
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	rep.took = time.Since(rep.began)
	return rep, first
}

// play plays one shop.
func play(j *job, compare bool) (*Campaign, error) {
	rnd := rand.New(rand.NewPCG(j.seed, 0x1ab))
	cfg := shop.Config{
		Seed: j.seed, Opening: opening, Orders: j.orders, Every: pace, ManyWords: true, Skew: j.noise.skews(rnd),
		Injections: inject(j.classes, j.orders, j.rate, rnd), Silences: j.silences(rnd),
	}
	w, err := shop.New(cfg)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	opt := earOptions{world: w, sources: sourcesOf(w.Config().Sources, j.noise), noise: j.noise, rnd: rnd, wanted: wanted}
	for _, in := range cfg.Injections {
		wanted[w.KeyOf(in.Order)] = true
	}
	e, err := newEar(opt)
	if err != nil {
		return nil, err
	}
	if compare {
		e.others = &others{shelf: newShelf(e.policy), list: baselines()}
	}
	births := shop.Births(w.Config(), opening.Add(10000*time.Hour))
	end := births[len(births)-1].Add(tail).Truncate(time.Minute)
	if err := e.run(opening, end); err != nil {
		return nil, err
	}
	if j.long() {
		idle := end.Add(2 * time.Minute)
		end = end.Add(orphaned)
		if err := e.idle(idle, end); err != nil {
			return nil, err
		}
	}
	t, err := e.truthOf(w, end)
	if err != nil {
		return nil, err
	}
	out := &Campaign{Name: j.campaign, Shops: 1, Heard: e.counts, Grade: truth.Mark(t, e.claims, end)}
	if e.others != nil {
		out.Baselines = e.others.grades(t, end)
	}
	return out, nil
}

// polled are the feeds that prove something; longestLag is what any of them takes
// to show what its system wrote.
var polled = map[string][]string{
	"shopify": {"orders"}, "stripe": {"charges", "payment-intents", "refunds"}, "shipstation": {"orders", "shipment-voids", "shipments"},
	"netsuite": {"credit-memos", "invoices", "item-fulfillments", "sales-orders"},
}

const longestLag = time.Minute

// sourcesOf are the shop's systems as a configuration would name them.
func sourcesOf(n shop.Sources, noise Noise) []connector.Source {
	live := connector.Moment(ledger.At(opening))
	list := []connector.Source{
		{Name: n.Storefront, System: "shopify", Origin: true},
		{Name: n.Payment, System: "stripe", OriginSource: n.Storefront, Options: map[string]string{"mode": "test"}},
		{Name: n.ERP, System: "netsuite", OriginSource: n.Storefront, Account: "123456_SB1"},
		{Name: n.Warehouse, System: "shipstation", OriginSource: n.Storefront, Options: map[string]string{"stores": fmt.Sprint(shop.StorefrontStore)}},
		{Name: n.Courier, System: "demoparcel", OriginSource: n.Storefront},
	}
	tokens := map[string][]string{
		"shopify": {"access_token"}, "stripe": {"api_key"}, "shipstation": {"api_key"}, "netsuite": {"consumer_key", "consumer_secret", "token_id", "token_secret"},
	}
	for i := range list {
		list[i].Tokens, list[i].SecretFiles = map[string]connector.SecretRef{}, []string{"(never read)"}
		for _, name := range tokens[list[i].System] {
			list[i].Tokens[name] = connector.SecretRef{File: "(never read)"}
		}
		if list[i].System == "netsuite" {
			list[i].SecretFiles = nil
		}
		list[i].LiveFrom = live
		list[i].BaseURL = "http://127.0.0.1:1"
		list[i].Poll = connector.PollSettings{Interval: connector.Span(every), PerSecond: 10, Burst: 10}
		if noise.Declared > 0 {
			skew := connector.Span(noise.Declared)
			list[i].Skew, list[i].Feeds = &skew, map[string]connector.FeedSettings{}
			settle := connector.Span(noise.Declared + longestLag)
			for _, f := range polled[list[i].System] {
				list[i].Feeds[f] = connector.FeedSettings{Settle: &settle}
			}
		}
	}
	list[len(list)-1].BaseURL, list[len(list)-1].Poll = "", connector.PollSettings{}
	return list
}
