package logsink

import (
	"context"
	"fmt"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

var _ projections.Repeating = (*Joins)(nil)

// Joins carries what partitions of orders and of the alias store say to each
// other: bindings to orders.unkeyed.v1; re-emissions, answers, how far was joined
// and what members tell of merged orders to orders.events.v1; and the index to orders.aliases.v1. Every such record carries a version or a route by
// which its reader knows a repeat, so that a block may be sent again (S-36).
type Joins struct {
	log   kafkalog.Appender
	codec *avroevent.Codec

	mu   sync.Mutex
	sent map[int32]uint64 // by partition told in; since the start alone
}

// NewJoins returns a sink on a log.
func NewJoins(log kafkalog.Appender, codec *avroevent.Codec) *Joins {
	return &Joins{log: log, codec: codec, sent: map[int32]uint64{}}
}

// Name implements projections.Sink.
func (j *Joins) Name() string { return "joins" }

// Repeats implements projections.Repeating.
func (j *Joins) Repeats() bool { return true }

// Wants implements projections.Sink: outgoing records alone.
func (j *Joins) Wants(t projections.Table) bool { return t == projections.Outgoing }

// Held implements projections.Sink: what was appended since the start. The
// topics cannot tell whose records they hold.
func (j *Joins) Held(_ context.Context, partition int32) (projections.Held, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var held projections.Held
	held[projections.Outgoing] = j.sent[partition]
	return held, nil
}

// stage is when a record of a block may be appended: each stage is acknowledged
// before the next begins, whatever fails. Were a promise to land without what it
// promises, an order would believe itself complete (S-37).
type stage int

const (
	stageContested stage = iota // before retractions
	stageContent                // bindings, re-emissions, retractions
	stageJoined                 // answers that promise the content
	stageForwarded              // how far all of it reaches
	stages
)

func stageOf(x *ledger.Outgoing) stage {
	switch {
	case x.Bound != nil && !x.Bound.OK:
		return stageContested
	case x.Bound != nil:
		return stageJoined
	case x.Forward != nil, x.Through != nil:
		return stageForwarded
	default:
		return stageContent
	}
}

// Insert implements projections.Sink. Within a stage and a partition records
// land in the order of their seqs.
func (j *Joins) Insert(ctx context.Context, b *projections.Block) error {
	for s := range stages {
		if err := j.append(ctx, b.Rows.Outgoing, s); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent[b.Partition] = max(j.sent[b.Partition], b.To)
	return nil
}

// What may be without an answer at once. All partitions share the log's buffer.
const (
	chunkRecords = 1000
	chunkBytes   = 1 << 20
)

// append writes the rows of a stage and waits for every answer.
func (j *Joins) append(ctx context.Context, rows []ledger.Outgoing, s stage) error {
	var chunk []kafkalog.Record
	size := 0
	for i := range rows {
		if stageOf(&rows[i]) != s {
			continue
		}
		rec, err := j.record(&rows[i])
		if err != nil {
			return fmt.Errorf("outgoing record %d: %w", rows[i].Seq, err)
		}
		chunk, size = append(chunk, rec), size+len(rec.Value)
		if len(chunk) < chunkRecords && size < chunkBytes {
			continue
		}
		if err := j.flush(ctx, chunk); err != nil {
			return err
		}
		chunk, size = chunk[:0], 0
	}
	return j.flush(ctx, chunk)
}

func (j *Joins) flush(ctx context.Context, chunk []kafkalog.Record) error {
	answers := make(chan error, len(chunk))
	for _, rec := range chunk {
		j.log.AppendAsync(rec, func(_ kafkalog.Position, err error) { answers <- err })
	}
	var first error
	for range chunk {
		select {
		case err := <-answers:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return first
}

// record encodes a row for its topic and partition.
func (j *Joins) record(x *ledger.Outgoing) (kafkalog.Record, error) {
	rec := kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: kafkalog.ByKey}
	var v any
	switch {
	case x.Binding != nil:
		rec.Topic, rec.Key, v = kafkalog.TopicUnkeyed, x.Binding.Alias.Key(), x.Binding
	case x.Reemit != nil:
		rec.Key, v = []byte(x.Reemit.Order), x.Reemit
	case x.Bound != nil:
		rec.Key, v = []byte(x.Bound.Order), x.Bound
	case x.Moved != nil:
		rec.Key, v = []byte(x.Moved.Root), x.Moved
	case x.Index != nil:
		rec.Topic, rec.Key, v = kafkalog.TopicAliases, x.Index.Alias.Key(), x.Index
	case x.Through != nil:
		rec.Partition, v = x.Through.To, x.Through
	default:
		rec.Partition, v = x.Forward.To, x.Forward
	}
	var err error
	rec.Value, err = j.codec.Encode(nil, v)
	return rec, err
}
