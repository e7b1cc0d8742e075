package role

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/prove"
)

// ErrUnproven means that a proof failed: what it prints says where.
var ErrUnproven = prove.ErrUnproven

// OpenProof connects to the log of a configuration to read it: it makes and
// demands no topics, and takes the number of partitions from the log.
func OpenProof(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*Stack, error) {
	s, err := connectStack(ctx, cfg, "", logger)
	if err != nil {
		return nil, err
	}
	dial, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	ends, err := s.Log.EndOffsets(dial, kafkalog.TopicEvents)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("look for the log at %v: %w", s.Brokers, err)
	}
	cfg.Partitions = int32(len(ends))
	return s, nil
}

// ProveOptions are what a proof of the stack's log stands on. The function that
// it returns removes what the proof leaves behind.
func (s *Stack) ProveOptions() (prove.Options, func(), error) {
	dir, err := os.MkdirTemp("", "orderledger-prove-")
	if err != nil {
		return prove.Options{}, nil, fmt.Errorf("create a scratch directory: %w", err)
	}
	o := prove.Options{Log: s.Log, Codec: s.Codec, Partitions: s.Config.Partitions, Scratch: dir}
	if s.Config.DataDir != "" {
		o.Stores = storesIn(s.Config)
	}
	return o, func() { _ = os.RemoveAll(dir) }, nil
}

// ProveReplay folds every partition of the log several times and tells how the
// states compare; see [prove.Replay].
func ProveReplay(ctx context.Context, s *Stack, out io.Writer) error {
	o, remove, err := s.ProveOptions()
	if err != nil {
		return err
	}
	defer remove()
	r, err := prove.Replay(ctx, prove.ReplayOptions{Options: o, Schedules: 4, Seed: 1})
	if err != nil {
		return err
	}
	r.Print(out)
	return r.Err()
}

// ProveConservation tells what became of every record of the log; see
// [prove.Conservation].
func ProveConservation(ctx context.Context, s *Stack, out io.Writer) error {
	o, remove, err := s.ProveOptions()
	if err != nil {
		return err
	}
	defer remove()
	r, err := prove.Conservation(ctx, prove.ConservationOptions{Options: o})
	if err != nil {
		return err
	}
	r.Print(out)
	return r.Err()
}

// OpenAuditor returns what asks the configured ClickHouse; nil where none is
// named.
func OpenAuditor(dsn string) (*clickhouse.Auditor, error) {
	if dsn == "" {
		return nil, nil
	}
	opt, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return clickhouse.NewAuditor(opt)
}
