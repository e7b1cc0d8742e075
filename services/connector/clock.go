package connector

import (
	"context"
	"time"
)

// Clock is the only way time reaches the connectors.
type Clock interface {
	// Now returns the current instant.
	Now() time.Time
	// Wait returns nil after d, or ctx's error if that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// SystemClock is the machine's own clock.
type SystemClock struct{}

// Now returns the current instant.
func (SystemClock) Now() time.Time { return time.Now() }

// Wait returns nil after d, or ctx's error if that ends first.
func (SystemClock) Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
