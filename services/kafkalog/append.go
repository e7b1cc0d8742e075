package kafkalog

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unknownTopicRetries is how often metadata may deny a topic before records
// for it are rejected. A broker that restarts may deny a topic for a moment.
const unknownTopicRetries = 8

// producerOptions sets acks=all, idempotence and endless retries. Neither a
// record timeout nor a retry limit is set: giving up on a record that was sent
// is how clients come to acknowledge what is not in the log.
func producerOptions(p Producer, limits *batchLimits) []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordRetries(math.MaxInt64),
		kgo.UnknownTopicRetries(unknownTopicRetries),
		kgo.MaxBufferedRecords(p.MaxBufferedRecords),
		kgo.MaxBufferedBytes(p.MaxBufferedBytes),
		kgo.ProducerLinger(p.Linger),
		kgo.ProducerBatchMaxBytesFn(limits.of),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return choosePartition
		})),
	}
}

// choosePartition returns the record's explicit partition or that of its key.
// The client refuses a partition that does not exist, but not in a way that
// can be recognised, so that is noted on the side.
func choosePartition(r *kgo.Record, n int) int {
	if r.Partition < 0 {
		return int(PartitionFor(r.Key, int32(n)))
	}
	if missing, ok := r.Context.Value(missingPartition{}).(*bool); ok && int(r.Partition) >= n {
		*missing = true
	}
	return int(r.Partition)
}

type missingPartition struct{}

// batchLimits remembers what the topics accept per batch, as EnsureTopics
// learns it. The client asks once, when it first appends to a topic; a topic
// nobody ensured gets Kafka's default. The zero value is ready.
type batchLimits struct {
	mu      sync.Mutex
	byTopic map[string]int32
}

func (b *batchLimits) set(topic string, limit int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byTopic == nil {
		b.byTopic = make(map[string]int32)
	}
	b.byTopic[topic] = limit
}

func (b *batchLimits) of(topic string) int32 {
	const kafkaDefault, largest = 1_000_012, 16 << 20
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit, ok := b.byTopic[topic]; ok {
		return max(512, min(limit, largest))
	}
	return kafkaDefault
}

type appendResult struct {
	position Position
	err      error
}

// Append implements [Appender].
func (l *Log) Append(ctx context.Context, rec Record) (Position, error) {
	return AppendWaiting(ctx, l, rec)
}

// AppendWaiting is Append in terms of AppendAsync, for implementations of
// [Appender].
func AppendWaiting(ctx context.Context, to Appender, rec Record) (Position, error) {
	if err := ctx.Err(); err != nil {
		return Position{}, fmt.Errorf("append to %s: %w", rec.Topic, err)
	}
	answer := make(chan appendResult, 1)
	to.AppendAsync(rec, func(at Position, err error) { answer <- appendResult{at, err} })
	select {
	case r := <-answer:
		return r.position, r.err
	case <-ctx.Done():
		return Position{}, fmt.Errorf("append to %s: %w: %w", rec.Topic, ErrUndecided, ctx.Err())
	}
}

// AppendAsync implements [Appender].
func (l *Log) AppendAsync(rec Record, done func(Position, error)) {
	out := &kgo.Record{
		Topic: rec.Topic, Partition: rec.Partition,
		Key: rec.Key, Value: rec.Value,
	}
	if rec.Timestamp != 0 {
		out.Timestamp = time.UnixMicro(rec.Timestamp)
	}
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	// The context is deliberately nobody's: see the package comment.
	ctx, missing := context.Background(), new(bool)
	if rec.Partition >= 0 {
		ctx = context.WithValue(ctx, missingPartition{}, missing)
	}
	ticket := l.waiting.enter(time.Now())
	l.client.TryProduce(ctx, out, func(r *kgo.Record, err error) {
		l.waiting.leave(ticket)
		switch {
		case *missing:
			done(Position{}, fmt.Errorf("append to %s/%d: %w: %w", rec.Topic, rec.Partition, ErrRejected, ErrUnknownTopic))
			return
		case err != nil:
			done(Position{}, appendError(rec.Topic, err))
			return
		}
		done(Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, nil)
	})
}

// certainlyAbsent are the causes after which the record is not in the log:
// whoever answers so has not written it, and never will.
var certainlyAbsent = []error{
	kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp,
	kerr.PolicyViolation, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.UnknownTopicOrPartition, kerr.InvalidTopicException,
}

// appendError classifies a failed append. Whatever is not known to be absent
// is undecided.
func appendError(topic string, err error) error {
	if errors.Is(err, kgo.ErrMaxBuffered) {
		return fmt.Errorf("append to %s: %w", topic, ErrBackPressure)
	}
	for _, cause := range certainlyAbsent {
		if errors.Is(err, cause) {
			return fmt.Errorf("append to %s: %w: %w", topic, ErrRejected, err)
		}
	}
	return fmt.Errorf("append to %s: %w: %w", topic, ErrUndecided, err)
}

// Broken implements [Appender].
func (l *Log) Broken() (time.Time, bool) {
	since, waiting := l.waiting.oldest()
	return since, waiting && time.Since(since) > l.cfg.Producer.BrokenAfter
}

// waitingRecords remembers when each record without an answer was appended.
// The zero value is ready.
type waitingRecords struct {
	mu    sync.Mutex
	queue list.List // of time.Time, oldest first
}

func (w *waitingRecords) enter(now time.Time) *list.Element {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.PushBack(now)
}

func (w *waitingRecords) leave(ticket *list.Element) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue.Remove(ticket)
}

func (w *waitingRecords) oldest() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	front := w.queue.Front()
	if front == nil {
		return time.Time{}, false
	}
	return front.Value.(time.Time), true
}
