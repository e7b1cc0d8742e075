package poll

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/orderledger/orderledger/services/connector"
)

// Budget bounds the requests to one endpoint, all feeds together. Its time is
// the connectors' clock.
type Budget struct {
	limiter *rate.Limiter
	clock   connector.Clock
}

// NewBudget allows perSecond requests and a burst. Zero values mean 2 and 4.
func NewBudget(clock connector.Clock, perSecond float64, burst int64) *Budget {
	if perSecond <= 0 {
		perSecond = 2
	}
	if burst <= 0 {
		burst = 4
	}
	return &Budget{limiter: rate.NewLimiter(rate.Limit(perSecond), int(burst)), clock: clock}
}

// Take waits until one request may be made.
func (b *Budget) Take(ctx context.Context) error {
	now := b.clock.Now()
	return b.clock.Wait(ctx, b.limiter.ReserveN(now, 1).DelayFrom(now))
}
