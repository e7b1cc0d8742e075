// Package connectortest holds in-memory partners of the connectors for tests:
// a log, a status store and a clock that moves by itself.
package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// Entry is one thing that was made durable, in order: an append or a status.
type Entry struct {
	Out    *connector.Outgoing
	Status *ledger.SourceStatus
}

// Log is a connector.Sink and connector.StatusStore in memory. What it
// accepted is durable: it survives whoever wrote it.
type Log struct {
	mu      sync.Mutex
	entries []Entry
	// Gate, if set, is called before an append takes effect; its error is the
	// append's answer and the records do not count.
	gate      func(ctx context.Context, out connector.Outgoing) error
	unhealthy error
	saveErr   error
}

var (
	_ connector.Sink        = (*Log)(nil)
	_ connector.StatusStore = (*Log)(nil)
)

// SetGate puts a check before every append; nil removes it.
func (l *Log) SetGate(gate func(ctx context.Context, out connector.Outgoing) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate = gate
}

// SetUnhealthy makes Healthy answer err.
func (l *Log) SetUnhealthy(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unhealthy = err
}

// SetSaveError makes Save answer err.
func (l *Log) SetSaveError(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saveErr = err
}

// Append makes the records durable.
func (l *Log) Append(ctx context.Context, out connector.Outgoing) error {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		if err := gate(ctx, out); err != nil {
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				return fmt.Errorf("%w: %w", connector.ErrUndecided, err)
			}
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, Entry{Out: &out})
	return nil
}

// Healthy answers what SetUnhealthy said.
func (l *Log) Healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unhealthy
}

// Load returns the newest status of the feed, this instance's own first.
func (l *Log) Load(_ context.Context, source ledger.Source, feed, instance string) (*ledger.SourceStatus, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var any *ledger.SourceStatus
	for _, e := range slices.Backward(l.entries) {
		s := e.Status
		if s == nil || s.Source != source || s.Feed != feed {
			continue
		}
		if s.Instance == instance {
			return clone(s)
		}
		if any == nil || s.Epoch.Number > any.Epoch.Number {
			any = s
		}
	}
	if any == nil {
		return nil, nil
	}
	return clone(any)
}

// Save makes the status durable.
func (l *Log) Save(_ context.Context, s *ledger.SourceStatus) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.saveErr != nil {
		return l.saveErr
	}
	c, err := clone(s)
	if err != nil {
		return err
	}
	l.entries = append(l.entries, Entry{Status: c})
	return nil
}

// clone copies through JSON, so that no store shares memory with its writer.
func clone(s *ledger.SourceStatus) (*ledger.SourceStatus, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("copy status: %w", err)
	}
	var c ledger.SourceStatus
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("copy status: %w", err)
	}
	return &c, nil
}

// Entries returns everything durable, in order.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Outgoing joins everything appended.
func (l *Log) Outgoing() connector.Outgoing {
	var all connector.Outgoing
	for _, e := range l.Entries() {
		if e.Out != nil {
			all.Join(*e.Out)
		}
	}
	return all
}

// EventIDs returns the distinct ids of all events and unkeyed records, sorted.
func (l *Log) EventIDs() []string {
	all := l.Outgoing()
	var out []string
	for _, e := range all.Events {
		out = append(out, e.ID.String())
	}
	for _, u := range all.Unkeyed {
		out = append(out, u.Event.ID.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Status returns the newest status of a feed, nil if there is none.
func (l *Log) Status(source ledger.Source, feed string) *ledger.SourceStatus {
	for _, e := range slices.Backward(l.Entries()) {
		if e.Status != nil && e.Status.Source == source && e.Status.Feed == feed {
			return e.Status
		}
	}
	return nil
}
