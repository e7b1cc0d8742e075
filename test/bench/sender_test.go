package bench_test

import (
	"testing"

	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// sender appends without waiting for each record.
type sender struct {
	t     *testing.T
	log   kafkalog.Appender
	codec *avroevent.Codec
	room  chan struct{}
	fault chan error
}

func newSender(t *testing.T, log kafkalog.Appender, codec *avroevent.Codec) *sender {
	return &sender{t: t, log: log, codec: codec, room: make(chan struct{}, 5_000), fault: make(chan error, 1)}
}

// to appends a record and returns the bytes of its key and value.
func (s *sender) to(topic string, partition int32, key string, v any) int {
	s.t.Helper()
	value, err := s.codec.Encode(nil, v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.room <- struct{}{}
	s.log.AppendAsync(kafkalog.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value}, func(_ kafkalog.Position, err error) {
		if err != nil {
			select {
			case s.fault <- err:
			default:
			}
		}
		<-s.room
	})
	return len(key) + len(value)
}

func (s *sender) wait() {
	s.t.Helper()
	for range cap(s.room) {
		s.room <- struct{}{}
	}
	select {
	case err := <-s.fault:
		s.t.Fatal(err)
	default:
	}
}
