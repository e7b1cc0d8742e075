package role

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errEnding is why an instance that was asked to end is not ready.
var errEnding = errors.New("the process was asked to end: send what is new elsewhere")

// stays reports whether the instance was not asked to end.
func (i *Instance) stays() error {
	if i.ending.Load() {
		return errEnding
	}
	return nil
}

// Drain ends the instance as an operator asks for it: first it says that it is
// not ready, and goes on for the configured delay, so that nothing new is sent
// to it; then it closes.
func (i *Instance) Drain() error {
	began := time.Now()
	i.ending.Store(true)
	if i.surface != nil {
		i.surface.Unready()
	}
	i.logger.Info("asked to end", "delay", i.delay.String(), "timeout", i.patience.String())
	if i.delay > 0 {
		time.Sleep(i.delay)
	}
	err := i.Close()
	if err == nil {
		i.logger.Info("ended", "took", time.Since(began).String())
	}
	return err
}

// Close stops the parts in reverse order: what came in is answered, what asks is
// told to ask elsewhere, what was begun is finished. It is safe on a partly
// started instance; later calls wait for the first and return what it met. An
// end that takes longer than the configured timeout is given up with an error:
// nothing that was acknowledged is lost by it.
func (i *Instance) Close() error {
	i.once.Do(func() {
		i.ending.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), i.patience)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- i.close(ctx) }()
		select {
		case i.closed = <-done:
		case <-ctx.Done():
			i.closed = fmt.Errorf("the end took longer than shutdown.timeout, %s, and is given up: nothing acknowledged is lost; the next start goes on from the log", i.patience)
		}
	})
	return i.closed
}

func (i *Instance) close(ctx context.Context) error {
	var errs []error
	i.closeEdges(ctx)
	if i.audit != nil {
		i.audit.close()
	}
	if i.Node != nil {
		errs = append(errs, i.Node.Close())
	}
	if i.history != nil {
		i.history.Close()
	}
	if i.Stack != nil {
		i.Stack.Close()
	}
	if i.tracing != nil {
		_ = i.tracing.Close(ctx) // spans are no evidence: whatever is lost of them
	}
	if i.admin != nil {
		errs = append(errs, i.admin.Close())
	}
	i.cleanup()
	return errors.Join(errs...)
}

// closeEdges ends what others talk to, side by side, within half of the time:
// whoever has not come to an end by then is cut off.
func (i *Instance) closeEdges(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, i.patience/2)
	defer cancel()
	var wg sync.WaitGroup
	if i.lookups != nil {
		wg.Go(i.lookups.close)
	}
	if i.edge != nil {
		wg.Go(func() {
			if err := i.edge.Close(ctx); err != nil {
				i.logger.Warn("deliveries were cut off, unacknowledged: their senders repeat them", "error", err)
			}
		})
	}
	if i.surface != nil {
		wg.Go(func() {
			if err := i.surface.Close(ctx); err != nil {
				i.logger.Warn("callers of the API were cut off", "error", err)
			}
		})
	}
	wg.Wait()
}
