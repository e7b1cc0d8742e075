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
	id, err := s.Log.TopicID(ctx, kafkalog.TopicEvents)
	if err != nil {
		return err
	}
	ends, err := s.Log.EndOffsets(ctx, kafkalog.TopicEvents)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "orderledger-prove-")
	if err != nil {
		return fmt.Errorf("create a scratch directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	failed := false
	for p := range s.Config.Partitions {
		same, err := provePartition(ctx, s, proof{partition: p, topic: id, until: ends[p], dir: dir, out: out})
		if err != nil {
			return err
		}
		failed = failed || !same
	}
	if failed {
		return ErrUnproven
	}
	return nil
}

// proof is one partition to prove.
type proof struct {
	partition int32
	topic     kafkalog.TopicID
	until     int64
	dir       string
	out       io.Writer
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
			_, _ = fmt.Fprintf(p.out, "partition %d, %d records: %s\n", p.partition, p.until, hex.EncodeToString(got[:]))
			continue
		}
		if got != want {
			diff, err := ledger.FirstMismatch(first, store)
			_, _ = fmt.Fprintf(p.out, "partition %d differs in batches of %d, reopened after every %d: %s\n", p.partition, way.batch, way.restart, diff)
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
	dir := filepath.Join(storesIn(s.Config), engine.StoreName(kafkalog.TopicEvents, p.partition))
	if _, err := os.Stat(dir); err != nil || s.Config.DataDir == "" {
		return true, nil // this machine keeps none, of this fold version
	}
	kept, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		_, _ = fmt.Fprintf(p.out, "partition %d: the store is left out, it can not be opened: stop the process that uses %s\n", p.partition, dir)
		return true, nil
	}
	defer func() { _ = kept.Close() }()
	fold, err := engine.NewFold(kept, engine.FoldOptions{Partition: p.partition, Partitions: s.Config.Partitions, TopicID: p.topic})
	if err != nil {
		return false, err
	}
	at := fold.Place()
	if at.Offset > p.until {
		_, _ = fmt.Fprintf(p.out, "partition %d: the store stands at %d, the log ends at %d\n", p.partition, at.Offset, p.until)
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
		_, _ = fmt.Fprintf(p.out, "partition %d: the store differs from the replay up to %d: %s\n", p.partition, at.Offset, diff)
	case place.Chain != at.Chain:
		_, _ = fmt.Fprintf(p.out, "partition %d: the store was folded from other records than the log holds before %d\n", p.partition, at.Offset)
	default:
		_, _ = fmt.Fprintf(p.out, "partition %d: the store at %d is the replay\n", p.partition, at.Offset)
		return true, nil
	}
	return false, nil
}

// refoldTo folds a partition once, in the first way, into a directory of a name.
func refoldTo(ctx context.Context, s *Stack, p proof, name string) (*engine.Store, engine.Place, error) {
	store, err := engine.OpenStore(filepath.Join(p.dir, fmt.Sprintf("p%d-%s", p.partition, name)), engine.StoreOptions{})
	if err != nil {
		return nil, engine.Place{}, err
	}
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: p.partition, Partitions: s.Config.Partitions, TopicID: p.topic})
	if err == nil {
		err = engine.Replay(ctx, engine.ReplayOptions{Journal: s.Log, Decoder: s.Codec.NewDecoder(), Partition: p.partition, Until: p.until}, fold, nil)
	}
	if err != nil {
		return nil, engine.Place{}, errors.Join(err, store.Close())
	}
	return store, fold.Place(), nil
}

// refold folds a partition in the n-th way.
func refold(ctx context.Context, s *Stack, p proof, n int) (*engine.Store, error) {
	way := replays[n]
	dir := filepath.Join(p.dir, fmt.Sprintf("p%d-%d", p.partition, n))
	opt := engine.FoldOptions{Partition: p.partition, Partitions: s.Config.Partitions, TopicID: p.topic, CacheOrders: 1 + way.batch}
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
		err = engine.Replay(ctx, engine.ReplayOptions{Journal: s.Log, Decoder: s.Codec.NewDecoder(), Partition: p.partition, Until: p.until, Batch: way.batch},
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
	id, err := s.Log.TopicID(ctx, kafkalog.TopicEvents)
	if err != nil {
		return err
	}
	ends, err := s.Log.EndOffsets(ctx, kafkalog.TopicEvents)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "orderledger-prove-")
	if err != nil {
		return fmt.Errorf("create a scratch directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	records, booked := map[string]uint64{}, map[string]uint64{}
	for p := range s.Config.Partitions {
		if err := countRecords(ctx, s, p, ends[p], records); err != nil {
			return err
		}
		store, err := refold(ctx, s, proof{partition: p, topic: id, until: ends[p], dir: dir, out: out}, 0)
		if err != nil {
			return err
		}
		part, err := ledger.Open(store, ledger.Options{Partition: p, Partitions: s.Config.Partitions})
		if err == nil {
			for src, counts := range part.Counts() {
				for _, n := range counts {
					booked[string(src)] += n
				}
			}
		}
		if err := errors.Join(err, store.Close()); err != nil {
			return err
		}
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
func countRecords(ctx context.Context, s *Stack, p int32, until int64, into map[string]uint64) error {
	starts, err := s.Log.StartOffsets(ctx, kafkalog.TopicEvents)
	if err != nil {
		return err
	}
	dec := s.Codec.NewDecoder()
	for from := starts[p]; from < until; {
		next := min(from+5000, until)
		records, err := kafkalog.ReadRange(ctx, s.Log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: p, Offset: from}, next)
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
