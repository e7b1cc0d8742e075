package prove

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Live is a running instance that says what state its partitions are in.
type Live interface {
	// State digests a partition at its last commit, in shards.
	State(ctx context.Context, at Place, shards int32) (LiveState, error)
	// Parts lists the entries of a shard.
	Parts(ctx context.Context, at Place, shards, shard int32) ([]ledger.Part, int64, error)
	// Part is one entry's value; false if there is none.
	Part(ctx context.Context, at Place, key []byte) ([]byte, bool, int64, error)
}

// Place names a partition of a topic.
type Place struct {
	Topic     string
	Partition int32
}

// LiveState is what a running instance says of a partition.
type LiveState struct {
	Offset      int64
	FoldVersion uint32
	Digest      [32]byte
	Shards      [][32]byte
}

// liveShards is in how many parts a state is compared.
const liveShards = 256

// caughtUp is how long a running instance may take to fold what the log held
// when the proof began.
const caughtUp = 30 * time.Second

// proveLive holds a running instance's partition against a replay to the very
// offset that it stands at. It moves on meanwhile; the replay follows.
func (r *replayer) proveLive(ctx context.Context, p *part, base *folded) error {
	at := Place{p.topic, p.index}
	says, err := r.o.Live.State(ctx, at, liveShards)
	for wait := time.Now(); err == nil && says.Offset < base.fold.Place().Offset; {
		if time.Since(wait) > caughtUp {
			r.note(fmt.Sprintf("%s: the running instance stands at %d and does not reach %d: it is left out", p, says.Offset, base.fold.Place().Offset))
			return nil
		}
		says, err = r.o.Live.State(ctx, at, liveShards)
	}
	if err != nil {
		return fmt.Errorf("ask the running instance about %s: %w", p, err)
	}
	if says.FoldVersion != ledger.FoldVersion {
		r.find(p.finding("the running instance folds version %d, and this program %d: use the same release", says.FoldVersion, ledger.FoldVersion))
		return nil
	}
	if err := base.to(ctx, says.Offset); err != nil {
		return err
	}
	got, err := ledger.Digest(base.store)
	if err != nil {
		return err
	}
	if got == says.Digest {
		r.compared(p, fmt.Sprintf("the running instance at %d is the replay", says.Offset))
		return nil
	}
	return r.searchLive(ctx, p, base, &says)
}

// searchLive looks for what differs: the shard, the entry, the field. Each answer
// is of another commit, to which the replay follows.
func (r *replayer) searchLive(ctx context.Context, p *part, base *folded, says *LiveState) error {
	at := Place{p.topic, p.index}
	mine, err := ledger.Shards(base.store, liveShards)
	if err != nil {
		return err
	}
	shard := int32(-1)
	for i := range mine {
		if i < len(says.Shards) && mine[i] != says.Shards[i] {
			shard = int32(i)
			break
		}
	}
	f := p.finding("the running instance differs from the replay at offset %d", says.Offset)
	if shard < 0 {
		r.find(f)
		return nil
	}
	theirs, offset, err := r.o.Live.Parts(ctx, at, liveShards, shard)
	if err == nil {
		err = base.to(ctx, offset)
	}
	if err != nil {
		return err
	}
	ours, err := ledger.ShardParts(base.store, liveShards, shard)
	if err != nil {
		return err
	}
	key := firstPart(ours, theirs)
	if key == nil {
		f.What += "; it has mended since, or another order hides it: try again"
		r.find(f)
		return nil
	}
	value, have, offset, err := r.o.Live.Part(ctx, at, key)
	if err == nil {
		err = base.to(ctx, offset)
	}
	if err != nil {
		return err
	}
	m, err := ledger.MismatchAt(base.store, key, value, have)
	if err != nil {
		return err
	}
	r.find(mismatched(f, m))
	return nil
}

// firstPart is the first key whose entries are not the same, nil if all are.
func firstPart(a, b []ledger.Part) []byte {
	other := map[string][32]byte{}
	for i := range b {
		other[string(b[i].Key)] = b[i].Digest
	}
	var keys [][]byte
	for i := range a {
		d, ok := other[string(a[i].Key)]
		if !ok || d != a[i].Digest {
			keys = append(keys, a[i].Key)
		}
		delete(other, string(a[i].Key))
	}
	for k := range other { //lint:the smallest is taken
		keys = append(keys, []byte(k))
	}
	if len(keys) == 0 {
		return nil
	}
	return slices.MinFunc(keys, slices.Compare)
}

// mismatched fills in where two states differ.
func mismatched(f Finding, m *ledger.Mismatch) Finding {
	if m == nil {
		return f
	}
	f.What += ": " + m.What
	f.Offset, f.Order, f.Field, f.Want, f.Got = m.Offset, string(m.Order), m.Field, m.A, m.B
	return f
}
