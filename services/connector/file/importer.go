package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Instance is the name under which readers of files keep their cursor, so that an
// import goes on where the configured watch stopped, and the other way round.
const Instance = "files"

// Defaults of Options.
const (
	DefaultBatchRows = 500
	DefaultInFlight  = 8
	DefaultEvery     = 5 * time.Second
	DefaultSaveEvery = 2 * time.Second
	batchBytes       = 512 << 10
)

// Options configure an Importer. Zero values of the last group take defaults.
type Options struct {
	Source *connector.Source
	System *catalog.System
	// Paths are files, folders and patterns; those of the source if empty.
	Paths   []string
	HashKey []byte
	// Covers is what the files are declared to hold completely; nil: nothing.
	Covers *connector.Covers
	// Growing: files may be in the middle of being written. What stands open at
	// the end of one is left until the file rests from one pass to the next.
	Growing bool

	Sink   connector.Sink
	Store  connector.StatusStore
	Clock  connector.Clock
	Logger *slog.Logger

	Observer connector.Observer
	// Report is told of progress, by one goroutine.
	Report func(Progress)
	// Workers map rows side by side; BatchRows rows are appended at once, and
	// InFlight batches wait for the log.
	Workers, BatchRows, InFlight int
	// SaveEvery is how often the cursor is saved while files are read.
	SaveEvery time.Duration
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	if o.Source == nil || o.System == nil {
		return errors.New("file: Source and System are needed")
	}
	var errs []error
	if o.System.FilesFeed() == nil {
		errs = append(errs, fmt.Errorf("system %s has no feed that is read from files: its catalog entry needs one with files:", o.System.Name))
	}
	if o.Sink == nil || o.Store == nil || o.Clock == nil || o.Logger == nil {
		errs = append(errs, errors.New("file: Sink, Store, Clock and Logger are needed"))
	}
	if len(o.Paths) == 0 {
		o.Paths = o.Source.Files.Paths
	}
	if len(o.Paths) == 0 {
		errs = append(errs, fmt.Errorf("source %s: name files, folders or patterns", o.Source.Name))
	}
	if o.Covers != nil {
		if err := o.Covers.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("covers.%w", err))
		}
	}
	if o.Observer == nil {
		o.Observer = connector.Silent{}
	}
	if o.Report == nil {
		o.Report = func(Progress) {}
	}
	for _, n := range []struct {
		to  *int
		def int
	}{{&o.Workers, runtime.GOMAXPROCS(0)}, {&o.BatchRows, DefaultBatchRows}, {&o.InFlight, DefaultInFlight}} {
		if *n.to <= 0 {
			*n.to = n.def
		}
	}
	if o.SaveEvery <= 0 {
		o.SaveEvery = DefaultSaveEvery
	}
	return errors.Join(errs...)
}

// Importer reads the files of one source. It is not safe for concurrent use.
type Importer struct {
	opts    Options
	feed    *catalog.Feed
	zone    *time.Location
	settle  ledger.Micros
	mappers chan *catalog.Mapper

	status *ledger.SourceStatus // nil until loaded
	cursor *cursor
	saved  time.Time
	// seen is how files were at the last pass, to tell which are at rest.
	seen map[string]state
}

// New checks and binds the files of a source.
func New(o Options) (*Importer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	m, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	im := &Importer{opts: o, feed: o.System.FilesFeed(), zone: time.UTC, mappers: make(chan *catalog.Mapper, o.Workers), seen: map[string]state{}}
	if o.Source.Zone != "" {
		if im.zone, err = time.LoadLocation(o.Source.Zone); err != nil {
			return nil, fmt.Errorf("source %s: zone: %w", o.Source.Name, err)
		}
	}
	spec := o.System.SourceSpec(o.Source)
	for i := range spec.Feeds {
		if spec.Feeds[i].Name == im.feed.Name {
			im.settle = spec.Feeds[i].Settle
		}
	}
	for range o.Workers {
		f, err := m.Fork()
		if err != nil {
			return nil, err
		}
		im.mappers <- f
	}
	return im, nil
}

// Progress is where the reading of one file stands.
type Progress struct {
	Path string
	// Read and Size are bytes of the file as it lies there.
	Read, Size int64
	// Rows and the others count what this pass read of it.
	Rows, Events, Foreign, Quarantined int64
	// Note says what is special: unchanged, replaced, gone on with.
	Note string
	// Done: everything that is there was read, or cannot be.
	Done bool
	Err  error
}

