package role

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// ErrUnproven means that a proof failed: what it prints says where.
var ErrUnproven = errors.New("not proven")

// replays are the ways in which `prove replay` folds the log: batch sizes, and
// after how many commits the store is closed and opened again.
var replays = []struct {
	batch, restart int
}{{4000, 0}, {1, 0}, {7, 3}, {250, 1}}

// ProveReplay folds every partition of the log several times, with other batch
// sizes and restart points, and compares the digests; and with them the store
// of the data directory, if there is one that nobody has open. The first
// difference is named by order, offset and field, with both values.
func ProveReplay(ctx context.Context, s *Stack, out io.Writer) error {
	failed := false
	err := eachProof(ctx, s, out, func(p proof) error {
		same, err := provePartition(ctx, s, p)
		failed = failed || !same
		return err
	})
	if err == nil && failed {
		return ErrUnproven
	}
	return err
}

// eachProof goes through the partitions of both topics that are folded.
func eachProof(ctx context.Context, s *Stack, out io.Writer, fn func(proof) error) error {
	dir, err := os.MkdirTemp("", "orderledger-prove-")
	if err != nil {
		return fmt.Errorf("create a scratch directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed} {
		id, err := s.Log.TopicID(ctx, topic)
		if err != nil {
			return err
		}
		ends, err := s.Log.EndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		for n := range s.Config.Partitions {
			if err := fn(proof{log: topic, partition: n, partitions: s.Config.Partitions, topic: id, until: ends[n], dir: dir, out: out}); err != nil {
				return err
			}
		}
	}
	return nil
}

// proof is one partition to prove.
type proof struct {
	log        string // the topic's name
	partition  int32
	partitions int32
	topic      kafkalog.TopicID
	until      int64
	dir        string
	out        io.Writer
}

// options say which fold the partition has.
func (p *proof) options() engine.FoldOptions {
	opt := engine.FoldOptions{Partition: p.partition, Partitions: p.partitions, OrderPartitions: p.partitions, TopicID: p.topic}
	if p.log == kafkalog.TopicUnkeyed {
		opt.Partition += ledger.AliasPartitions
	}
	return opt
}

// String names the partition for people.
func (p *proof) String() string {
	if p.log == kafkalog.TopicUnkeyed {
		return fmt.Sprintf("unkeyed partition %d", p.partition)
	}
	return fmt.Sprintf("partition %d", p.partition)
}

func provePartition(ctx context.Context, s *Stack, p proof) (bool, error) {
	kept, err := proveKept(ctx, s, p)
	if err != nil {
		return false, err
	}
	var first *engine.Store
	var want [32]byte
	defer func() {
		if first != nil {
			_ = first.Close()
		}
	}()
	for n, way := range replays {
		store, err := refold(ctx, s, p, n)
		if err != nil {
			return false, err
		}
		got, err := ledger.Digest(store)
		if err != nil {
			return false, errors.Join(err, store.Close())
		}
		if n == 0 {
			first, want = store, got
			_, _ = fmt.Fprintf(p.out, "%s, %d records: %s\n", &p, p.until, hex.EncodeToString(got[:]))
			continue
		}
		if got != want {
			diff, err := ledger.FirstMismatch(first, store)
			_, _ = fmt.Fprintf(p.out, "%s differs in batches of %d, reopened after every %d: %s\n", &p, way.batch, way.restart, diff)
			return false, errors.Join(err, store.Close())
		}
		if err := store.Close(); err != nil {
			return false, err
		}
	}
	return kept, nil
}

// proveKept compares the store of the data directory with a replay up to where
// it stands.
func proveKept(ctx context.Context, s *Stack, p proof) (bool, error) {
	dir := filepath.Join(storesIn(s.Config), engine.StoreName(p.log, p.partition))
	if _, err := os.Stat(dir); err != nil || s.Config.DataDir == "" {
		return true, nil // this machine keeps none, of this fold version
	}
	kept, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		_, _ = fmt.Fprintf(p.out, "%s: the store is left out, it can not be opened: stop the process that uses %s\n", &p, dir)
		return true, nil
	}
	defer func() { _ = kept.Close() }()
	fold, err := engine.NewFold(kept, p.options())
	if err != nil {
		return false, err
	}
	at := fold.Place()
	if at.Offset > p.until {
		_, _ = fmt.Fprintf(p.out, "%s: the store stands at %d, the log ends at %d\n", &p, at.Offset, p.until)
		return false, nil
	}
	p.until = at.Offset
	again, place, err := refoldTo(ctx, s, p, "kept")
	if err != nil {
		return false, err
	}
	defer func() { _ = again.Close() }()
	diff, err := ledger.FirstMismatch(again, kept)
	switch {
	case err != nil:
		return false, err
	case diff != nil:
		_, _ = fmt.Fprintf(p.out, "%s: the store differs from the replay up to %d: %s\n", &p, at.Offset, diff)
	case place.Chain != at.Chain:
		_, _ = fmt.Fprintf(p.out, "%s: the store was folded from other records than the log holds before %d\n", &p, at.Offset)
	default:
		_, _ = fmt.Fprintf(p.out, "%s: the store at %d is the replay\n", &p, at.Offset)
		return true, nil
	}
	return false, nil
}

