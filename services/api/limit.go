package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Limit is how much one caller may ask; the zero value sets no limit.
type Limit struct {
	// PerSecond calls are granted over time, Burst at once. A stream is one call.
	PerSecond int
	Burst     int
}

// Validate joins every problem of the limit.
func (l Limit) Validate() error {
	var errs []error
	if l.PerSecond < 0 {
		errs = append(errs, fmt.Errorf("limit.per_second: %d: must not be negative", l.PerSecond))
	}
	if l.PerSecond > 0 && l.Burst < 1 {
		errs = append(errs, fmt.Errorf("limit.burst: %d: must be at least 1", l.Burst))
	}
	return errors.Join(errs...)
}

// maxCallers bounds the buckets kept. Beyond it the bucket untouched for
// longest is forgotten, which gives its caller a full one.
const maxCallers = 4096

// limiter is a token bucket per caller.
type limiter struct {
	limit Limit
	now   func() time.Time

	mu      sync.Mutex
	callers map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

func newLimiter(l Limit, now func() time.Time) *limiter {
	return &limiter{limit: l, now: now, callers: map[string]*bucket{}}
}

// take takes one call from a caller's bucket, or says how long to wait.
func (l *limiter) take(caller string) error {
	if l.limit.PerSecond == 0 {
		return nil
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.callers[caller]
	if b == nil {
		l.makeRoom(now)
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)}
		l.callers[caller] = b
	}
	b.used = now
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	e := fail(RateLimited, fmt.Sprintf("more than %d calls per second of this caller: wait, and ask for more at once", l.limit.PerSecond), "calls_per_second", fmt.Sprint(l.limit.PerSecond))
	e.Retry = wait
	return e
}

// makeRoom forgets the buckets that are full again, and if there are none the
// one untouched for longest.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.callers) < maxCallers {
		return
	}
	oldest := ""
	for name, b := range l.callers { //lint:a each is looked at alone
		if b.TokensAt(now) >= float64(l.limit.Burst) {
			delete(l.callers, name)
		} else if oldest == "" || b.used.Before(l.callers[oldest].used) {
			oldest = name
		}
	}
	if len(l.callers) >= maxCallers {
		delete(l.callers, oldest)
	}
}

// addressOf is the address a call comes from, without its port: the
// connection's, or for REST the one that REST saw.
func addressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	addr := p.Addr.String()
	if p.Addr.Network() == pipeNetwork {
		md, _ := metadata.FromIncomingContext(ctx)
		if seen := md.Get(remoteHeader); len(seen) == 1 {
			addr = seen[0]
		}
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
