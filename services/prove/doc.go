// Package prove shows that what is stored and said follows from the log: that
// every way of folding it gives the same state, that every record has one
// outcome and every row stands in ClickHouse once, and that every verdict is what
// an independent judge says.
package prove

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// ErrUnproven means that a proof failed: its report says where.
var ErrUnproven = errors.New("not proven")

// Log is what is proven.
type Log interface {
	kafkalog.Source
	TopicID(ctx context.Context, topic string) (kafkalog.TopicID, error)
}

// Options say what is proven.
type Options struct {
	Log        Log
	Codec      *avroevent.Codec
	Partitions int32
	// Stores is the directory of the stores of an instance that is stopped; empty:
	// there are none to hold against the log.
	Stores string
	// Live is a running instance to hold against the log; nil: none.
	Live Live
	// Scratch is where the log is folded again; what is written there is removed.
	Scratch string
}

// Validate joins every problem of the options.
func (o *Options) Validate() error {
	var errs []error
	if o.Log == nil {
		errs = append(errs, errors.New("log: is missing"))
	}
	if o.Codec == nil {
		errs = append(errs, errors.New("codec: is missing"))
	}
	if o.Partitions < 1 {
		errs = append(errs, fmt.Errorf("partitions: %d: must be at least 1", o.Partitions))
	}
	if o.Scratch == "" {
		errs = append(errs, errors.New("scratch: is missing: name a directory"))
	}
	return errors.Join(errs...)
}

// Finding is one thing that is not as it follows from the log.
type Finding struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// What says what was compared and how it differs.
	What string `json:"what"`
	// Offset is that of the record, −1 if none is to blame.
	Offset int64 `json:"offset"`
	// Order, Field and the values are set where they are known: Want follows
	// from the log.
	Order string `json:"order,omitempty"`
	Field string `json:"field,omitempty"`
	Want  string `json:"want,omitempty"`
	Got   string `json:"got,omitempty"`
	// Table and Seq name a row of ClickHouse.
	Table string `json:"table,omitempty"`
	Seq   uint64 `json:"seq,omitempty"`
}

// part is one partition of the log that is folded.
type part struct {
	topic string
	index int32
	of    int32
	id    kafkalog.TopicID
	end   int64
}

// String names the partition for people.
func (p *part) String() string {
	if p.joins() {
		return fmt.Sprintf("unkeyed partition %d", p.index)
	}
	return fmt.Sprintf("partition %d", p.index)
}

func (p *part) joins() bool { return p.topic == kafkalog.TopicUnkeyed }

// number is the partition's number among those of both topics, as rows carry it.
func (p *part) number() int32 {
	if p.joins() {
		return p.index + ledger.AliasPartitions
	}
	return p.index
}

func (p *part) options() engine.FoldOptions {
	return engine.FoldOptions{Partition: p.number(), Partitions: p.of, OrderPartitions: p.of, TopicID: p.id}
}

func (p *part) readerOptions() ledger.Options {
	return ledger.Options{Partition: p.number(), Partitions: p.of, OrderPartitions: p.of}
}

func (p *part) finding(format string, args ...any) Finding {
	return Finding{Topic: p.topic, Partition: p.index, What: fmt.Sprintf(format, args...), Offset: -1}
}

// parts lists the partitions of both topics, with where they end now.
func (o *Options) parts(ctx context.Context) ([]part, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	var out []part
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed} {
		id, err := o.Log.TopicID(ctx, topic)
		if err != nil {
			return nil, err
		}
		ends, err := o.Log.EndOffsets(ctx, topic)
		if err != nil {
			return nil, err
		}
		for n := range o.Partitions {
			out = append(out, part{topic: topic, index: n, of: o.Partitions, id: id, end: ends[n]})
		}
	}
	return out, nil
}

// chunk is how many records are read at a time.
const chunk = 2_000

// each reads a partition's records from an offset up to another, decoded.
func (o *Options) each(ctx context.Context, p *part, from, until int64, fn func(*engine.Decoded, *kafkalog.Record) error) error {
	dec := o.Codec.NewDecoder()
	for from < until {
		next := min(from+chunk, until)
		records, err := kafkalog.ReadRange(ctx, o.Log, kafkalog.Position{Topic: p.topic, Partition: p.index, Offset: from}, next)
		if err != nil {
			return fmt.Errorf("read %s: %w", p, err)
		}
		for i := range records {
			d := engine.Decode(dec, &records[i])
			if err := fn(&d, &records[i]); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// kept opens the stopped instance's store of a partition; nil if there is none.
// A store that cannot be opened is left out, and why is noted.
func (o *Options) kept(p *part, note func(string)) *engine.Store {
	if o.Stores == "" {
		return nil
	}
	dir := filepath.Join(o.Stores, engine.StoreName(p.topic, p.index))
	if _, err := os.Stat(dir); err != nil {
		return nil // this machine keeps none, of this fold version
	}
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		note(fmt.Sprintf("%s: the store is left out, it can not be opened: stop the process that uses %s, or hold it against the log while it runs, with --live", p, dir))
		return nil
	}
	return store
}

// folded is a store in which a partition is folded step by step.
type folded struct {
	o     *Options
	p     *part
	dir   string
	store *engine.Store
	fold  *engine.Fold
}

// scratch opens an empty store for a partition.
func (o *Options) scratch(p *part, rows func(engine.Committed)) (*folded, error) {
	dir, err := os.MkdirTemp(o.Scratch, "fold-")
	if err != nil {
		return nil, fmt.Errorf("create a scratch directory: %w", err)
	}
	f := &folded{o: o, p: p, dir: dir}
	if f.store, err = engine.OpenStore(filepath.Join(dir, "store"), engine.StoreOptions{Volatile: true}); err != nil {
		return nil, err
	}
	opt := p.options()
	opt.NoOutbox, opt.OnCommit = true, rows
	if f.fold, err = engine.NewFold(f.store, opt); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// to folds on up to an offset.
func (f *folded) to(ctx context.Context, until int64) error {
	return engine.Replay(ctx, engine.ReplayOptions{Journal: f.o.Log, Decoder: f.o.Codec.NewDecoder(), Topic: f.p.topic, Partition: f.p.index, Until: until}, f.fold, nil)
}

func (f *folded) close() error {
	if f.store == nil {
		return nil
	}
	err := f.store.Close()
	f.store = nil
	return errors.Join(err, os.RemoveAll(f.dir))
}
