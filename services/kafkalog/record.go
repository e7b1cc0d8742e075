package kafkalog

import "fmt"

// ByKey as Record.Partition lets the key choose the partition with
// [PartitionFor]. Any value of 0 or more is an explicit partition.
const ByKey int32 = -1

// HeaderTraceParent is the header in which a record carries the W3C traceparent
// of the work that appended it. Nothing that is folded depends on it.
const HeaderTraceParent = "traceparent"

// Header is one record header. Keys need not be unique.
type Header struct {
	Key   string
	Value []byte
}

// Record is one entry of the log.
type Record struct {
	Topic string
	// Partition is the explicit partition, or [ByKey] on append. Beware of the
	// zero value: it means partition 0.
	Partition int32
	// Offset and LeaderEpoch are set on records that were read.
	Offset      int64
	LeaderEpoch int32
	// Timestamp is the recorded_at of the record, in microseconds since the
	// Unix epoch. Kafka keeps milliseconds, so an append cuts it down to whole
	// milliseconds; zero is replaced by the time of the append.
	Timestamp int64
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header returns the value of the first header with the given key.
func (r *Record) Header(key string) ([]byte, bool) {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value, true
		}
	}
	return nil, false
}

// Position returns where the record stands in the log.
func (r *Record) Position() Position {
	return Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// Position names one offset of one partition.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns topic/partition@offset.
func (p Position) String() string {
	return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset)
}

// Batch is a run of records of one partition in offset order.
//
// The slice of records belongs to the reader and is overwritten by its next
// Poll. The key, value and header bytes inside may be kept.
type Batch struct {
	Topic     string
	Partition int32
	Records   []Record
	// HighWatermark is the partition's end offset as of this fetch: the offset
	// the next appended record will get.
	HighWatermark int64
	// After is the offset behind what a reader of [Committed] records passed
	// over, markers of transactions included; 0 means behind the last record.
	After int64
}

// Next returns the offset a reader needs after this batch.
func (b *Batch) Next() int64 {
	if b.After > 0 {
		return b.After
	}
	return b.Records[len(b.Records)-1].Offset + 1
}
