package clickhouse

import (
	"context"
	"sync"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/orderledger/orderledger/projections"
)

var _ projections.Sink = (*Lazy)(nil)

// Lazy is a Sink that connects, and migrates, when it is first needed, so that
// a ClickHouse that is away delays history and nothing else.
type Lazy struct {
	opt *ch.Options
	mu  sync.Mutex
	s   *Sink
}

// NewLazy returns a sink that is not connected yet.
func NewLazy(opt *ch.Options) *Lazy { return &Lazy{opt: opt} }

func (l *Lazy) open(ctx context.Context) (*Sink, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s == nil {
		s, err := Open(ctx, l.opt)
		if err != nil {
			return nil, err
		}
		l.s = s
	}
	return l.s, nil
}

// Name implements projections.Sink.
func (l *Lazy) Name() string { return "clickhouse" }

// Wants implements projections.Sink: every row of a read model.
func (l *Lazy) Wants(t projections.Table) bool { return t != projections.Outgoing }

// Held implements projections.Sink.
func (l *Lazy) Held(ctx context.Context, partition int32) (projections.Held, error) {
	s, err := l.open(ctx)
	if err != nil {
		return projections.Held{}, err
	}
	return s.Held(ctx, partition)
}

// Insert implements projections.Sink.
func (l *Lazy) Insert(ctx context.Context, b *projections.Block) error {
	s, err := l.open(ctx)
	if err != nil {
		return err
	}
	return s.Insert(ctx, b)
}

// Close closes the connections, if there are any.
func (l *Lazy) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s == nil {
		return nil
	}
	return l.s.Close()
}
