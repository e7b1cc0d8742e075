package dryrun

import (
	"context"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// shown takes what a log would, and describes it.
type shown struct {
	o *Options
	r *Report
}

var (
	_ connector.Sink        = (*shown)(nil)
	_ connector.StatusStore = (*shown)(nil)
)

// Append describes the records.
func (s *shown) Append(_ context.Context, out connector.Outgoing) error {
	for _, e := range out.Events {
		s.o.add(s.r, s.o.Matrix.describe(&catalog.Result{Event: e}))
	}
	for _, u := range out.Unkeyed {
		s.o.add(s.r, s.o.Matrix.describe(&catalog.Result{Unkeyed: u}))
	}
	for _, q := range out.Quarantined {
		s.o.add(s.r, s.o.Matrix.describe(&catalog.Result{Quarantined: q}))
	}
	return nil
}

// Healthy is nil: there is nothing to be away.
func (s *shown) Healthy() error { return nil }

// Load knows of no earlier reading.
func (s *shown) Load(context.Context, ledger.Source, string, string) (*ledger.SourceStatus, error) {
	return nil, nil
}

// Save keeps nothing.
func (s *shown) Save(context.Context, *ledger.SourceStatus) error { return nil }

// at is a clock that stands at an instant.
type at ledger.Instant

var _ connector.Clock = at(0)

// Now returns the instant.
func (a at) Now() time.Time { return ledger.Instant(a).Time() }

// Wait returns at once: time does not pass.
func (a at) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
