package role

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/prove"
)

// ErrUnproven means that a proof failed: what it prints says where.
var ErrUnproven = prove.ErrUnproven

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
