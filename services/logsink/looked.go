package logsink

import (
	"context"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Look appends the answer of a source that was asked about one order. It returns
// nil only when the record stands in the order's partition; what the answer
// showed must have been appended before.
func (s *Sink) Look(ctx context.Context, l *ledger.Looked) error {
	value, err := s.codec.Encode(nil, l)
	if err != nil {
		return fmt.Errorf("encode a look-up of %s: %w", l.Order, err)
	}
	_, err = s.log.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: kafkalog.ByKey, Key: []byte(l.Order), Value: value})
	return translate(err)
}
