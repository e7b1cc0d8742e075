package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/orderledger/orderledger/projections"
)

const (
	// maxRefills bounds how many partitions of a node refold at a time: each has
	// a store, and reads the log, beside the one that is folded.
	maxRefills = 2
	// refillReports is how often a refill says how far it is.
	refillReports = 10 * time.Second
	scratchPrefix = "refill-"
)

// refill tells a sink the rows that the capped outbox no longer holds, by
// folding the log again in a scratch store up to the present place (S-41). Rows
// are a pure function of the log, so they are the same rows, and what the sink
// holds already is not sent again: a refill that was broken off goes on there.
func (r *replica) refill(ctx context.Context, sink projections.Sink, p *Pump) (int, error) {
	select {
	case r.n.refills <- struct{}{}:
		defer func() { <-r.n.refills }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	dir, err := os.MkdirTemp(r.n.cfg.Dir, scratchPrefix)
	if err != nil {
		return 0, fmt.Errorf("%w: create scratch store: %w", ErrStore, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch, err := OpenStore(dir+"/store", StoreOptions{Cache: r.n.cache})
	if err != nil {
		return 0, err
	}
	defer func() { _ = scratch.Close() }()
	until := r.view.Load().place.Offset
	fill, err := NewRefill(scratch, r.foldOptions(), sink)
	if err != nil {
		return 0, err
	}
	progress := r.refilling(sink.Name(), until)
	err = Replay(ctx, ReplayOptions{Journal: r.n.deps.Journal, Decoder: r.n.deps.Codec.NewDecoder(), Topic: r.topic, Partition: r.index, Until: until},
		fill.fold, func() error {
			n, err := fill.send(ctx)
			progress.at(fill.fold.Place().Offset, n)
			return err
		})
	if err != nil {
		p.known = false
		return progress.sent, err
	}
	progress.done()
	return progress.sent, p.took(fill.pump.Held())
}

// Refill folds a log again, in a scratch store, and sends what a sink lacks of
// its rows (S-41). It is a step function.
type Refill struct {
	scratch SeatStore
	fold    *Fold
	pump    *Pump
	sent    int
}

// NewRefill begins a refill in an empty store.
func NewRefill(scratch SeatStore, opt FoldOptions, sink projections.Sink) (*Refill, error) {
	fold, err := NewFold(scratch, opt)
	if err != nil {
		return nil, err
	}
	return &Refill{scratch: scratch, fold: fold, pump: NewPump(scratch, sink, PumpOptions{Partition: opt.Partition})}, nil
}

// send sends what was folded since it was last called, and forgets it.
func (f *Refill) send(ctx context.Context) (int, error) {
	n, err := f.pump.Run(ctx)
	f.sent += n
	if err != nil {
		return n, err
	}
	return n, f.scratch.DeleteRange([]byte{outboxSpace}, outboxKey(f.fold.Place().Batch+1))
}

// Whole folds and sends a log's records up to the present place of the pump it
// fills, and tells the pump what the sink holds then. It returns the rows sent.
func (f *Refill) Whole(ctx context.Context, records []Decoded, p *Pump) (int, error) {
	opt := ReplayOptions{Until: int64(len(records)), Batch: 4_000}
	committed := func() error { _, err := f.send(ctx); return err }
	err := replayed(f.fold, records, opt, committed)
	if err == nil {
		err = commit(f.fold, committed)
	}
	if err != nil {
		p.known = false
		return f.sent, err
	}
	return f.sent, p.took(f.pump.Held())
}

// refilling says how far a refill is, to the log and to the observer.
type refilling struct {
	r           *replica
	sink        string
	until       int64
	sent        int
	began, last time.Time
	log         *slog.Logger
}

func (r *replica) refilling(sink string, until int64) *refilling {
	f := &refilling{r: r, sink: sink, until: until, began: time.Now(), last: time.Now(),
		log: r.n.deps.Logger.With("sink", sink, "topic", r.topic, "partition", r.index, "until", until)}
	f.log.Info("refolding the log to fill a sink")
	r.n.deps.Observer.Refilling(sink, r.partition, until)
	return f
}

// at is told where the fold stands, and how many rows were sent since.
func (f *refilling) at(offset int64, rows int) {
	f.sent += rows
	f.r.n.deps.Observer.Refilling(f.sink, f.r.partition, max(f.until-offset, 0))
	if time.Since(f.last) >= refillReports {
		f.last = time.Now()
		f.log.Info("refolding goes on", "at", offset, "rows", f.sent)
	}
}

func (f *refilling) done() {
	f.r.n.deps.Observer.Refilling(f.sink, f.r.partition, 0)
	f.log.Info("a sink is filled", "rows", f.sent, "took", time.Since(f.began).String())
}

// removeScratch removes what refills left that ended with their process. The
// stores are open, so no other process works in the directory.
func (n *Node) removeScratch() error {
	left, err := filepath.Glob(filepath.Join(n.cfg.Dir, scratchPrefix+"*"))
	for _, dir := range left {
		if err == nil {
			err = os.RemoveAll(dir)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: remove what a refill left: %w", ErrStore, err)
	}
	return nil
}
