package kafkalogtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func appendsReadBackInOrder(b *bench) {
	topic := b.topic(3)
	const n = 300
	want := make(map[int32][]string)
	for i := range n {
		value := fmt.Sprintf("value %d", i)
		at := b.append(kafkalog.Record{Topic: topic, Partition: int32(i % 3), Value: []byte(value)})
		if at.Offset != int64(len(want[at.Partition])) || at.Partition != int32(i%3) || at.Topic != topic {
			b.Fatalf("record %d landed at %v", i, at)
		}
		want[at.Partition] = append(want[at.Partition], value)
	}
	got := make(map[int32][]string)
	for _, rec := range b.drain(b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0, 1: 0, 2: 0})}), n) {
		if rec.Offset != int64(len(got[rec.Partition])) {
			b.Fatalf("read %v out of order", rec.Position())
		}
		got[rec.Partition] = append(got[rec.Partition], string(rec.Value))
	}
	for p := range want {
		if !slices.Equal(want[p], got[p]) {
			b.Errorf("partition %d differs from what was appended", p)
		}
	}
}

func keyChoosesThePartition(b *bench) {
	topic := b.topic(4)
	used := make(map[int32]bool)
	for i := range 40 {
		key := fmt.Appendf(nil, "shopify-eu~%d", 1000+i)
		at := b.append(kafkalog.Record{Topic: topic, Partition: kafkalog.ByKey, Key: key})
		if want := kafkalog.PartitionFor(key, 4); at.Partition != want {
			b.Errorf("key %s landed in partition %d, wanted %d", key, at.Partition, want)
		}
		used[at.Partition] = true
	}
	if len(used) != 4 {
		b.Errorf("40 keys used %d of 4 partitions", len(used))
	}
}

func contentSurvives(b *bench) {
	topic := b.topic(1)
	records := []kafkalog.Record{
		{Topic: topic, Key: []byte("k"), Value: []byte{0, 1, 255}, Timestamp: 1_700_000_000_123_000, Headers: []kafkalog.Header{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "empty", Value: []byte{}},
		}},
		{Topic: topic, Key: nil, Value: []byte("no key"), Timestamp: 1_700_000_000_124_000},
		{Topic: topic, Key: []byte("tombstone"), Value: nil, Timestamp: 1_700_000_000_125_000},
		{Topic: topic, Key: []byte{}, Value: []byte{}, Timestamp: 1_700_000_000_126_000},
	}
	for _, rec := range records {
		b.append(rec)
	}
	got := b.drain(b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0})}), len(records))
	for i, rec := range got {
		want := records[i]
		if !bytes.Equal(rec.Key, want.Key) || !bytes.Equal(rec.Value, want.Value) || rec.Timestamp != want.Timestamp {
			b.Errorf("record %d came back as %+v", i, rec)
		}
		if (rec.Key == nil) != (want.Key == nil) || (rec.Value == nil) != (want.Value == nil) {
			b.Errorf("record %d: null and empty were confused", i)
		}
		if !slices.EqualFunc(rec.Headers, want.Headers, func(x, y kafkalog.Header) bool {
			return x.Key == y.Key && bytes.Equal(x.Value, y.Value)
		}) {
			b.Errorf("record %d: headers came back as %v", i, rec.Headers)
		}
	}
	if v, ok := got[0].Header("a"); !ok || string(v) != "1" {
		b.Errorf("Header(a) = %q, %v", v, ok)
	}
	if _, ok := got[0].Header("b"); ok {
		b.Error("Header(b) was found")
	}
}

func timestampsAreWholeMilliseconds(b *bench) {
	topic := b.topic(1)
	before := time.Now().UnixMicro()
	b.append(kafkalog.Record{Topic: topic, Timestamp: 1_700_000_000_123_456})
	b.append(kafkalog.Record{Topic: topic})
	after := time.Now().UnixMicro()
	got := b.drain(b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0})}), 2)
	if got[0].Timestamp != 1_700_000_000_123_000 {
		b.Errorf("timestamp came back as %d", got[0].Timestamp)
	}
	if ts := got[1].Timestamp; ts < before-1000 || ts > after || ts%1000 != 0 {
		b.Errorf("an unset timestamp became %d, wanted one between %d and %d", ts, before, after)
	}
}

func asyncAnswersOnceAndInOrder(b *bench) {
	topic := b.topic(2)
	const n = 5000
	type answer struct {
		i  int
		at kafkalog.Position
	}
	answers := make(chan answer, 2*n)
	for i := range n {
		rec := kafkalog.Record{Topic: topic, Partition: int32(i % 2), Value: fmt.Appendf(nil, "%d", i)}
		b.journal.AppendAsync(rec, func(at kafkalog.Position, err error) {
			if err != nil {
				b.Errorf("append %d: %v", i, err)
			}
			answers <- answer{i, at}
		})
	}
	seen := make(map[int]bool)
	for range n {
		a := <-answers
		if seen[a.i] {
			b.Fatalf("append %d was answered twice", a.i)
		}
		seen[a.i] = true
		if a.at.Partition != int32(a.i%2) || a.at.Offset != int64(a.i/2) {
			b.Fatalf("append %d landed at %v", a.i, a.at)
		}
	}
	if len(answers) != 0 {
		b.Errorf("%d answers too many", len(answers))
	}
	if since, broken := b.journal.Broken(); broken {
		b.Errorf("broken since %v although everything was answered", since)
	}
}

func hopelessAppendsAreRejected(b *bench) {
	topic := b.topic(2)
	hopeless := map[string]kafkalog.Record{
		"too large":         {Topic: topic, Value: randomBytes(3 << 20)},
		"unknown partition": {Topic: topic, Partition: 2},
		"unknown topic":     {Topic: b.prefix + ".missing"},
	}
	for name, rec := range hopeless {
		if _, err := b.journal.Append(b.ctx, rec); !errors.Is(err, kafkalog.ErrRejected) {
			b.Errorf("%s: got %v, wanted a rejection", name, err)
		}
	}
	if _, err := b.journal.Append(b.ctx, hopeless["unknown partition"]); !errors.Is(err, kafkalog.ErrUnknownTopic) {
		b.Errorf("unknown partition: got %v", err)
	}
	if at := b.append(kafkalog.Record{Topic: topic, Value: []byte("fine")}); at.Offset != 0 {
		b.Errorf("the record after the rejections landed at %v", at)
	}
	roomy := Spec(b.prefix+".roomy", 1)
	roomy.MaxMessageBytes = 4 << 20
	if _, err := b.journal.EnsureTopics(b.ctx, []kafkalog.TopicSpec{roomy}, kafkalog.EnsureOptions{}); err != nil {
		b.Fatal(err)
	}
	b.append(kafkalog.Record{Topic: roomy.Name, Value: randomBytes(3 << 20)})
	ended, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.journal.Append(ended, kafkalog.Record{Topic: topic}); !errors.Is(err, context.Canceled) || errors.Is(err, kafkalog.ErrUndecided) {
		b.Errorf("append with an ended context: got %v, wanted the context's error and nothing appended", err)
	}
}

// randomBytes returns bytes that do not compress.
func randomBytes(n int) []byte {
	out := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range out {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state)
	}
	return out
}
