package engine

import (
	"context"

	"github.com/orderledger/orderledger/services/kafkalog"
)

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
