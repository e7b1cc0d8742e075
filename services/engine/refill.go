package engine

import (
	"context"
	"fmt"
	"os"

	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// refill tells a sink the rows that the capped outbox no longer holds, by
// folding the log again in a scratch store up to the present place (S-41). Rows
// are a pure function of the log, so they are the same rows.
func (r *replica) refill(ctx context.Context, sink projections.Sink, p *Pump) (int, error) {
	until := r.view.Load().place.Offset
	r.n.deps.Logger.Info("refolding the log to fill a sink", "sink", sink.Name(), "partition", r.partition, "until", until)
	dir, err := os.MkdirTemp(r.n.cfg.Dir, "refill-")
	if err != nil {
		return 0, fmt.Errorf("%w: create scratch store: %w", ErrStore, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch, err := OpenStore(dir+"/store", StoreOptions{Cache: r.n.cache})
	if err != nil {
		return 0, err
	}
	defer func() { _ = scratch.Close() }()
	fold, err := NewFold(scratch, r.foldOptions())
	if err != nil {
		return 0, err
	}
	pump := NewPump(scratch, sink, PumpOptions{Partition: r.partition})
	sent := 0
	err = Replay(ctx, ReplayOptions{Journal: r.n.deps.Journal, Decoder: r.n.deps.Codec.NewDecoder(), Topic: r.topic, Partition: r.index, Until: until},
		fold, func() error {
			n, err := pump.Run(ctx)
			sent += n
			if err != nil {
				return err
			}
			return scratch.DeleteRange([]byte{outboxSpace}, outboxKey(fold.Place().Batch+1))
		})
	if err != nil {
		p.known = false
		return sent, err
	}
	return sent, p.took(pump.Held())
}

// ReplayOptions say what a replay reads.
type ReplayOptions struct {
	Journal kafkalog.Source
	Decoder Decoder
	// Topic is read; empty means orders.events.v1.
	Topic     string
	Partition int32
	// Until is the offset to stop before.
	Until int64
	// Batch bounds one commit in records; 0 means 4,000.
	Batch int
}

// Replay folds a partition of the log from where the fold stands up to Until,
// calling after every commit. One goroutine fetches and decodes, the caller's
// folds and commits.
func Replay(ctx context.Context, opt ReplayOptions, fold *Fold, committed func() error) error {
	if opt.Batch == 0 {
		opt.Batch = 4_000
	}
	if opt.Topic == "" {
		opt.Topic = kafkalog.TopicEvents
	}
	from := fold.Place().Offset
	if from >= opt.Until {
		return nil
	}
	reader, err := opt.Journal.NewReader(kafkalog.ReaderOptions{MaxPollRecords: opt.Batch,
		Assignments: map[string]map[int32]int64{opt.Topic: {opt.Partition: from}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fetcher{reader: reader, dec: opt.Decoder, room: newRoom(replayBytes), out: make(chan decodedBatch, 1)}
	go f.run(ctx)
	defer func() {
		cancel()
		f.drain()
		reader.Close()
	}()
	for fold.Place().Offset < opt.Until {
		b, more := <-f.out
		if !more {
			return ctx.Err()
		}
		err := replayed(fold, b.records, opt, committed)
		f.room.leave(b.bytes)
		if err != nil {
			return err
		}
		if b.err != nil {
			return b.err
		}
	}
	return commit(fold, committed)
}

// replayed folds the records before Until, committing every opt.Batch.
func replayed(fold *Fold, records []Decoded, opt ReplayOptions, committed func() error) error {
	for i := range records {
		if records[i].Record.Offset >= opt.Until {
			return nil
		}
		if err := fold.Take(&records[i]); err != nil {
			return err
		}
		if fold.Pending() < opt.Batch {
			continue
		}
		if err := commit(fold, committed); err != nil {
			return err
		}
	}
	return nil
}

func commit(fold *Fold, committed func() error) error {
	if err := fold.Commit(); err != nil {
		return err
	}
	if committed == nil {
		return nil
	}
	return committed()
}
