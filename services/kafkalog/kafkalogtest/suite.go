// Package kafkalogtest is the one suite that every implementation of
// kafkalog.Journal passes: in memory, on the embedded broker, on real Kafka.
package kafkalogtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// patience bounds every wait of the suite; real brokers start slowly on a busy
// machine.
const patience = 60 * time.Second

// Run runs the suite. Open returns a journal for one test and closes it when
// the test ends; several may share one broker.
func Run(t *testing.T, open func(t *testing.T) kafkalog.Journal) {
	t.Helper()
	tests := []struct {
		name string
		run  func(*bench)
	}{
		{"AppendsReadBackInOrder", appendsReadBackInOrder},
		{"KeyChoosesThePartition", keyChoosesThePartition},
		{"ContentSurvives", contentSurvives},
		{"TimestampsAreWholeMilliseconds", timestampsAreWholeMilliseconds},
		{"AsyncAnswersOnceAndInOrder", asyncAnswersOnceAndInOrder},
		{"HopelessAppendsAreRejected", hopelessAppendsAreRejected},
		{"ReaderFollows", readerFollows},
		{"ReaderMovesOnlyWhenTold", readerMovesOnlyWhenTold},
		{"PollIsBounded", pollIsBounded},
		{"PollEndsWithContextAndClose", pollEndsWithContextAndClose},
		{"OutOfRangeStopsOnePartition", outOfRangeStopsOnePartition},
		{"MissingPartitionsStop", missingPartitionsStop},
		{"EnsureTopicsIsRepeatable", ensureTopicsIsRepeatable},
		{"EnsureTopicsRefuses", ensureTopicsRefuses},
		{"OffsetsAndRanges", offsetsAndRanges},
		{"OwnershipIsShared", ownershipIsShared},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			test.run(&bench{T: t, ctx: ctx, journal: open(t), prefix: topicPrefix(t)})
		})
	}
}

func topicPrefix(t *testing.T) string {
	name := t.Name()
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	return fmt.Sprintf("suite.%s.%d", name, time.Now().UnixNano())
}

// Logger returns a logger that writes nowhere.
func Logger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Spec returns a topic spec that every broker of the suite accepts.
func Spec(name string, partitions int32) kafkalog.TopicSpec {
	return kafkalog.TopicSpec{
		Name: name, Partitions: partitions, Cleanup: kafkalog.CleanupDelete,
		RetentionMillis: kafkalog.Forever, RetentionBytes: kafkalog.Forever,
		MaxMessageBytes: 1 << 20, Replication: 1,
	}
}

// bench is what one test of the suite works with.
type bench struct {
	*testing.T
	ctx     context.Context
	journal kafkalog.Journal
	prefix  string
}

// topic creates a topic of its own for the test.
func (b *bench) topic(partitions int32) string {
	b.Helper()
	if _, err := b.journal.EnsureTopics(b.ctx, []kafkalog.TopicSpec{Spec(b.prefix, partitions)}, kafkalog.EnsureOptions{}); err != nil {
		b.Fatal(err)
	}
	return b.prefix
}

func (b *bench) append(rec kafkalog.Record) kafkalog.Position {
	b.Helper()
	at, err := b.journal.Append(b.ctx, rec)
	if err != nil {
		b.Fatalf("append: %v", err)
	}
	return at
}

// fill appends records n0, n0+1, … to one partition, awaiting the last.
func (b *bench) fill(topic string, partition int32, n int) {
	b.Helper()
	answers := make(chan error, n)
	for i := range n {
		rec := kafkalog.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%d", i)}
		b.journal.AppendAsync(rec, func(_ kafkalog.Position, err error) { answers <- err })
	}
	for range n {
		if err := <-answers; err != nil {
			b.Fatalf("append: %v", err)
		}
	}
}

func (b *bench) reader(opts kafkalog.ReaderOptions) kafkalog.Reader {
	b.Helper()
	r, err := b.journal.NewReader(opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	return r
}

// drain polls until it has n records, copies of them all in order of arrival.
func (b *bench) drain(r kafkalog.Reader, n int) []kafkalog.Record {
	b.Helper()
	var got []kafkalog.Record
	for len(got) < n {
		batches, err := r.Poll(b.ctx)
		if err != nil {
			b.Fatalf("poll after %d of %d records: %v", len(got), n, err)
		}
		for _, batch := range batches {
			got = append(got, batch.Records...)
		}
	}
	return got
}

func at(topic string, offsets map[int32]int64) map[string]map[int32]int64 {
	return map[string]map[int32]int64{topic: offsets}
}
