// Package logsink is where the connectors' edge meets the log: it encodes what
// they append and keeps their statuses in orders.sources.v1.
package logsink

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
)

var (
	_ connector.Sink        = (*Sink)(nil)
	_ connector.StatusStore = (*Sink)(nil)
)

// Sink appends the connectors' records to the log.
type Sink struct {
	log   kafkalog.Journal
	codec *avroevent.Codec

	mu sync.Mutex
	// unkeyed is, per feed, the greatest offset it appended to each partition of
	// orders.unkeyed.v1.
	unkeyed map[ledger.FeedKey]map[int32]int64
	// newest is the newest status per source, feed and instance.
	newest map[string]*ledger.SourceStatus
	read   int64 // next offset of orders.sources.v1 to read
}

// New returns a sink on a log.
func New(log kafkalog.Journal, codec *avroevent.Codec) *Sink {
	return &Sink{log: log, codec: codec, unkeyed: map[ledger.FeedKey]map[int32]int64{}, newest: map[string]*ledger.SourceStatus{}}
}

// Healthy implements connector.Sink.
func (s *Sink) Healthy() error {
	if since, broken := s.log.Broken(); broken {
		return fmt.Errorf("%w: no answer since %s", connector.ErrUnavailable, since.UTC().Format("15:04:05"))
	}
	return nil
}

// outgoing is one encoded record and what to remember of it.
type outgoing struct {
	rec  kafkalog.Record
	feed *ledger.FeedKey // set for unkeyed records
}

// Append implements connector.Sink: it returns nil once every record's offset
// is known.
func (s *Sink) Append(ctx context.Context, out connector.Outgoing) error {
	records, err := s.encode(&out)
	if err != nil {
		return err
	}
	type answer struct {
		i   int
		pos kafkalog.Position
		err error
	}
	answers := make(chan answer, len(records))
	trace := connector.TraceParent(ctx)
	for i := range records {
		if trace != "" {
			records[i].rec.Headers = []kafkalog.Header{{Key: kafkalog.HeaderTraceParent, Value: []byte(trace)}}
		}
		s.log.AppendAsync(records[i].rec, func(p kafkalog.Position, err error) { answers <- answer{i, p, err} })
	}
	var faults []error
	for range records {
		select {
		case a := <-answers:
			if a.err != nil {
				faults = append(faults, a.err)
			} else if f := records[a.i].feed; f != nil {
				s.noteUnkeyed(*f, a.pos)
			}
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", connector.ErrUndecided, context.Cause(ctx))
		}
	}
	return translate(errors.Join(faults...))
}

// translate turns the log's faults into the connectors' two.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafkalog.ErrUndecided):
		return fmt.Errorf("%w: %w", connector.ErrUndecided, err)
	default:
		return fmt.Errorf("%w: %w", connector.ErrUnavailable, err)
	}
}

func (s *Sink) encode(out *connector.Outgoing) ([]outgoing, error) {
	var records []outgoing
	add := func(topic string, key []byte, v any, feed *ledger.FeedKey) error {
		value, err := s.codec.Encode(nil, v)
		if err == nil && len(key)+len(value) > maxRecord {
			err = avroevent.ErrOversize
		}
		if err != nil {
			return fmt.Errorf("encode for %s: %w", topic, err)
		}
		records = append(records, outgoing{kafkalog.Record{Topic: topic, Partition: kafkalog.ByKey, Key: key, Value: value}, feed})
		return nil
	}
	aside := out.Quarantined
	for _, e := range out.Events {
		err := add(kafkalog.TopicEvents, []byte(e.Order), e, nil)
		if errors.Is(err, avroevent.ErrOversize) {
			aside, err = append(aside, oversize(e)), nil
		}
		if err != nil {
			return nil, err
		}
	}
	for _, u := range out.Unkeyed {
		feed := ledger.FeedKey{Source: u.Event.Source, Feed: u.Event.Feed}
		err := add(kafkalog.TopicUnkeyed, u.By.Key(), u, &feed)
		if errors.Is(err, avroevent.ErrOversize) {
			aside, err = append(aside, oversize(&u.Event)), nil
		}
		if err != nil {
			return nil, err
		}
	}
	for _, q := range aside {
		err := add(kafkalog.TopicQuarantine, []byte(q.Source), q, nil)
		if errors.Is(err, avroevent.ErrOversize) {
			cut := *q
			cut.Body = truncated(q.Body)
			err = add(kafkalog.TopicQuarantine, []byte(q.Source), &cut, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

const (
	// maxRecord is the largest record a topic takes, less what a batch adds.
	maxRecord = kafkalog.DefaultMaxMessageBytes - 4096
	// keptOfOversize is how much of a body too large for a record is kept.
	keptOfOversize = 1 << 20
)

func truncated(b ledger.Body) ledger.Body {
	return ledger.Body{Codec: b.Codec + ";truncated", KeyID: b.KeyID, Bytes: b.Bytes[:min(len(b.Bytes), keptOfOversize)]}
}

// oversize sets an event aside that no record can hold, so that its neighbours
// go on: its source still has it, and the entry says what to ask for.
func oversize(e *ledger.Event) *ledger.Quarantined {
	q := &ledger.Quarantined{ID: "q-" + e.ID.String(), Source: e.Source, Feed: e.Feed, Reason: "oversize", Offset: -1, Order: e.Order, Of: e.ID,
		ReceivedAt: e.ReceivedAt, ExpiresAt: e.ReceivedAt.Add(catalog.QuarantineRetention), Delivery: e.Delivery,
		Detail: fmt.Sprintf("%s %s is larger than a record may be (%d bytes of body); the first bytes are kept: read it from its source",
			e.Object.Type, e.Object.ID, len(e.Body.Bytes))}
	q.Body = truncated(e.Body)
	return q
}

func (s *Sink) noteUnkeyed(f ledger.FeedKey, p kafkalog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.unkeyed[f]
	if m == nil {
		m = map[int32]int64{}
		s.unkeyed[f] = m
	}
	m[p.Partition] = max(m[p.Partition], p.Offset)
}
