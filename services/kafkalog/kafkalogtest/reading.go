package kafkalogtest

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func readerFollows(b *bench) {
	topic := b.topic(1)
	b.fill(topic, 0, 10)
	r := b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 7})})
	got := b.drain(r, 3)
	if got[0].Offset != 7 || string(got[0].Value) != "7" {
		b.Fatalf("the first record read is %v", got[0].Position())
	}
	polled := make(chan kafkalog.Record, 1)
	go func() {
		batches, err := r.Poll(b.ctx)
		if err != nil || len(batches) != 1 || batches[0].HighWatermark != 11 || batches[0].Next() != 11 {
			b.Errorf("waiting poll: %+v, %v", batches, err)
			close(polled)
			return
		}
		polled <- batches[0].Records[0]
	}()
	b.append(kafkalog.Record{Topic: topic, Value: []byte("late")})
	if rec := <-polled; rec.Offset != 10 || string(rec.Value) != "late" {
		b.Errorf("the waiting poll returned %v", rec.Position())
	}
}

func readerMovesOnlyWhenTold(b *bench) {
	topic := b.topic(2)
	b.fill(topic, 0, 100)
	b.fill(topic, 1, 100)
	r := b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0}), MaxPollRecords: 10})
	expect := func(partition int32, from int64, n int) {
		b.Helper()
		for _, rec := range b.drain(r, n) {
			if rec.Partition != partition || rec.Offset != from || string(rec.Value) != strconv.FormatInt(from, 10) {
				b.Fatalf("read %v, wanted %d/%d", rec.Position(), partition, from)
			}
			from++
		}
	}
	expect(0, 0, 20)
	r.Add(kafkalog.Position{Topic: topic, Partition: 0, Offset: 5})
	expect(0, 5, 10)
	r.Add(kafkalog.Position{Topic: topic, Partition: 0, Offset: 90})
	expect(0, 90, 10)
	r.Pause(topic, 0)
	r.Add(kafkalog.Position{Topic: topic, Partition: 0, Offset: 0})
	r.Add(kafkalog.Position{Topic: topic, Partition: 1, Offset: 30})
	expect(1, 30, 70)
	r.Remove(topic, 1)
	r.Resume(topic, 0)
	expect(0, 0, 100)
}

func pollIsBounded(b *bench) {
	topic := b.topic(2)
	b.fill(topic, 0, 200)
	b.fill(topic, 1, 200)
	r := b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0, 1: 0}), MaxPollRecords: 7})
	for total := 0; total < 400; {
		batches, err := r.Poll(b.ctx)
		if err != nil {
			b.Fatal(err)
		}
		n, seen := 0, make(map[int32]bool)
		for _, batch := range batches {
			if seen[batch.Partition] || len(batch.Records) == 0 {
				b.Fatalf("partition %d: %d records in a second or empty batch", batch.Partition, len(batch.Records))
			}
			seen[batch.Partition] = true
			n += len(batch.Records)
		}
		if n == 0 || n > 7 {
			b.Fatalf("one poll returned %d records, wanted 1 to 7", n)
		}
		total += n
	}
}

func pollEndsWithContextAndClose(b *bench) {
	topic := b.topic(1)
	r := b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 0})})
	short, cancel := context.WithTimeout(b.ctx, 50*time.Millisecond)
	defer cancel()
	if batches, err := r.Poll(short); len(batches) != 0 || !errors.Is(err, context.DeadlineExceeded) {
		b.Errorf("poll with an ended context: %v, %v", batches, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := r.Poll(b.ctx)
		ended <- err
	}()
	r.Close()
	if err := <-ended; !errors.Is(err, kafkalog.ErrClosed) {
		b.Errorf("poll of a closed reader: %v", err)
	}
}

