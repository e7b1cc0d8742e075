package engine

import (
	"context"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// Tracer follows what a node does. It sees, and changes nothing: what is folded
// never depends on it.
type Tracer interface {
	// Fold starts the fold of a batch; the function ends it, with what went wrong.
	Fold(b FoldedBatch) func(error)
	// Insert starts the insert of a block into a sink, in the context it returns.
	Insert(ctx context.Context, b InsertedBlock) (context.Context, func(error))
}

// FoldedBatch is a batch on its way into the fold.
type FoldedBatch struct {
	Topic     string
	Partition int32
	Records   int
	// From is the offset of the first record.
	From int64
	// Parents are the W3C traceparents that records carry, at most maxParents.
	Parents []string
}

// InsertedBlock is a block on its way into a sink.
type InsertedBlock struct {
	Sink      string
	Table     string
	Partition int32
	Rows      int
}

// maxParents bounds how many records of a batch are told to a tracer.
const maxParents = 64

// parents collects the traceparents of records, each once.
func parents(records []kafkalog.Record) []string {
	var out []string
	for i := range records {
		v, ok := records[i].Header(kafkalog.HeaderTraceParent)
		if !ok || len(out) > 0 && out[len(out)-1] == string(v) {
			continue
		}
		if out = append(out, string(v)); len(out) == maxParents {
			break
		}
	}
	return out
}

// tracedFold starts the trace of a batch, if there is a tracer.
func (r *replica) tracedFold(b *decodedBatch) func(error) {
	if r.n.deps.Tracer == nil || len(b.records) == 0 {
		return func(error) {}
	}
	return r.n.deps.Tracer.Fold(FoldedBatch{Topic: r.topic, Partition: r.partition, Records: len(b.records), From: b.from, Parents: b.parents})
}
