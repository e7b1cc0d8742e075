package schemaregistry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Pauses between attempts while the registry is away, and how long a start
// waits for the first of them.
const (
	firstAttempt = 5 * time.Second
	tryAgain     = 30 * time.Second
)

// Clock is how a Keeper waits.
type Clock interface {
	// Wait returns nil after d, or ctx's error if that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// Options configure a Keeper.
type Options struct {
	Registry  Config
	Contracts []Contract
	Clock     Clock
	Logger    *slog.Logger
}

// Keeper registers the contracts, for as long as that takes.
type Keeper struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Start registers the contracts. What needs a person is an error. A registry
// that is away is none: records carry ids that come with the program, so
// nothing waits; it is logged as an error and tried again until it answers.
func Start(ctx context.Context, opt Options) (*Keeper, error) {
	if err := opt.Registry.Validate(); err != nil {
		return nil, err
	}
	client, err := opt.Registry.client()
	if err != nil {
		return nil, err
	}
	r := &registrar{client: client, contracts: opt.Contracts}
	first, cancel := context.WithTimeout(ctx, firstAttempt)
	defer cancel()
	err = r.register(first)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	k := &Keeper{stop: stop}
	if err != nil {
		opt.away(err)
		k.wg.Go(func() { opt.insist(run, r) })
	}
	return k, nil
}

// Close stops trying.
func (k *Keeper) Close() {
	k.stop()
	k.wg.Wait()
}

func (o *Options) away(err error) {
	o.Logger.Error("the schema registry is away: records go out under the ids that come with the program, but who reads by the registry alone may not find a schema; trying again",
		"schema_registry", o.Registry.URL, "again_in", tryAgain, "error", err)
}

// insist tries until the registry agrees or refuses. A refusal found this late
// stops nothing: records are in the log already.
func (o *Options) insist(ctx context.Context, r *registrar) {
	for o.Clock.Wait(ctx, tryAgain) == nil {
		err := r.register(ctx)
		var refusal *Refusal
		switch {
		case err == nil:
			o.Logger.Info("the schema registry is back and knows every schema", "schema_registry", o.Registry.URL)
			return
		case ctx.Err() != nil:
			return
		case errors.As(err, &refusal):
			o.Logger.Error("the schema registry is back and holds something else: the next start will be refused", "schema_registry", o.Registry.URL, "error", err)
			return
		default:
			o.away(err)
		}
	}
}
