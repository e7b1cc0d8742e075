// Package audit holds a running ledger against what it stands on, all the time:
// its state against the log, record by record, and the rows that ClickHouse took
// against what it still holds.
//
// It is a second reader of the log, who counts; it shares with the fold the
// decoder and nothing else.
package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// DefaultEvery is how often everything is looked at.
const DefaultEvery = 10 * time.Second

// Ledger is what is audited.
type Ledger interface {
	// Logs is the number of partitions of both topics.
	Logs() int32
	Account(log int32) (engine.Account, error)
	KeepAudit(log int32, mark []byte) error
	Shipped(log int32, sink string) (projections.Held, bool)
}

// History is the ClickHouse that took the rows.
type History interface {
	Ranges(ctx context.Context, s clickhouse.Span, size uint64) ([]clickhouse.Range, error)
	Rows(ctx context.Context, s clickhouse.Span) ([]clickhouse.Fingerprint, error)
}

// Observer is told how an audit stands, for metrics.
type Observer interface {
	// Residual is how many records of a source have no outcome.
	Residual(source ledger.Source, partition int32, records int64)
	// Skipped is how many times the state was found to be folded from other
	// records than the log holds.
	Skipped(partition int32, times int)
	// Mismatch is how many rows of a table are missing, doubled or changed.
	Mismatch(table string, partition int32, rows int)
	// Behind is how many folded records have not been counted yet.
	Behind(partition int32, records int64)
	// Finished is told whenever everything was looked at without a fault.
	Finished(at time.Time)
}

// Options configure an Auditor.
type Options struct {
	Ledger  Ledger
	Log     kafkalog.Source
	Decoder engine.Decoder
	// History is nil where none is kept, or somebody else owns every partition.
	History History
	// Sink names the sink that fills it; empty means "clickhouse".
	Sink string
	// Every is how often everything is looked at; 0 means 10 s.
	Every    time.Duration
	Observer Observer
	Logger   *slog.Logger
	// Now is the wall clock; nil means the machine's.
	Now func() time.Time
}

// Validate joins every problem of the options.
func (o *Options) Validate() error {
	var errs []error
	for name, missing := range map[string]bool{"ledger": o.Ledger == nil, "log": o.Log == nil, "decoder": o.Decoder == nil, "logger": o.Logger == nil} {
		if missing {
			errs = append(errs, fmt.Errorf("%s: is missing", name))
		}
	}
	if o.Every < 0 {
		errs = append(errs, fmt.Errorf("every: %s: must not be negative", o.Every))
	}
	return errors.Join(errs...)
}

// Auditor audits until it is told to end.
type Auditor struct {
	o        Options
	books    []*book
	shelves  map[shelfKey]*shelf
	mu       sync.Mutex
	findings []Finding
	audited  map[int32]Audited
}

// New returns an auditor.
func New(o Options) (*Auditor, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Sink == "" {
		o.Sink = "clickhouse"
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Auditor{o: o, books: make([]*book, o.Ledger.Logs()), shelves: map[shelfKey]*shelf{}, audited: map[int32]Audited{}}, nil
}

// Run audits until ctx ends.
func (a *Auditor) Run(ctx context.Context) {
	failing := false
	for {
		err := a.Pass(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			a.o.Logger.Warn("an audit could not be finished, trying again", "error", err)
		}
		if failing = err != nil; !failing {
			a.o.Observer.Finished(a.o.Now())
		}
		pause := time.NewTimer(a.o.Every)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// Pass looks at everything once.
func (a *Auditor) Pass(ctx context.Context) error {
	var errs []error
	for log := range a.o.Ledger.Logs() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		acc, err := a.o.Ledger.Account(log)
		if errors.Is(err, engine.ErrClosed) {
			return err
		}
		if err == nil {
			err = a.records(ctx, log, &acc)
		}
		if err == nil && a.o.History != nil {
			err = a.rows(ctx, log, &acc)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("audit %s/%d: %w", acc.Topic, acc.Index, err))
		}
	}
	return errors.Join(errs...)
}

// mostFindings bounds what is remembered of findings.
const mostFindings = 1_000

// find notes a finding and says so in the log, once.
func (a *Auditor) find(f Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f.Standing = true
	for i := range a.findings {
		if a.findings[i].same(&f) {
			a.findings[i].Standing = true
			return
		}
	}
	f.FoundAt = ledger.At(a.o.Now())
	if len(a.findings) >= mostFindings {
		a.findings = slices.Delete(a.findings, 0, 1)
	}
	a.findings = append(a.findings, f)
	a.o.Logger.Error("audit: "+f.Text, "kind", f.Kind.String(), "topic", f.Topic, "partition", f.Partition, "table", f.Table,
		"row", f.FirstRow, "last_row", f.LastRow, "offset", f.Offset, "last_offset", f.LastOffset, "source", f.Source, "order", f.Order)
}

// settle marks the findings about a table that are no longer among those that
// stand.
func (a *Auditor) settle(topic string, partition int32, table string, standing []Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.findings {
		f := &a.findings[i]
		if f.Topic == topic && f.Partition == partition && f.Table == table {
			f.Standing = slices.ContainsFunc(standing, func(x Finding) bool { return f.same(&x) })
		}
	}
}

// Findings lists what was found since the process began and what its stores
// remember, newest first.
func (a *Auditor) Findings() []Finding {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Clone(a.findings)
	slices.Reverse(out)
	return out
}

// Audited says how far each partition has been audited, by topic and partition.
func (a *Auditor) Audited() []Audited {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Audited
	for log := range a.o.Ledger.Logs() {
		if x, ok := a.audited[log]; ok {
			out = append(out, x)
		}
	}
	return out
}

type nobody struct{}

func (nobody) Residual(ledger.Source, int32, int64) {}
func (nobody) Skipped(int32, int)                   {}
func (nobody) Mismatch(string, int32, int)          {}
func (nobody) Behind(int32, int64)                  {}
func (nobody) Finished(time.Time)                   {}
