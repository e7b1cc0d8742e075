package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// credentialsSeed makes the secrets the same in every run, so that an instance
// is configured once (see WriteConfig), whatever seeds are played to it.
const credentialsSeed = 1

// Run plays a shop to a running instance: real bodies with real signatures over
// HTTP, and the APIs that the instance polls. It ends when everything has
// happened, after Options.For, or with ctx, and writes the truth file then.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	receiver, err := o.receiver()
	if err != nil {
		return err
	}
	world, err := o.world()
	if err != nil {
		return err
	}
	shared, creds := transport.Share(world), transport.NewCredentials(credentialsSeed)
	server, err := transport.NewServer(transport.ServerConfig{Shop: shared, Credentials: creds, Clock: o.Clock, Logger: o.Logger})
	if err != nil {
		return err
	}
	api, err := server.Listen(o.Listen)
	if err != nil {
		return err
	}
	sender, err := transport.NewSender(transport.SenderConfig{Webhooks: receiver, API: api.URL, Names: shared.Config().Sources, Credentials: creds, Client: &http.Client{}, Clock: o.Clock, Logger: o.Logger})
	if err != nil {
		return errors.Join(err, api.Close())
	}
	err = o.play(ctx, sender, shared, api.URL)
	return errors.Join(err, api.Close())
}

// world lays out the shop, which opens now.
func (o *Options) world() (*shop.World, error) {
	faults, err := o.faults()
	if err != nil {
		return nil, err
	}
	opening := o.Clock.Now().UTC().Truncate(time.Millisecond).Add(-shop.FirstOrder)
	return shop.New(shop.Config{
		Seed: o.Seed, Opening: opening, Orders: o.Orders, Every: time.Duration(float64(time.Second) / o.Rate),
		Injections: shop.Spread(faults, o.Orders),
	})
}

// play sends until the end and writes down what happened.
func (o *Options) play(ctx context.Context, sender *transport.Sender, shared *transport.Shared, api string) error {
	began := o.Clock.Now()
	if _, err := fmt.Fprintf(o.Out, "%d orders, seed %d; the systems answer at %s\n", o.Orders, o.Seed, api); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	sending, stop := ctx, context.CancelFunc(func() {})
	if o.For > 0 {
		sending, stop = context.WithTimeout(ctx, o.For)
	}
	defer stop()
	err := sender.Run(sending, shared)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil // ended on purpose
	}
	if err != nil {
		return err
	}
	stats := &sender.Stats
	if _, err := fmt.Fprintf(o.Out, "%d webhooks delivered, %d attempts repeated, %d given up in %s\n", stats.Sent.Load(), stats.Retries.Load(), stats.Failed.Load(),
		o.Clock.Now().Sub(began).Truncate(time.Second)); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if err := o.writeTruth(shared, began); err != nil {
		return err
	}
	if n := stats.Failed.Load(); n > 0 && stats.Sent.Load() == 0 {
		return fmt.Errorf("none of %d webhooks was accepted: %w", n, transport.ErrRefused)
	}
	return nil
}

// writeTruth writes the truth file of everything that was born.
func (o *Options) writeTruth(shared *transport.Shared, began time.Time) error {
	if o.TruthFile == "" {
		return nil
	}
	t, err := shared.Truth(o.Clock.Now(), began, truth.DefaultTiming())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(o.TruthFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the truth file: %w", err)
	}
	err = t.Write(f)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close the truth file: %w", closeErr)
	}
	return err
}

// WriteConfig writes, into a folder, a configuration whose `sources:` are the
// simulated systems, with their secrets in files beside it, and returns its
// name. An instance started with it hears every later Run that listens at the
// same address.
func WriteConfig(dir, listen string, liveFrom time.Time) (string, error) {
	if listen == "" {
		listen = DefaultListen
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("name the folder: %w", err)
	}
	secrets := filepath.Join(abs, "secrets")
	sources, err := transport.Sources(transport.SourcesOptions{
		Names: shop.DefaultSources(), Credentials: transport.NewCredentials(credentialsSeed), BaseURL: "http://" + listen,
		Dir: secrets, LiveFrom: liveFrom, Interval: 10 * time.Second,
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# The systems that `orderledger simulate` plays.\nsources:\n")
	for i := range sources {
		writeSource(&b, &sources[i])
	}
	name := filepath.Join(abs, "simulate.yaml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	return name, nil
}
