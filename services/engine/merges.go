package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// mergeLog is what orders.control.v1 holds of merges, splits and mutes, in
// number order.
type mergeLog struct {
	mu   sync.Mutex
	list []any // *ledger.Merge, *ledger.Split or *ledger.Mute
	sig  broadcast
}

func newMergeLog() *mergeLog { return &mergeLog{sig: newBroadcast()} }

// take keeps the first record of each next number: that is the one the owners
// append, and every owner keeps the same.
func (m *mergeLog) take(dec *avroevent.Decoder) func(*kafkalog.Record) {
	return func(r *kafkalog.Record) {
		rec := ledger.Record{Key: r.Key}
		dec.Decode(r.Value, &rec)
		var v any
		var number uint64
		switch {
		case rec.Merge != nil:
			v, number = rec.Merge, rec.Merge.Number
		case rec.Split != nil:
			v, number = rec.Split, rec.Split.Number
		case rec.Mute != nil:
			v, number = rec.Mute, rec.Mute.Number
		default:
			return
		}
		m.mu.Lock()
		if number == uint64(len(m.list))+1 {
			m.list = append(m.list, v)
		}
		m.mu.Unlock()
		m.sig.fire()
	}
}

// after returns the record that follows a number, nil if there is none yet.
func (m *mergeLog) after(number uint64) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < uint64(len(m.list)) {
		return m.list[number]
	}
	return nil
}

func (m *mergeLog) last() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.list))
}

func requestOf(v any) string {
	switch v := v.(type) {
	case *ledger.Merge:
		return v.RequestID
	case *ledger.Split:
		return v.RequestID
	default:
		return v.(*ledger.Mute).RequestID
	}
}

// ProposeMerge appends a merge to the control topic under the next number;
// owners carry it into every partition of both topics. It returns the number
// under which the log holds it: of proposals that rival for one number the first
// is taken, and the others are numbered anew. The request's id tells them apart.
func (n *Node) ProposeMerge(ctx context.Context, m ledger.Merge) (uint64, error) {
	return n.proposeNumbered(ctx, m.RequestID, func(number uint64) any { m.Number = number; return &m })
}

// ProposeSplit appends a split, like ProposeMerge.
func (n *Node) ProposeSplit(ctx context.Context, m ledger.Merge) (uint64, error) {
	s := ledger.Split(m)
	return n.proposeNumbered(ctx, s.RequestID, func(number uint64) any { s.Number = number; return &s })
}

// ProposeMute appends a mute, like ProposeMerge.
func (n *Node) ProposeMute(ctx context.Context, m ledger.Mute) (uint64, error) {
	return n.proposeNumbered(ctx, m.RequestID, func(number uint64) any { m.Number = number; return &m })
}

func (n *Node) proposeNumbered(ctx context.Context, request string, as func(number uint64) any) (uint64, error) {
	if request == "" {
		return 0, fmt.Errorf("propose a merge, split or mute: it needs a request id")
	}
	for {
		number := n.heard.merges.last() + 1
		value, err := n.deps.Codec.Encode(nil, as(number))
		if err != nil {
			return 0, err
		}
		key := fmt.Appendf(nil, "numbered/%d/%s", number, request)
		if _, err := n.deps.Journal.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicControl, Key: key, Value: value}); err != nil {
			return 0, err
		}
		taken, err := n.mergeTaken(ctx, number)
		if err != nil {
			return 0, err
		}
		if requestOf(taken) == request {
			return number, nil
		}
	}
}

// mergeTaken waits until the control topic's record of a number was read back.
func (n *Node) mergeTaken(ctx context.Context, number uint64) (any, error) {
	for {
		wait := n.heard.merges.sig.wait()
		if v := n.heard.merges.after(number - 1); v != nil {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("merge, split or mute %d: it was appended and not read back yet: %w", number, ctx.Err())
		case <-wait:
		}
	}
}

// WaitMerged waits until a partition has folded a merge or split.
func (n *Node) WaitMerged(ctx context.Context, partition int32, number uint64) error {
	r, err := n.replica(partition)
	if err != nil {
		return err
	}
	for {
		if err := r.stopped(); err != nil {
			return err
		}
		wait := r.done.wait()
		if r.view.Load().merged >= number {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("partition %d, merge, split or mute %d: %w", partition, number, ErrNotCaughtUp)
		case <-wait:
		}
	}
}
