package logsink

import (
	"context"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

func statusKey(source ledger.Source, feed, instance string) string {
	return string(source) + "/" + feed + "/" + instance
}

// Load implements connector.StatusStore: the newest status of the feed's
// instance in orders.sources.v1, else of the greatest epoch of any other.
func (s *Sink) Load(ctx context.Context, source ledger.Source, feed, instance string) (*ledger.SourceStatus, error) {
	if err := s.catchUp(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := s.newest[statusKey(source, feed, instance)]; own != nil {
		return own, nil
	}
	var best *ledger.SourceStatus
	for _, st := range s.newest {
		if st.Source != source || st.Feed != feed {
			continue
		}
		if best == nil || st.Epoch.Number > best.Epoch.Number || st.Epoch.Number == best.Epoch.Number && st.Instance < best.Instance {
			best = st
		}
	}
	return best, nil
}

// catchUp reads what was added to the topic since the last call.
func (s *Sink) catchUp(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	starts, err := s.log.StartOffsets(ctx, kafkalog.TopicSources)
	if err != nil {
		return err
	}
	ends, err := s.log.EndOffsets(ctx, kafkalog.TopicSources)
	if err != nil {
		return err
	}
	from := max(s.read, starts[0])
	records, err := kafkalog.ReadRange(ctx, s.log, kafkalog.Position{Topic: kafkalog.TopicSources, Offset: from}, ends[0])
	if err != nil {
		return err
	}
	dec := s.codec.NewDecoder()
	for i := range records {
		if st, err := dec.DecodeSourceStatus(records[i].Value); err == nil {
			s.newest[statusKey(st.Source, st.Feed, st.Instance)] = st
		}
		s.read = records[i].Offset + 1
	}
	return nil
}

// Save implements connector.StatusStore. It adds where the feed's unkeyed
// records stand, and returns once the status is in the log.
func (s *Sink) Save(ctx context.Context, st *ledger.SourceStatus) error {
	c := *st
	c.Unkeyed = s.unkeyedOf(ledger.FeedKey{Source: st.Source, Feed: st.Feed}, st.Unkeyed)
	value, err := s.codec.Encode(nil, &c)
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicSources, Key: []byte(statusKey(c.Source, c.Feed, c.Instance)), Value: value})
	return translate(err)
}

func (s *Sink) unkeyedOf(f ledger.FeedKey, before []ledger.UnkeyedOffset) []ledger.UnkeyedOffset {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[int32]int64{}
	for _, u := range before {
		all[u.Partition] = u.Offset
	}
	for p, o := range s.unkeyed[f] {
		all[p] = max(all[p], o)
	}
	out := make([]ledger.UnkeyedOffset, 0, len(all))
	for p, o := range all {
		out = append(out, ledger.UnkeyedOffset{Partition: p, Offset: o})
	}
	slices.SortFunc(out, func(a, b ledger.UnkeyedOffset) int { return int(a.Partition - b.Partition) })
	return out
}
