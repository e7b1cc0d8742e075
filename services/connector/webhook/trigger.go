package webhook

import (
	"context"
	"errors"
	"net/http"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// ReasonNotFetched is the reason of quarantine of a delivery that only names
// where to read, while nobody reads for its source.
const ReasonNotFetched = "not-fetched"

// Trigger is a delivery that only says where to read. It is no statement about
// an order, so it is no event either: it is a thing to do, kept until done.
type Trigger struct {
	// URL lies within the source's own base URL.
	URL        string
	ReceivedAt ledger.Instant
	TraceID    string
}

// Taker keeps triggers and reads what they name.
type Taker interface {
	// Take returns nil only when the trigger is durable: from then on it is
	// read, whatever happens to this process.
	Take(ctx context.Context, t Trigger) error
}

// SetTaker lets t take the triggers of the endpoint's source.
func (e *Endpoint) SetTaker(t Taker) { e.taker.Store(&t) }

func fetchable(t *catalog.Trigger, in *catalog.Input) Trigger {
	return Trigger{URL: t.URL, ReceivedAt: in.ReceivedAt, TraceID: in.TraceID}
}

// hand gives a trigger away and only then acknowledges it.
func (s *Server) hand(w http.ResponseWriter, taker Taker, t Trigger) (connector.Outcome, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.AppendTimeout)
	defer cancel()
	if err := taker.Take(ctx, t); err != nil {
		return connector.OutcomeUnavailable, errors.Join(err, s.later(w, http.StatusServiceUnavailable))
	}
	return connector.OutcomeAccepted, s.answer(w, http.StatusOK, "")
}
