package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const defaultMaxPollRecords = 10_000

// fetchMaxWait is how long a broker may hold an empty fetch. New partitions
// join only the next fetch, so it is also how long adding one may take.
const fetchMaxWait = 500 * time.Millisecond

// kafkaReader reads partitions directly, in no group.
type kafkaReader struct {
	client    *kgo.Client
	maxPoll   int
	committed bool

	mu      sync.Mutex // Close may come from another goroutine
	closed  bool
	next    map[partitionKey]int64
	stopped map[partitionKey]bool
	unasked []partitionKey // see stopMissing

	batches []Batch
	records []Record
}

type partitionKey struct {
	topic     string
	partition int32
}

// NewReader implements [Source]. Every reader has its own connections, so that
// a slow one holds up nobody.
func (l *Log) NewReader(opts ReaderOptions) (Reader, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("create reader: %w", err)
	}
	if opts.MaxPollRecords == 0 {
		opts.MaxPollRecords = defaultMaxPollRecords
	}
	r := &kafkaReader{
		maxPoll:   opts.MaxPollRecords,
		committed: opts.Isolation == Committed,
		next:      make(map[partitionKey]int64),
		stopped:   make(map[partitionKey]bool),
	}
	assign := make(map[string]map[int32]kgo.Offset)
	for topic, partitions := range opts.Assignments {
		assign[topic] = make(map[int32]kgo.Offset)
		for partition, offset := range partitions {
			at := kgo.NewOffset().At(offset)
			if epoch, ok := opts.Epochs[topic][partition]; ok {
				at = at.WithEpoch(epoch)
			}
			assign[topic][partition] = at
			key := partitionKey{topic, partition}
			r.next[key] = offset
			r.unasked = append(r.unasked, key)
		}
	}
	common := l.common[:len(l.common):len(l.common)]
	if r.committed { // markers are kept, so that the place moves past them
		common = append(common, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	}
	client, err := kgo.NewClient(append(common[:len(common):len(common)],
		kgo.ConsumePartitions(assign),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxBytes(16<<20),
		kgo.FetchMaxPartitionBytes(4<<20),
		kgo.MaxDecompressBatchBytes(maxDecompressedBatchBytes),
	)...)
	if err != nil {
		return nil, fmt.Errorf("create reader: %w", err)
	}
	r.client = client
	return r, nil
}

// Poll implements [Reader].
func (r *kafkaReader) Poll(ctx context.Context) ([]Batch, error) {
	if err := r.stopMissing(ctx); err != nil {
		return nil, err
	}
	fetches := r.client.PollRecords(ctx, r.maxPoll)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || fetches.IsClientClosed() {
		return nil, ErrClosed
	}
	var errs []error
	fetches.EachError(func(topic string, partition int32, err error) {
		if err := r.fetchError(ctx, partitionKey{topic, partition}, err); err != nil {
			errs = append(errs, err)
		}
	})
	r.batches, r.records = r.batches[:0], r.records[:0]
	if n := fetches.NumRecords(); cap(r.records) < n {
		r.records = make([]Record, 0, n)
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err := r.take(p); err != nil {
			errs = append(errs, err)
		}
	})
	if len(errs) == 0 && len(r.batches) == 0 {
		return nil, ctx.Err()
	}
	return r.batches, errors.Join(errs...)
}

// fetchError decides what an error of a fetch means. It returns nil for what
// is not worth telling.
func (r *kafkaReader) fetchError(ctx context.Context, key partitionKey, err error) error {
	var loss *kgo.ErrDataLoss
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange), errors.As(err, &loss),
		errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID):
		return r.stop(key, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return r.stop(key, fmt.Errorf("%w: %w", ErrUnknownTopic, err))
	}
	return fmt.Errorf("fetch %s/%d: %w", key.topic, key.partition, err)
}

// stop ends a partition that lost its log. A partition of -1 means the topic.
func (r *kafkaReader) stop(key partitionKey, cause error) error {
	var errs []error
	for k, next := range r.next {
		if k != key && (k.topic != key.topic || key.partition >= 0) {
			continue
		}
		if r.stopped[k] {
			continue
		}
		r.stopped[k] = true
		r.client.RemoveConsumePartitions(map[string][]int32{k.topic: {k.partition}})
		errs = append(errs, &LogLostError{Position: Position{k.topic, k.partition, next}, Err: cause})
	}
	return errors.Join(errs...)
}

// take copies one partition's records. An offset below the one expected means
// that the client moved back by itself, which nobody may do but the caller.
func (r *kafkaReader) take(p kgo.FetchTopicPartition) error {
	key := partitionKey{p.Topic, p.Partition}
	next, assigned := r.next[key]
	if !assigned || r.stopped[key] || len(p.Records) == 0 {
		return nil
	}
	first := len(r.records)
	for _, rec := range p.Records {
		if rec.Offset < next {
			r.records = r.records[:first]
			return r.stop(key, fmt.Errorf("the client was moved back to offset %d", rec.Offset))
		}
		next = rec.Offset + 1
		if !rec.Attrs.IsControl() {
			r.records = append(r.records, fromClient(rec))
		}
	}
	r.next[key] = next
	b := Batch{
		Topic: p.Topic, Partition: p.Partition,
		Records: r.records[first:len(r.records):len(r.records)], HighWatermark: p.HighWatermark,
	}
	if r.committed {
		b.After = next
	}
	r.batches = append(r.batches, b)
	return nil
}

func fromClient(rec *kgo.Record) Record {
	out := Record{
		Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset, LeaderEpoch: rec.LeaderEpoch,
		Timestamp: rec.Timestamp.UnixMicro(), Key: rec.Key, Value: rec.Value,
	}
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return out
}

// Add implements [Reader].
func (r *kafkaReader) Add(from Position) {
	key := partitionKey{from.Topic, from.Partition}
	r.mu.Lock()
	_, assigned := r.next[key]
	r.next[key] = from.Offset
	delete(r.stopped, key)
	r.unasked = append(r.unasked, key)
	r.mu.Unlock()
	if assigned {
		r.client.RemoveConsumePartitions(map[string][]int32{from.Topic: {from.Partition}})
	}
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		from.Topic: {from.Partition: kgo.NewOffset().At(from.Offset)},
	})
}

// Remove implements [Reader].
func (r *kafkaReader) Remove(topic string, partition int32) {
	key := partitionKey{topic, partition}
	r.mu.Lock()
	delete(r.next, key)
	delete(r.stopped, key)
	r.mu.Unlock()
	r.client.RemoveConsumePartitions(map[string][]int32{topic: {partition}})
}

// Pause implements [Reader].
func (r *kafkaReader) Pause(topic string, partition int32) {
	r.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
}

// Resume implements [Reader].
func (r *kafkaReader) Resume(topic string, partition int32) {
	r.client.ResumeFetchPartitions(map[string][]int32{topic: {partition}})
}

// Close implements [Reader].
func (r *kafkaReader) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.client.Close()
}
