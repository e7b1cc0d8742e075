package kafkalog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

// TestAnEpochOfALostTailStopsTheReader: a Kafka that lost acknowledged records
// in a crash, and has taken others beyond the reader's offset since, looks
// whole to who knows only an offset. With the leader epoch of the record before
// it, the reader finds out (I-8, I-9).
func TestAnEpochOfALostTailStopsTheReader(t *testing.T) {
	dir := t.TempDir()
	kafka, err := realkafka.Start(t.Context(), realkafka.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Kill9)
	cfg := kafkalog.Config{Brokers: []string{kafka.Addr()}}
	before := open(t, cfg)
	ensure(t, before, kafkalogtest.Spec("t", 1))
	write := func(l *kafkalog.Log, n int, what string) {
		t.Helper()
		for i := range n {
			if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: fmt.Appendf(nil, "%s %d", what, i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(before, 10, "first")
	last, err := kafkalog.ReadAt(t.Context(), before, kafkalog.Position{Topic: "t", Offset: 9})
	if err != nil {
		t.Fatal(err)
	}
	before.Close()
	kafka.Kill9()
	loseAfter(t, filepath.Join(dir, "data", "t-0", "00000000000000000000.log"), 5)
	if err := kafka.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := open(t, cfg)
	if ends, err := l.EndOffsets(t.Context(), "t"); err != nil || ends[0] != 5 {
		t.Fatalf("after the loss the log ends at %v, %v", ends, err)
	}
	write(l, 10, "second")

	blind, err := poll(t, l, kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{"t": {0: 10}}})
	if err != nil || len(blind) != 1 || blind[0].Records[0].Offset != 10 || blind[0].Records[0].LeaderEpoch <= last.LeaderEpoch {
		t.Fatalf("a reader without an epoch sees no difference, and read %v, %v", blind, err)
	}
	batches, err := poll(t, l, kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{"t": {0: 10}},
		Epochs: map[string]map[int32]int32{"t": {0: last.LeaderEpoch}}})
	if !errors.Is(err, kafkalog.ErrLogLost) || len(batches) != 0 {
		t.Fatalf("a reader of epoch %d read %v, %v", last.LeaderEpoch, batches, err)
	}
	if lost := kafkalog.LostPartitions(err); len(lost) != 1 || lost[0].Position != (kafkalog.Position{Topic: "t", Offset: 10}) {
		t.Errorf("lost %v", lost)
	}
	// The same epoch where the log is still the one it was: nothing is wrong.
	kept, err := poll(t, l, kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{"t": {0: 4}},
		Epochs: map[string]map[int32]int32{"t": {0: last.LeaderEpoch}}})
	if err != nil || len(kept) != 1 || string(kept[0].Records[0].Value) != "first 4" {
		t.Errorf("where nothing was lost: %v, %v", kept, err)
	}
}

// poll reads until records or an error come.
func poll(t *testing.T, l *kafkalog.Log, opt kafkalog.ReaderOptions) ([]kafkalog.Batch, error) {
	t.Helper()
	r, err := l.NewReader(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		batches, err := r.Poll(ctx)
		if err != nil || len(batches) > 0 {
			return batches, err
		}
	}
}

// loseAfter cuts a segment of Kafka behind its first batches, as a machine that
// loses its power does with what was not on the disk.
func loseAfter(t *testing.T, segment string, batches int) {
	t.Helper()
	raw, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for range batches { // base offset, length of the rest, the rest
		at += 12 + int(binary.BigEndian.Uint32(raw[at+8:]))
	}
	if at >= len(raw) {
		t.Fatalf("the segment has no more than %d batches", batches)
	}
	if err := os.Truncate(segment, int64(at)); err != nil {
		t.Fatal(err)
	}
}
