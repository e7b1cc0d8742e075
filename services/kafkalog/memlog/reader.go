package memlog

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/orderledger/orderledger/services/kafkalog"
)

const defaultMaxPollRecords = 10_000

var errOutOfRange = errors.New("offset is not in the log")

type reader struct {
	log     *Log
	maxPoll int
	done    chan struct{}
	once    sync.Once

	cursors []*cursor
	turn    int
	batches []kafkalog.Batch
}

type cursor struct {
	next       kafkalog.Position
	id         kafkalog.TopicID
	identified bool
	paused     bool
	stopped    bool
}

// NewReader implements kafkalog.Source.
func (l *Log) NewReader(opts kafkalog.ReaderOptions) (kafkalog.Reader, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("create reader: %w", err)
	}
	if opts.MaxPollRecords == 0 {
		opts.MaxPollRecords = defaultMaxPollRecords
	}
	r := &reader{log: l, maxPoll: opts.MaxPollRecords, done: make(chan struct{})}
	for name, partitions := range opts.Assignments {
		for p, offset := range partitions {
			r.Add(kafkalog.Position{Topic: name, Partition: p, Offset: offset})
		}
	}
	return r, nil
}

// Poll implements kafkalog.Reader.
func (r *reader) Poll(ctx context.Context) ([]kafkalog.Batch, error) {
	for {
		changed, batches, err := r.collect()
		if err != nil || len(batches) > 0 {
			return batches, err
		}
		select {
		case <-r.done:
			return nil, kafkalog.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// collect takes what is there, beginning with another partition every time.
func (r *reader) collect() (<-chan struct{}, []kafkalog.Batch, error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	select {
	case <-r.done:
		return nil, nil, kafkalog.ErrClosed
	default:
	}
	if r.log.closed {
		return nil, nil, kafkalog.ErrClosed
	}
	r.batches = r.batches[:0]
	var errs []error
	left := r.maxPoll
	r.turn++
	for i := range r.cursors {
		c := r.cursors[(r.turn+i)%len(r.cursors)]
		if c.paused || c.stopped || left == 0 || r.log.down {
			continue
		}
		batch, err := r.take(c, left)
		if err != nil {
			c.stopped = true
			errs = append(errs, &kafkalog.LogLostError{Position: c.next, Err: err})
			continue
		}
		if n := len(batch.Records); n > 0 {
			left -= n
			c.next.Offset = batch.Next()
			r.batches = append(r.batches, batch)
		}
	}
	return r.log.changed, r.batches, errors.Join(errs...)
}

func (r *reader) take(c *cursor, limit int) (kafkalog.Batch, error) {
	t := r.log.topics[c.next.Topic]
	if t == nil || int(c.next.Partition) >= len(t.partitions) {
		return kafkalog.Batch{}, kafkalog.ErrUnknownTopic
	}
	if c.identified && c.id != t.id {
		return kafkalog.Batch{}, errors.New("the topic was created anew")
	}
	c.id, c.identified = t.id, true
	p := &t.partitions[c.next.Partition]
	if c.next.Offset < p.start || c.next.Offset > p.end() {
		return kafkalog.Batch{}, errOutOfRange
	}
	from := c.next.Offset - p.start
	to := min(from+int64(limit), int64(len(p.records)))
	return kafkalog.Batch{
		Topic: c.next.Topic, Partition: c.next.Partition,
		Records: p.records[from:to:to], HighWatermark: p.end(),
	}, nil
}

// Add implements kafkalog.Reader.
func (r *reader) Add(from kafkalog.Position) {
	if c := r.cursor(from.Topic, from.Partition); c != nil {
		*c = cursor{next: from, paused: c.paused}
		return
	}
	r.cursors = append(r.cursors, &cursor{next: from})
}

// Remove implements kafkalog.Reader.
func (r *reader) Remove(topic string, partition int32) {
	for i, c := range r.cursors {
		if c.next.Topic == topic && c.next.Partition == partition {
			r.cursors = append(r.cursors[:i], r.cursors[i+1:]...)
			return
		}
	}
}

// Pause implements kafkalog.Reader.
func (r *reader) Pause(topic string, partition int32) {
	if c := r.cursor(topic, partition); c != nil {
		c.paused = true
	}
}

// Resume implements kafkalog.Reader.
func (r *reader) Resume(topic string, partition int32) {
	if c := r.cursor(topic, partition); c != nil {
		c.paused = false
	}
}

func (r *reader) cursor(topic string, partition int32) *cursor {
	for _, c := range r.cursors {
		if c.next.Topic == topic && c.next.Partition == partition {
			return c
		}
	}
	return nil
}

// Close implements kafkalog.Reader.
func (r *reader) Close() { r.once.Do(func() { close(r.done) }) }