// Summary is what one pass did.
type Summary struct {
	Files, Unchanged                   int
	Rows, Events, Foreign, Quarantined int64
	// Faults are files that could not be read, or not to their end.
	Faults []error
	// Proven is what the files prove now; nil if nothing is declared or something
	// is in the way, which Withheld says.
	Proven   *ledger.Interval
	Withheld string
}

// Run reads what is there, again and again, until ctx ends.
func (im *Importer) Run(ctx context.Context) error {
	every := im.opts.Source.Files.Every.Duration()
	if every == 0 {
		every = DefaultEvery
	}
	for {
		sum, err := im.Pass(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			im.opts.Logger.Warn("files not read", "source", im.opts.Source.Name, "feed", im.feed.Name, "retry_in", every, "error", err)
		}
		for _, f := range sum.Faults {
			im.opts.Logger.Warn("file not read", "source", im.opts.Source.Name, "feed", im.feed.Name, "error", f)
		}
		if err := im.opts.Clock.Wait(ctx, every); err != nil {
			return err
		}
	}
}

// Pass reads everything that is there and was not read yet, and says at its end
// what the files prove. An error says that the log or the store failed; what
// was saved stands, and the next pass goes on behind it.
func (im *Importer) Pass(ctx context.Context) (Summary, error) {
	var sum Summary
	asked := ledger.At(im.opts.Clock.Now())
	if err := im.load(ctx); err != nil {
		return sum, err
	}
	paths, faults := expand(im.opts.Paths)
	sum.Faults = faults
	for _, path := range paths {
		p, err := im.readFile(ctx, path)
		im.opts.Report(p)
		sum.Files++
		if p.Note == noteUnchanged {
			sum.Unchanged++
		}
		sum.Rows, sum.Events = sum.Rows+p.Rows, sum.Events+p.Events
		sum.Foreign, sum.Quarantined = sum.Foreign+p.Foreign, sum.Quarantined+p.Quarantined
		if err != nil {
			return sum, errors.Join(err, im.save(context.WithoutCancel(ctx)))
		}
		if p.Err != nil {
			sum.Faults = append(sum.Faults, fmt.Errorf("%s: %w", path, p.Err))
		}
	}
	im.cursor.prune(asked, func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, os.ErrNotExist)
	})
	before := im.said()
	im.declare(&sum, paths, asked)
	if sum.Rows == 0 && sum.Unchanged == sum.Files && im.said() == before {
		return sum, nil // nothing to say that was not said
	}
	return sum, im.save(ctx)
}

func (im *Importer) load(ctx context.Context) error {
	if im.status != nil {
		return nil
	}
	name := ledger.Source(im.opts.Source.Name)
	st, err := im.opts.Store.Load(ctx, name, im.feed.Name, Instance)
	if err != nil {
		return fmt.Errorf("load status of %s/%s: %w", name, im.feed.Name, err)
	}
	if st == nil {
		st = &ledger.SourceStatus{Source: name, Feed: im.feed.Name, Instance: Instance, Epoch: ledger.Epoch{Number: 1, OpenedBy: Instance}}
	}
	own := *st
	if own.Instance != Instance {
		own.Instance, own.Epoch = Instance, ledger.Epoch{Number: own.Epoch.Number + 1, OpenedBy: Instance}
	}
	if im.cursor, err = decodeCursor(own.Cursor); err != nil {
		im.opts.Logger.Warn("cursor not read", "source", name, "feed", im.feed.Name, "error", err)
	}
	im.status = &own
	im.saved = im.opts.Clock.Now()
	return nil
}

// save makes the cursor durable: everything it says was acknowledged before.
func (im *Importer) save(ctx context.Context) error {
	raw, err := im.cursor.encode()
	if err != nil {
		return err
	}
	now := im.opts.Clock.Now()
	im.status.Cursor, im.status.ReportedAt = raw, ledger.At(now)
	st := *im.status
	if err := im.opts.Store.Save(ctx, &st); err != nil {
		return fmt.Errorf("save status of %s/%s: %w", st.Source, st.Feed, err)
	}
	im.saved = now
	return nil
}
