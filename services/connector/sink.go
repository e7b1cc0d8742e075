package connector

import (
	"context"
	"errors"

	"github.com/orderledger/orderledger/ledger"
)

// Outgoing is what one delivery or one page of a poll appends to the log.
type Outgoing struct {
	Events      []*ledger.Event
	Unkeyed     []*ledger.Unkeyed
	Quarantined []*ledger.Quarantined
}

// Empty reports whether there is nothing to append.
func (o *Outgoing) Empty() bool {
	return len(o.Events) == 0 && len(o.Unkeyed) == 0 && len(o.Quarantined) == 0
}

// Join adds what p holds behind what o holds.
func (o *Outgoing) Join(p Outgoing) {
	o.Events = append(o.Events, p.Events...)
	o.Unkeyed = append(o.Unkeyed, p.Unkeyed...)
	o.Quarantined = append(o.Quarantined, p.Quarantined...)
}

// Sink appends records to the log.
type Sink interface {
	// Append returns nil only when the offset of every record is known
	// (acks=all). ErrUnavailable: nothing is known to be appended and trying
	// at once again is pointless. ErrUndecided: ctx ended first; the records
	// may or may not stand in the log. Both are safe to retry: a second copy
	// of an event takes no effect (S-5).
	Append(ctx context.Context, out Outgoing) error
	// Healthy returns nil, or why an append would not be accepted right now.
	// It never blocks.
	Healthy() error
}

// What an append may end as, besides nil. Compare with errors.Is.
var (
	ErrUnavailable = errors.New("the log takes no records right now")
	ErrUndecided   = errors.New("the log did not answer in time")
)

// StatusStore keeps what each feed proved, behind orders.sources.v1.
//
// An implementation fills SourceStatus.Unkeyed itself: only the side that
// appends knows the offsets of unkeyed records.
type StatusStore interface {
	// Load returns the newest status of a feed. It prefers this instance's own
	// and falls back to that of the greatest epoch of any other; nil if the
	// feed was never polled.
	Load(ctx context.Context, source ledger.Source, feed, instance string) (*ledger.SourceStatus, error)
	// Save returns nil only when the status stands in the log.
	Save(ctx context.Context, status *ledger.SourceStatus) error
}