func outOfRangeStopsOnePartition(b *bench) {
	topic := b.topic(2)
	b.fill(topic, 0, 10)
	b.fill(topic, 1, 10)
	r := b.reader(kafkalog.ReaderOptions{Assignments: at(topic, map[int32]int64{0: 25, 1: 0})})
	var lost []*kafkalog.LogLostError
	read := 0
	for len(lost) == 0 || read < 10 {
		batches, err := r.Poll(b.ctx)
		if err != nil {
			if !errors.Is(err, kafkalog.ErrLogLost) {
				b.Fatalf("poll: %v", err)
			}
			lost = append(lost, kafkalog.LostPartitions(err)...)
		}
		for _, batch := range batches {
			if batch.Partition == 0 {
				b.Fatalf("the lost partition returned %v", batch.Records[0].Position())
			}
			read += len(batch.Records)
		}
	}
	if want := (kafkalog.Position{Topic: topic, Partition: 0, Offset: 25}); len(lost) != 1 || lost[0].Position != want {
		b.Fatalf("lost %v, wanted %v once", lost, want)
	}
	b.fill(topic, 0, 30) // the offset exists now: still nobody may go on by itself
	b.fill(topic, 1, 5)
	for _, rec := range b.drain(r, 5) {
		if rec.Partition != 1 {
			b.Fatalf("the lost partition came back with %v", rec.Position())
		}
	}
	r.Add(kafkalog.Position{Topic: topic, Partition: 0, Offset: 38})
	if got := b.drain(r, 2); got[0].Partition != 0 || got[0].Offset != 38 {
		b.Errorf("after adding the partition again it begins at %v", got[0].Position())
	}
}

func offsetsAndRanges(b *bench) {
	topic := b.topic(2)
	b.fill(topic, 1, 20)
	starts, err := b.journal.StartOffsets(b.ctx, topic)
	if err != nil || len(starts) != 2 || starts[0] != 0 || starts[1] != 0 {
		b.Errorf("start offsets: %v, %v", starts, err)
	}
	ends, err := b.journal.EndOffsets(b.ctx, topic)
	if err != nil || len(ends) != 2 || ends[0] != 0 || ends[1] != 20 {
		b.Errorf("end offsets: %v, %v", ends, err)
	}
	if _, err := b.journal.EndOffsets(b.ctx, b.prefix+".missing"); !errors.Is(err, kafkalog.ErrUnknownTopic) {
		b.Errorf("end offsets of a missing topic: %v", err)
	}
	if _, err := b.journal.TopicID(b.ctx, b.prefix+".missing"); !errors.Is(err, kafkalog.ErrUnknownTopic) {
		b.Errorf("id of a missing topic: %v", err)
	}
	rec, err := kafkalog.ReadAt(b.ctx, b.journal, kafkalog.Position{Topic: topic, Partition: 1, Offset: 13})
	if err != nil || string(rec.Value) != "13" {
		b.Errorf("read at 13: %q, %v", rec.Value, err)
	}
	if _, err := kafkalog.ReadAt(b.ctx, b.journal, kafkalog.Position{Topic: topic, Partition: 1, Offset: 20}); !errors.Is(err, kafkalog.ErrLogLost) {
		b.Errorf("read at the end: %v", err)
	}
	records, err := kafkalog.ReadRange(b.ctx, b.journal, kafkalog.Position{Topic: topic, Partition: 1, Offset: 5}, 9)
	if err != nil || len(records) != 4 || records[0].Offset != 5 || records[3].Offset != 8 {
		b.Errorf("read range [5, 9): %d records, %v", len(records), err)
	}
}

func missingPartitionsStop(b *bench) {
	topic := b.topic(1)
	b.fill(topic, 0, 1)
	r := b.reader(kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{
		topic: {0: 0, 1: 0}, b.prefix + ".missing": {0: 0},
	}})
	lost, read := 0, 0
	for lost < 2 || read < 1 {
		batches, err := r.Poll(b.ctx)
		for _, batch := range batches {
			read += len(batch.Records)
		}
		for _, l := range kafkalog.LostPartitions(err) {
			if !errors.Is(l, kafkalog.ErrUnknownTopic) {
				b.Errorf("%v: %v", l.Position, l.Err)
			}
			lost++
		}
		if err != nil && lost == 0 {
			b.Fatalf("poll: %v (%d read)", err, read)
		}
	}
}
