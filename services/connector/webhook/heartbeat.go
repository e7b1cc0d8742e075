package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// Report saves, for every source heard since the last call, a status that says
// so. Deliveries prove that a source lives, never that it was heard completely:
// the status carries no interval (S-17).
func (s *Server) Report(ctx context.Context, store connector.StatusStore, instance string) error {
	var errs []error
	for _, e := range s.cfg.Endpoints {
		heard := e.heard.Load()
		if heard == e.reported.Load() || e.taker.Load() != nil {
			continue // a taker reports itself: its to-do list stands in the same status
		}
		st := &ledger.SourceStatus{
			Source: e.source, Feed: e.feed.Name, Instance: instance,
			Epoch: ledger.Epoch{Number: 1, OpenedBy: instance}, LastHeard: ledger.Instant(heard), ReportedAt: ledger.At(s.cfg.Clock.Now()),
		}
		if err := store.Save(ctx, st); err != nil {
			errs = append(errs, fmt.Errorf("report source %s: %w", e.source, err))
			continue
		}
		e.reported.Store(heard)
	}
	return errors.Join(errs...)
}

// RunReports calls Report at every interval until ctx ends. A report that does
// not get through is made again at the next.
func (s *Server) RunReports(ctx context.Context, store connector.StatusStore, instance string, every time.Duration) error {
	for {
		if err := s.cfg.Clock.Wait(ctx, every); err != nil {
			return err
		}
		if err := s.Report(ctx, store, instance); err != nil {
			s.cfg.Logger.Warn("source status not reported", "error", err)
		}
	}
}
