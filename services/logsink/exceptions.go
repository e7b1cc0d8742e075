package logsink

import (
	"context"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

var _ projections.Sink = (*Exceptions)(nil)

// Exceptions publishes every change of every exception to
// orders.exceptions.v1, in the partition it was told in. After a crash a change
// may be published twice; its id and seq are the same then.
type Exceptions struct {
	log   kafkalog.Journal
	codec *avroevent.Codec
}

// NewExceptions returns a publisher on a log.
func NewExceptions(log kafkalog.Journal, codec *avroevent.Codec) *Exceptions {
	return &Exceptions{log: log, codec: codec}
}

// Name implements projections.Sink.
func (x *Exceptions) Name() string { return kafkalog.TopicExceptions }

// Wants implements projections.Sink: exceptions alone.
func (x *Exceptions) Wants(t projections.Table) bool { return t == projections.Exceptions }

// Held implements projections.Sink: the seq of the newest record published.
func (x *Exceptions) Held(ctx context.Context, partition int32) (projections.Held, error) {
	var held projections.Held
	ends, err := x.log.EndOffsets(ctx, kafkalog.TopicExceptions)
	in := shared(partition)
	if err != nil || ends[in] == 0 {
		return held, err
	}
	starts, err := x.log.StartOffsets(ctx, kafkalog.TopicExceptions)
	if err != nil {
		return held, err
	}
	for end := ends[in]; end > starts[in]; end -= lookBack {
		seq, err := x.newest(ctx, partition, max(starts[in], end-lookBack), end)
		if err != nil || seq > 0 {
			held[projections.Exceptions] = seq
			return held, err
		}
	}
	return held, nil
}

// shared is the topic's partition into which a partition publishes: those of the
// alias store share one each with those of the orders.
func shared(partition int32) int32 { return partition % ledger.AliasPartitions }

// lookBack is how many records are read at a time, from the end back, for the
// newest of one partition: the alias store publishes in between.
const lookBack = 500

// newest is the greatest seq of a partition's records in a range, 0 if none.
func (x *Exceptions) newest(ctx context.Context, partition int32, from, to int64) (uint64, error) {
	records, err := kafkalog.ReadRange(ctx, x.log, kafkalog.Position{Topic: kafkalog.TopicExceptions, Partition: shared(partition), Offset: from}, to)
	if err != nil {
		return 0, err
	}
	dec, seq := x.codec.NewDecoder(), uint64(0)
	for i := range records {
		rec, err := dec.DecodeException(records[i].Value)
		if err != nil {
			return 0, fmt.Errorf("a record of %s/%d is not ours: %w", kafkalog.TopicExceptions, partition, err)
		}
		if rec.Partition == partition {
			seq = max(seq, rec.Seq)
		}
	}
	return seq, nil
}

// Insert implements projections.Sink.
func (x *Exceptions) Insert(ctx context.Context, b *projections.Block) error {
	done := make(chan error, len(b.Rows.Exceptions))
	for i := range b.Rows.Exceptions {
		row := &b.Rows.Exceptions[i]
		value, err := x.codec.Encode(nil, &avroevent.ExceptionRecord{Partition: b.Partition, ExceptionRow: *row})
		if err != nil {
			return err
		}
		x.log.AppendAsync(kafkalog.Record{Topic: kafkalog.TopicExceptions, Partition: shared(b.Partition), Key: []byte(row.Exception.ID.String()), Value: value},
			func(_ kafkalog.Position, err error) { done <- err })
	}
	for range b.Rows.Exceptions {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
