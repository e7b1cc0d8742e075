package memlog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

func TestConformance(t *testing.T) {
	kafkalogtest.Run(t, func(t *testing.T) kafkalog.Journal {
		l := memlog.New(memlog.Options{})
		t.Cleanup(l.Close)
		return l
	})
}

func TestOutage(t *testing.T) {
	l := newLog(t, memlog.Options{MaxBufferedRecords: 2, BrokenAfter: time.Nanosecond})
	l.SetDown(memlog.Down)
	answers := make(chan error, 3)
	for range 3 {
		l.AppendAsync(kafkalog.Record{Topic: "t"}, func(_ kafkalog.Position, err error) { answers <- err })
	}
	if err := <-answers; !errors.Is(err, kafkalog.ErrBackPressure) {
		t.Errorf("the third record during the outage: %v", err)
	}
	if _, broken := l.Broken(); !broken {
		t.Error("not broken during an outage with waiting records")
	}
	l.SetDown(memlog.Up)
	for range 2 {
		if err := <-answers; err != nil {
			t.Errorf("a waiting record: %v", err)
		}
	}
	if _, broken := l.Broken(); broken {
		t.Error("still broken after the outage")
	}
}

func TestLostLog(t *testing.T) {
	for name, lose := range map[string]func(*memlog.Log){
		"trimmed":   func(l *memlog.Log) { l.TrimTo(kafkalog.Position{Topic: "t", Offset: 3}) },
		"recreated": func(l *memlog.Log) { l.Recreate("t") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, memlog.Options{})
			for range 4 {
				if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t"}); err != nil {
					t.Fatal(err)
				}
			}
			r, err := l.NewReader(kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{"t": {0: 0}}, MaxPollRecords: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Poll(t.Context()); err != nil {
				t.Fatal(err)
			}
			lose(l)
			if _, err := r.Poll(t.Context()); !errors.Is(err, kafkalog.ErrLogLost) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func newLog(t *testing.T, opts memlog.Options) *memlog.Log {
	t.Helper()
	l := memlog.New(opts)
	t.Cleanup(l.Close)
	if _, err := l.EnsureTopics(t.Context(), []kafkalog.TopicSpec{kafkalogtest.Spec("t", 1)}, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return l
}
