package role

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/lookup"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/logsink"
)

// lookups ask sources about single orders that the ledger of this process waits
// for. They run beside the partitions they serve: in `dev`, and in every
// `ledger` whose configuration holds the credentials of the source.
type lookups struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// startLookups binds every source that can be asked about one order. Budgets are
// those of the polls of this process.
func (i *Instance) startLookups(observer connector.Observer, budgets map[string]*poll.Budget) error {
	cfg := i.Stack.Config
	key, err := hashKeyOf(cfg)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.Background())
	i.lookups = &lookups{stop: stop}
	secrets := connector.Secrets{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv}
	var errs []error
	for n := range cfg.Sources {
		src := &cfg.Sources[n]
		sys, err := i.Catalog.System(src.System)
		if err != nil || !asked(sys, src) {
			continue
		}
		tokens, err := secrets.TokensOf(src)
		if err != nil { // they may be where the polls are
			i.Stack.Logger.Info("orders are not looked up from here: the source's credentials are not", "source", src.Name, "error", err)
			continue
		}
		l, err := lookup.New(lookup.Options{
			Source: src, System: sys, Tokens: tokens, HashKey: key, Ledger: i.Node, Log: logsink.New(i.Stack.Log, i.Stack.Codec),
			Clock: connector.SystemClock{}, Client: poll.NewClient(http.DefaultTransport.(*http.Transport).Clone()), Logger: i.Stack.Logger,
			Jitter: mathrand.Float64, Nonce: nonce, Observer: observer, Budget: budgets[src.Name],
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", n, src.Name, err))
			continue
		}
		i.lookups.wg.Go(func() { _ = l.Run(run) })
	}
	return errors.Join(errs...)
}

// asked reports whether a source is to be asked about single orders.
func asked(sys *catalog.System, src *connector.Source) bool {
	spec := sys.SourceSpec(src)
	return slices.ContainsFunc(spec.Feeds, func(f ledger.FeedSpec) bool { return f.Lookup })
}

func (l *lookups) close() {
	l.stop()
	l.wg.Wait()
}
