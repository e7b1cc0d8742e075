package memlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

var errTooLarge = errors.New("record is larger than max.message.bytes")

// Append implements kafkalog.Appender.
func (l *Log) Append(ctx context.Context, rec kafkalog.Record) (kafkalog.Position, error) {
	return kafkalog.AppendWaiting(ctx, l, rec)
}

// AppendAsync implements kafkalog.Appender.
func (l *Log) AppendAsync(rec kafkalog.Record, done func(kafkalog.Position, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		l.answer(done, kafkalog.Position{}, fmt.Errorf("append to %s: %w: %w", rec.Topic, kafkalog.ErrUndecided, kafkalog.ErrClosed))
	case l.down && len(l.pending) >= l.opts.MaxBufferedRecords:
		l.answer(done, kafkalog.Position{}, fmt.Errorf("append to %s: %w", rec.Topic, kafkalog.ErrBackPressure))
	case l.down:
		l.pending = append(l.pending, pendingRecord{since: time.Now(), rec: rec, done: done})
	default:
		at, err := l.store(rec)
		l.answer(done, at, err)
	}
}

func (l *Log) answer(done func(kafkalog.Position, error), at kafkalog.Position, err error) {
	l.answers.add(func() { done(at, err) })
}

func (l *Log) store(rec kafkalog.Record) (kafkalog.Position, error) {
	t := l.topics[rec.Topic]
	if t == nil {
		return kafkalog.Position{}, fmt.Errorf("append to %s: %w: %w", rec.Topic, kafkalog.ErrRejected, kafkalog.ErrUnknownTopic)
	}
	if rec.Partition < 0 {
		rec.Partition = kafkalog.PartitionFor(rec.Key, int32(len(t.partitions)))
	}
	if int(rec.Partition) >= len(t.partitions) {
		return kafkalog.Position{}, fmt.Errorf("append to %s/%d: %w: %w", rec.Topic, rec.Partition, kafkalog.ErrRejected, kafkalog.ErrUnknownTopic)
	}
	if t.spec.MaxMessageBytes > 0 && len(rec.Key)+len(rec.Value) > t.spec.MaxMessageBytes {
		return kafkalog.Position{}, fmt.Errorf("append to %s: %w: %w", rec.Topic, kafkalog.ErrRejected, errTooLarge)
	}
	p := &t.partitions[rec.Partition]
	rec.Offset, rec.LeaderEpoch = p.end(), 0
	if rec.Timestamp == 0 {
		rec.Timestamp = l.opts.Now().UnixMicro()
	}
	rec.Timestamp -= rec.Timestamp % 1000
	rec.Key, rec.Value = bytes.Clone(rec.Key), bytes.Clone(rec.Value)
	rec.Headers = slices.Clone(rec.Headers)
	p.records = append(p.records, rec)
	l.wake()
	return rec.Position(), nil
}

// Broken implements kafkalog.Appender.
func (l *Log) Broken() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 {
		return time.Time{}, false
	}
	since := l.pending[0].since
	return since, time.Since(since) > l.opts.BrokenAfter
}

// SetDown starts or ends an outage: while down, appended records wait.
func (l *Log) SetDown(state Outage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = state == Down
	if l.down {
		return
	}
	pending := l.pending
	l.pending = nil
	for _, p := range pending {
		at, err := l.store(p.rec)
		l.answer(p.done, at, err)
	}
}

// Outage is the state of the imagined broker.
type Outage int

// The states of the imagined broker.
const (
	Up Outage = iota
	Down
)

// TrimTo removes the records below the position, as retention would.
func (l *Log) TrimTo(to kafkalog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.topics[to.Topic].partitions[to.Partition]
	n := min(max(to.Offset-p.start, 0), int64(len(p.records)))
	p.start, p.records = p.start+n, p.records[n:]
	l.wake()
}

// Recreate deletes a topic and creates it again, empty and with another id.
func (l *Log) Recreate(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.create(l.topics[name].spec)
	l.wake()
}
