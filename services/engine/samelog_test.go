package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

// TestALogWithTheSameLastRecordIsNotTheSame: a broker lost records and took others
// in their place, and the one folded last was sent again and stands where it
// stood: the history before it is another all the same (I-9).
func TestALogWithTheSameLastRecordIsNotTheSame(t *testing.T) {
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int, other int) *memlog.Log {
		log := memlog.New(memlog.Options{})
		t.Cleanup(log.Close)
		if _, err := log.EnsureTopics(t.Context(), kafkalog.Topics(kafkalog.TopicOptions{Partitions: 1}), kafkalog.EnsureOptions{}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			value := fmt.Sprint("record ", i)
			if i == other {
				value = "another"
			}
			if _, err := log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Value: []byte(value)}); err != nil {
				t.Fatal(err)
			}
		}
		return log
	}
	at := kafkalog.Position{Topic: kafkalog.TopicEvents}
	for _, n := range []int{1, 6, 300, 900} {
		log := write(n, -1)
		store, fold := openAt(t, vfs.NewMem())
		opt := engine.ReplayOptions{Journal: log, Decoder: codec.NewDecoder(), Until: int64(n), Batch: 7}
		if err := engine.Replay(t.Context(), opt, fold, nil); err != nil {
			t.Fatal(err)
		}
		again, err := engine.NewFold(store, engine.FoldOptions{Partitions: 1, TopicID: [16]byte{9}, SliceTimers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.SameLog(t.Context(), log, at, again.Place()); err != nil {
			t.Errorf("%d records: %v", n, err)
		}
		for _, back := range []int{1, 2, 6, 256} {
			if back > n {
				continue
			}
			if err := engine.SameLog(t.Context(), write(n, n-back), at, again.Place()); !errors.Is(err, kafkalog.ErrLogLost) {
				t.Errorf("%d records, another %d before the end: %v", n, back, err)
			}
		}
		if err := engine.SameLog(t.Context(), write(n-1, -1), at, again.Place()); !errors.Is(err, kafkalog.ErrLogLost) {
			t.Errorf("%d records, the last is lost: %v", n, err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
