package engine

import (
	"context"
	"errors"

	"github.com/orderledger/orderledger/projections"
)

// Refiller fills a sink that lacks what the outbox no longer holds, and returns
// how many rows it sent (S-41).
type Refiller func(ctx context.Context, sink projections.Sink, p *Pump) (int, error)

// Shipper carries one seat's outbox to one sink while the seat is owned, and
// trims what every sink has. It is a step function: it waits for nothing.
type Shipper struct {
	seat    *Seat
	sink    *tenured
	pump    *Pump
	refill  Refiller
	failing bool
}

// NewShipper returns a shipper of an open seat; Partition and Told of the
// options are the seat's.
func NewShipper(s *Seat, to projections.Sink, refill Refiller, opt PumpOptions) *Shipper {
	opt.Partition = s.opt.Fold.Partition
	opt.Told = s.Told
	sink := &tenured{Sink: to, s: s}
	return &Shipper{seat: s, sink: sink, pump: NewPump(s.state, sink, opt), refill: refill}
}

// Shipped is what one step did.
type Shipped struct {
	Rows int
	// Err is why the sink is behind; First that it is since this step. Trim is
	// what trimming the outbox met.
	Err   error
	First bool
	Trim  error
}

// Step sends what the sink lacks, if the node owns the partition.
func (h *Shipper) Step(ctx context.Context) (out Shipped) {
	s := h.seat
	if now := s.terms.Load(); now != h.sink.term { // another node may have shipped in between
		h.pump.known, h.sink.term = false, now
		s.shipped.Delete(h.sink.Name())
		s.gone(&h.failing, false)
	}
	if !s.owner.Load() {
		return out
	}
	rows, err := h.pump.Run(ctx)
	var gap *GapError
	if errors.As(err, &gap) {
		s.gone(&h.failing, false) // it answers: what is told meanwhile is kept for it
		rows, err = h.refill(ctx, h.sink, h.pump)
	}
	switch {
	case err != nil && ctx.Err() == nil && s.owner.Load():
		out.Err, out.First = err, !h.failing
		s.gone(&h.failing, true)
	case err == nil:
		s.gone(&h.failing, false)
		if h.pump.known {
			s.shipped.Store(h.sink.Name(), h.pump.Held())
		}
	}
	out.Rows, out.Trim = rows, s.Trim()
	return out
}

// Failing reports whether the sink is behind since the last step.
func (h *Shipper) Failing() bool { return h.failing }
