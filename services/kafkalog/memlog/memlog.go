// Package memlog is the journal of package kafkalog in memory.
//
// It keeps the same promises as the one on Kafka, minus durability, and is
// what fast tests build on. Its extra methods bring about on purpose what a
// broker does only when something goes wrong: an outage, trimmed or replaced
// topics.
package memlog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// Options configures a Log. The zero value is usable.
type Options struct {
	// MaxBufferedRecords bounds the records that wait during an outage; 0
	// means 100,000.
	MaxBufferedRecords int
	// BrokenAfter is the patience of Broken; 0 means 2 s.
	BrokenAfter time.Duration
	// Now stamps records that carry no timestamp; nil means time.Now.
	Now func() time.Time
}

// Log is a journal in memory.
type Log struct {
	opts Options

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something can be read
	topics  map[string]*topic
	created uint64
	down    bool
	closed  bool
	pending []pendingRecord
	answers answerQueue
	groups  map[string]*group
}

var _ kafkalog.Journal = (*Log)(nil)

type topic struct {
	id         kafkalog.TopicID
	settings   map[string]string
	spec       kafkalog.TopicSpec
	partitions []partition
}

type partition struct {
	start   int64
	records []kafkalog.Record
}

func (p *partition) end() int64 { return p.start + int64(len(p.records)) }

type pendingRecord struct {
	since time.Time
	rec   kafkalog.Record
	done  func(kafkalog.Position, error)
}

// New returns an empty journal.
func New(opts Options) *Log {
	if opts.MaxBufferedRecords == 0 {
		opts.MaxBufferedRecords = 100_000
	}
	if opts.BrokenAfter == 0 {
		opts.BrokenAfter = 2 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Log{
		opts: opts, changed: make(chan struct{}),
		topics: make(map[string]*topic), groups: make(map[string]*group),
	}
}

// EnsureTopics implements kafkalog.Admin.
func (l *Log) EnsureTopics(_ context.Context, specs []kafkalog.TopicSpec, opts kafkalog.EnsureOptions) (map[string]kafkalog.TopicID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make(map[string]kafkalog.TopicID, len(specs))
	var refused []error
	for _, spec := range specs {
		if err := spec.Validate(); err != nil {
			refused = append(refused, err)
			continue
		}
		t := l.topics[spec.Name]
		if t == nil {
			t = l.create(spec)
		}
		ids[spec.Name] = t.id
		found := kafkalog.FoundTopic{
			ID: t.id, Partitions: int32(len(t.partitions)), Replication: t.spec.Replication, Settings: t.settings,
		}
		for _, finding := range kafkalog.VerifyTopic(spec, found) {
			if !opts.AllowUnsafe || !finding.Overridable {
				refused = append(refused, finding)
			}
		}
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("ensure topics: %w", errors.Join(refused...))
	}
	return ids, nil
}

func (l *Log) create(spec kafkalog.TopicSpec) *topic {
	l.created++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(spec.Name), l.created))
	t := &topic{spec: spec, partitions: make([]partition, spec.Partitions), settings: map[string]string{
		"cleanup.policy":                 spec.Cleanup,
		"retention.ms":                   strconv.FormatInt(spec.RetentionMillis, 10),
		"retention.bytes":                strconv.FormatInt(spec.RetentionBytes, 10),
		"max.message.bytes":              strconv.Itoa(spec.MaxMessageBytes),
		"min.insync.replicas":            strconv.Itoa(spec.MinISR),
		"message.timestamp.type":         "CreateTime",
		"unclean.leader.election.enable": "false",
	}}
	copy(t.id[:], sum[:])
	l.topics[spec.Name] = t
	return t
}

// TopicID implements kafkalog.Admin.
func (l *Log) TopicID(_ context.Context, name string) (kafkalog.TopicID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	if t == nil {
		return kafkalog.TopicID{}, fmt.Errorf("ask for topic %s: %w", name, kafkalog.ErrUnknownTopic)
	}
	return t.id, nil
}

// StartOffsets implements kafkalog.Source.
func (l *Log) StartOffsets(_ context.Context, name string) (map[int32]int64, error) {
	return l.offsets(name, func(p *partition) int64 { return p.start })
}

// EndOffsets implements kafkalog.Source.
func (l *Log) EndOffsets(_ context.Context, name string) (map[int32]int64, error) {
	return l.offsets(name, (*partition).end)
}

func (l *Log) offsets(name string, of func(*partition) int64) (map[int32]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	if t == nil {
		return nil, fmt.Errorf("list offsets of %s: %w", name, kafkalog.ErrUnknownTopic)
	}
	out := make(map[int32]int64, len(t.partitions))
	for i := range t.partitions {
		out[int32(i)] = of(&t.partitions[i])
	}
	return out, nil
}

// Close implements kafkalog.Journal. Records held back by an outage are
// undecided.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	pending := l.pending
	l.pending = nil
	for _, p := range pending {
		l.answer(p.done, kafkalog.Position{}, fmt.Errorf("append to %s: %w: %w", p.rec.Topic, kafkalog.ErrUndecided, kafkalog.ErrClosed))
	}
	l.wake()
}

func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}
