package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Exceptions is what a ledger claims right now.
type Exceptions interface {
	// ListExceptions returns every open exception. It may return resolved ones.
	ListExceptions(ctx context.Context) ([]truth.Claim, error)
}

// Demo is a demonstration whose systems answer.
type Demo struct {
	Plan *Plan

	shared *transport.Shared
	creds  transport.Credentials
	api    *transport.Listener
	clock  connector.Clock
	logger *slog.Logger
}

// Start lets the plan's systems answer on a loopback port. Close ends them.
func Start(p *Plan, clock connector.Clock, logger *slog.Logger) (*Demo, error) {
	w, err := shop.New(p.Shop)
	if err != nil {
		return nil, err
	}
	d := &Demo{Plan: p, shared: transport.Share(w), creds: transport.NewCredentials(p.Shop.Seed), clock: clock, logger: logger}
	server, err := transport.NewServer(transport.ServerConfig{Shop: d.shared, Credentials: d.creds, Clock: clock, Logger: logger, Troubles: p.Troubles})
	if err != nil {
		return nil, err
	}
	d.api, err = server.Listen("127.0.0.1:0")
	return d, err
}

// Close stops the systems.
func (d *Demo) Close() error { return d.api.Close() }

// SourcesFor returns the `sources:` with which an instance hears the
// demonstration. Secrets are written into files of a folder.
func SourcesFor(d *Demo, dir string) ([]connector.Source, error) {
	return transport.Sources(transport.SourcesOptions{
		Names: d.Plan.Shop.Sources, Credentials: d.creds, BaseURL: d.api.URL, Dir: dir,
		LiveFrom: d.Plan.Shop.Opening, Interval: interval, Settle: settle,
	})
}

// Instance is the ledger that listens.
type Instance struct {
	// Webhooks is where it receives them, such as http://127.0.0.1:8088.
	Webhooks   string
	Exceptions Exceptions
	Out        io.Writer
	// Zone of printed instants; nil means UTC.
	Zone *time.Location
}

// look is how often the claims are read.
const look = time.Second

// Run sends the backlog, goes on at normal speed, tells what the instance finds
// out, and compares it with the truth when the plan ends or ctx does. What was
// knowable at the plan's end and is not claimed yet is waited for, with patience
// that ends. Only a complete card means that the demonstration succeeded.
func (d *Demo) Run(ctx context.Context, in Instance) (*truth.Card, error) {
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	sender, err := transport.NewSender(transport.SenderConfig{
		Webhooks: in.Webhooks, API: d.api.URL, Names: d.Plan.Shop.Sources, Credentials: d.creds,
		Client: &http.Client{}, Clock: d.clock, Logger: d.logger,
	})
	if err != nil {
		return nil, err
	}
	story := NewStory(in.Out, in.Zone)
	if err := d.prologue(story); err != nil {
		return nil, err
	}
	sending, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(sending, d.shared) }()
	tracker := truth.NewTracker()
	err = d.watch(ctx, in, story, tracker)
	stop()
	if sent := <-ended; sent != nil && !errors.Is(sent, context.Canceled) {
		err = errors.Join(err, sent)
	}
	if err != nil {
		return nil, err
	}
	card, err := d.score(d.clock.Now(), tracker)
	if err != nil {
		return nil, err
	}
	story.Say("\n%d webhooks delivered, %d attempts repeated, %d given up. What there was to find:\n", sender.Stats.Sent.Load(), sender.Stats.Retries.Load(), sender.Stats.Failed.Load())
	return card, errors.Join(story.Err(), card.Write(in.Out))
}

// Truth is what happened up to an instant.
func (d *Demo) Truth(to time.Time) (*truth.Truth, error) {
	return d.shared.Truth(to, d.Plan.Begin, d.Plan.Timing)
}

// prologue sets the scene.
func (d *Demo) prologue(s *Story) error {
	t, err := d.Truth(d.Plan.End)
	if err != nil {
		return err
	}
	s.Know(t)
	names := d.Plan.Shop.Sources
	s.Say("A small shop opened at %s: %s sells, %s takes the money, %s bills, %s packs, %s carries.", d.Plan.Shop.Opening.In(s.zone).Format(time.TimeOnly),
		names.Storefront, names.Payment, names.ERP, names.Warehouse, names.Courier)
	s.Say("Each knows an order by another name.")
	s.Say("Its past arrives as a backlog; then it goes on at normal speed. Something is wrong with %d of its orders.\n", len(d.Plan.Shop.Injections))
	return s.Err()
}

// score compares everything claimed up to an instant with the truth up to it.
// What has to be found is what was knowable at the plan's end.
func (d *Demo) score(now time.Time, tracker *truth.Tracker) (*truth.Card, error) {
	t, err := d.Truth(now)
	if err != nil {
		return nil, err
	}
	at := now
	if at.After(d.Plan.End) {
		at = d.Plan.End
	}
	return truth.Score(t, tracker.Claims(), at), nil
}

// watch reads the claims until nothing is left to wait for or ctx ends.
func (d *Demo) watch(ctx context.Context, in Instance, story *Story, tracker *truth.Tracker) error {
	var last error
	for late := false; ; {
		list, err := in.Exceptions.ListExceptions(ctx)
		now := d.clock.Now()
		switch {
		case err == nil:
			last = nil
			story.Tell(now, tracker.Observe(now, list))
		case ctx.Err() == nil:
			last = fmt.Errorf("read the exceptions: %w", err)
		}
		if !now.Before(d.Plan.End) {
			card, err := d.score(now, tracker)
			if err != nil || len(card.Missing) == 0 || len(card.False) > 0 || !now.Before(d.Plan.End.Add(patience)) {
				return errors.Join(last, err)
			}
			if !late {
				story.Say("\nThis machine is slow: waiting for %d that could be known by now.", len(card.Missing))
			}
			late = true
		}
		if ctx.Err() != nil || d.clock.Wait(ctx, look) != nil {
			return last
		}
	}
}
