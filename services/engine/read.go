package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Freshness says how far the answer of a partition reaches (I-17).
type Freshness struct {
	Topic         string
	Partition     int32
	Log           int32 // the partition among those of both topics
	AppliedOffset int64 // records before it are in the answer
	LogEnd        int64 // the end last seen, −1 if unknown
	Clock         ledger.Instant
	FoldVersion   uint32
	Owner         bool
}

// ErrNotCaughtUp is returned when a read asked for an offset that was not
// folded before its context ended.
var ErrNotCaughtUp = errors.New("not caught up to the offset asked for")

// Read runs fn over the last commit of a partition. The reader is valid during
// the call only, and a closing node waits for its end.
func (n *Node) Read(partition int32, fn func(*ledger.Reader, Freshness) error) (err error) {
	r, err := n.replica(partition)
	if err != nil {
		return err
	}
	leave, err := n.gate.enter()
	if err != nil {
		return err
	}
	defer leave()
	snap := r.store.Snapshot()
	defer func() {
		if cerr := snap.Close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	reader, err := r.reader(snap)
	if err != nil {
		return err
	}
	return fn(reader, Freshness{Topic: r.topic, Partition: r.index, Log: r.log(), AppliedOffset: reader.Offset(), LogEnd: r.end.Load(),
		Clock: reader.Clock(), FoldVersion: ledger.FoldVersion, Owner: r.owner.Load()})
}

// reader opens a snapshot, sharing the compiled policy with earlier readers.
func (r *replica) reader(snap *Snapshot) (*ledger.Reader, error) {
	r.mu.Lock()
	base := r.base
	r.mu.Unlock()
	if base == nil {
		first, err := ledger.NewReader(snap, ledger.Options{Partition: r.partition, Partitions: r.n.cfg.Partitions, OrderPartitions: r.n.cfg.Partitions})
		if err != nil {
			return nil, err
		}
		base = first
	}
	next, err := base.Next(snap)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.base = next
	r.mu.Unlock()
	return next, nil
}

// Logs is the number of partitions of both topics: those of orders.events.v1
// first, then those of orders.unkeyed.v1. Whatever takes a partition takes a
// number below it.
func (n *Node) Logs() int32 { return 2 * n.cfg.Partitions }

// replica finds a partition by its number among those of both topics.
func (n *Node) replica(partition int32) (*replica, error) {
	list, at := n.replicas, partition
	if partition >= n.cfg.Partitions {
		list, at = n.aliases, partition-n.cfg.Partitions
	}
	if at < 0 || int(at) >= len(list) {
		return nil, fmt.Errorf("partition %d: the log has %d", at, len(list))
	}
	return list[at], nil
}

// PartitionOf returns the partition of an order.
func (n *Node) PartitionOf(k ledger.OrderKey) int32 {
	return ledger.PartitionOf([]byte(k), n.cfg.Partitions)
}

// WaitFor waits until a partition has folded every record before the offset.
func (n *Node) WaitFor(ctx context.Context, partition int32, offset int64) error {
	r, err := n.replica(partition)
	if err != nil {
		return err
	}
	for {
		wait := r.done.wait()
		if r.view.Load().place.Offset >= offset {
			return nil
		}
		select {
		case <-n.run.Done():
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("partition %d at %d, asked for %d: %w", partition, r.view.Load().place.Offset, offset, ErrNotCaughtUp)
		case <-wait:
		}
	}
}

// Barrier waits until a partition has folded everything that was in its log
// when the call began.
func (n *Node) Barrier(ctx context.Context, partition int32) error {
	r, err := n.replica(partition)
	if err != nil {
		return err
	}
	ends, err := n.deps.Journal.EndOffsets(ctx, r.topic)
	if err != nil {
		return err
	}
	return n.WaitFor(ctx, partition, ends[r.index])
}

// Propose appends a record to a partition and returns where it stands; its
// effect exists once that offset is folded.
func (n *Node) Propose(ctx context.Context, partition int32, payload any) (kafkalog.Position, error) {
	r, err := n.replica(partition)
	if err != nil {
		return kafkalog.Position{}, err
	}
	value, err := n.deps.Codec.Encode(nil, payload)
	if err != nil {
		return kafkalog.Position{}, err
	}
	return n.deps.Journal.Append(ctx, kafkalog.Record{Topic: r.topic, Partition: r.index, Value: value})
}

// ProposePolicy appends a policy record to the control topic; owners carry it
// into their partitions. Its key belongs to this proposal alone: of a topic that
// is compacted, against the rules, no version is removed by the next, and no
// proposal by a rival of the same version (S-32).
func (n *Node) ProposePolicy(ctx context.Context, rec *ledger.PolicyRecord) (kafkalog.Position, error) {
	value, err := n.deps.Codec.Encode(nil, rec)
	if err != nil {
		return kafkalog.Position{}, err
	}
	return n.deps.Journal.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicControl, Key: policyKey(rec), Value: value})
}

// policyKey names a proposal: policy/VERSION/EFFECTIVE-AT/DIGEST.
func policyKey(rec *ledger.PolicyRecord) []byte {
	return fmt.Appendf(nil, "policy/%d/%d/%x", rec.Version, int64(rec.EffectiveAt), rec.Digest)
}

// Stat is what metrics show of one partition.
type Stat struct {
	// Partition is numbered from ledger.AliasPartitions on if it is one of
	// orders.unkeyed.v1.
	Partition int32
	Lag       int64 // −1 if unknown
	Offset    int64
	Clock     ledger.Instant
	Policy    uint64
	Outbox    int64 // bytes
	DiskBytes uint64
	Owner     bool
	Counts    map[ledger.Source][ledger.Outcomes]uint64
}

// Stats returns every partition's numbers; none once the node is closed.
func (n *Node) Stats() []Stat {
	leave, err := n.gate.enter()
	if err != nil {
		return nil
	}
	defer leave()
	var out []Stat
	for _, r := range n.all() {
		v := r.view.Load()
		out = append(out, Stat{Partition: r.partition, Lag: r.lag(), Offset: v.place.Offset, Clock: v.guard.Clock, Policy: v.policy,
			Outbox: int64(r.outbox.Load().Bytes()), DiskBytes: r.store.DiskBytes(), Owner: r.owner.Load(), Counts: v.counts})
	}
	return out
}

// Digest returns the digest of a partition's committed state and the offset it
// stands at.
func (n *Node) Digest(partition int32) ([32]byte, int64, error) {
	r, err := n.replica(partition)
	if err != nil {
		return [32]byte{}, 0, err
	}
	leave, err := n.gate.enter()
	if err != nil {
		return [32]byte{}, 0, err
	}
	defer leave()
	snap := r.store.Snapshot()
	defer func() { _ = snap.Close() }()
	sum, err := ledger.Digest(snap)
	if err != nil {
		return sum, 0, err
	}
	p, _, err := PlaceOf(snap)
	return sum, p.Offset, err
}