// refoldTo folds a partition once, in the first way, into a directory of a name.
func refoldTo(ctx context.Context, s *Stack, p proof, name string) (*engine.Store, engine.Place, error) {
	store, err := engine.OpenStore(filepath.Join(p.dir, fmt.Sprintf("%s-p%d-%s", p.log, p.partition, name)), engine.StoreOptions{})
	if err != nil {
		return nil, engine.Place{}, err
	}
	fold, err := engine.NewFold(store, p.options())
	if err == nil {
		err = engine.Replay(ctx, engine.ReplayOptions{Journal: s.Log, Decoder: s.Codec.NewDecoder(), Topic: p.log, Partition: p.partition, Until: p.until}, fold, nil)
	}
	if err != nil {
		return nil, engine.Place{}, errors.Join(err, store.Close())
	}
	return store, fold.Place(), nil
}

// refold folds a partition in the n-th way.
func refold(ctx context.Context, s *Stack, p proof, n int) (*engine.Store, error) {
	way := replays[n]
	dir := filepath.Join(p.dir, fmt.Sprintf("%s-p%d-%d", p.log, p.partition, n))
	opt := p.options()
	opt.CacheOrders = 1 + way.batch
	for {
		store, err := engine.OpenStore(dir, engine.StoreOptions{})
		if err != nil {
			return nil, err
		}
		fold, err := engine.NewFold(store, opt)
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		commits := 0
		err = engine.Replay(ctx, engine.ReplayOptions{Journal: s.Log, Decoder: s.Codec.NewDecoder(), Topic: p.log, Partition: p.partition, Until: p.until, Batch: way.batch},
			fold, func() error {
				if commits++; way.restart > 0 && commits == way.restart {
					return errRestart
				}
				return nil
			})
		switch {
		case errors.Is(err, errRestart):
			if err := store.Close(); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, errors.Join(err, store.Close())
		default:
			return store, nil
		}
	}
}

var errRestart = errors.New("restart")

// ProveConservation counts the records of every source in the log and compares
// them with the outcomes that the fold booked (S-40).
func ProveConservation(ctx context.Context, s *Stack, out io.Writer) error {
	records, booked := map[string]uint64{}, map[string]uint64{}
	err := eachProof(ctx, s, out, func(p proof) error {
		if err := countRecords(ctx, s, p, records); err != nil {
			return err
		}
		store, err := refold(ctx, s, p, 0)
		if err != nil {
			return err
		}
		opt := p.options()
		part, err := ledger.Open(store, ledger.Options{Partition: opt.Partition, Partitions: opt.Partitions, OrderPartitions: opt.OrderPartitions})
		if err == nil {
			for src, counts := range part.Counts() {
				for _, n := range counts {
					booked[string(src)] += n
				}
			}
		}
		return errors.Join(err, store.Close())
	})
	if err != nil {
		return err
	}
	failed := false
	for _, src := range sortedKeys(records) {
		name := src
		if name == "" {
			name = "(undecodable)"
		}
		_, _ = fmt.Fprintf(out, "%-24s %8d records %8d outcomes\n", name, records[src], booked[src])
		failed = failed || records[src] != booked[src]
	}
	if failed {
		return ErrUnproven
	}
	return nil
}

// countRecords counts a partition's records that need an outcome, per source.
func countRecords(ctx context.Context, s *Stack, p proof, into map[string]uint64) error {
	starts, err := s.Log.StartOffsets(ctx, p.log)
	if err != nil {
		return err
	}
	dec := s.Codec.NewDecoder()
	for from := starts[p.partition]; from < p.until; {
		next := min(from+5000, p.until)
		records, err := kafkalog.ReadRange(ctx, s.Log, kafkalog.Position{Topic: p.log, Partition: p.partition, Offset: from}, next)
		if err != nil {
			return err
		}
		for i := range records {
			d := engine.Decode(dec, &records[i])
			switch {
			case d.Record.Event != nil:
				into[string(d.Record.Event.Source)]++
			case d.Record.Unkeyed != nil:
				into[string(d.Record.Unkeyed.Event.Source)]++
			case d.Record.Poison != nil:
				into[""]++
			}
		}
		from = next
	}
	return nil
}
