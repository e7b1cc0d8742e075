// Package memory holds rows in memory: the obvious implementation of a sink,
// against which the others are held.
package memory

import (
	"context"
	"errors"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

var _ projections.Sink = (*Sink)(nil)

// ErrDown is what a sink answers that was told to be down.
var ErrDown = errors.New("the sink is down")

// Sink keeps every row by (partition, table, seq), as collapsing tables do.
type Sink struct {
	mu   sync.Mutex
	down bool
	rows map[int32]*ledger.Rows
	// Blocks counts inserts, repeats included.
	blocks int
}

// New returns an empty sink.
func New() *Sink { return &Sink{rows: map[int32]*ledger.Rows{}} }

// Name implements projections.Sink.
func (s *Sink) Name() string { return "memory" }

// Wants implements projections.Sink: everything.
func (s *Sink) Wants(projections.Table) bool { return true }

// Down makes every call fail.
func (s *Sink) Down() { s.set(true) }

// Up ends Down.
func (s *Sink) Up() { s.set(false) }

func (s *Sink) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Held implements projections.Sink.
func (s *Sink) Held(_ context.Context, partition int32) (projections.Held, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var held projections.Held
	if s.down {
		return held, ErrDown
	}
	if r := s.rows[partition]; r != nil {
		for t := range projections.Table(projections.Tables) {
			held[t] = projections.Last(r, t)
		}
	}
	return held, nil
}

// Insert implements projections.Sink.
func (s *Sink) Insert(_ context.Context, b *projections.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return ErrDown
	}
	s.blocks++
	r := s.rows[b.Partition]
	if r == nil {
		r = &ledger.Rows{}
		s.rows[b.Partition] = r
	}
	projections.Append(r, b.Rows, b.Table, max(b.From, projections.Last(r, b.Table)+1), b.To)
	return nil
}

// Rows returns what is held of a partition.
func (s *Sink) Rows(partition int32) *ledger.Rows {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rows[partition]; r != nil {
		return r.Clone()
	}
	return &ledger.Rows{}
}
