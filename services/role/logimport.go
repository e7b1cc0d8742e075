package role

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logarchive"
)

// LogImport says what is imported.
type LogImport struct {
	Path string
	// Resume goes on with an import that was interrupted: what the topics hold
	// already is compared with the file, record by record.
	Resume bool
	Report LogProgress
}

// What an import is refused for. Compare with errors.Is.
var (
	ErrLogNotEmpty = errors.New("the log is not empty: an import goes into new topics only")
	ErrOtherLog    = errors.New("the log holds other records than the file")
	ErrOtherShape  = errors.New("the file is of another log")
)

// ImportLog checks a whole file, and then appends every record where it stood.
// Nothing is appended of a file that is damaged.
func ImportLog(ctx context.Context, s *Stack, o LogImport) (logarchive.Summary, error) {
	sum, err := logarchive.VerifyFile(o.Path)
	if err != nil {
		return sum, err
	}
	im := &logImporter{s: s, o: o, held: map[string]map[int32]int64{}}
	if err := im.prepare(ctx, &sum.Header); err != nil {
		return sum, fmt.Errorf("import log: %w", err)
	}
	f, err := os.Open(o.Path)
	if err != nil {
		return sum, fmt.Errorf("import log: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := im.run(ctx, f, &sum); err != nil {
		return sum, fmt.Errorf("import log: %w", err)
	}
	return sum, nil
}

type logImporter struct {
	s    *Stack
	o    LogImport
	held map[string]map[int32]int64 // topic → partition → records held before
}

// prepare makes the topics, and looks what they hold.
func (im *logImporter) prepare(ctx context.Context, h *logarchive.Header) error {
	if h.Partitions != im.s.Config.Partitions {
		return fmt.Errorf("%w: it has %d partitions, and the configuration says %d; set partitions to %d", ErrOtherShape, h.Partitions, im.s.Config.Partitions, h.Partitions)
	}
	var wanted, given []string
	for _, spec := range im.s.topics() {
		for p := range spec.Partitions {
			wanted = append(wanted, logarchive.Range{Topic: spec.Name, Partition: p}.String())
		}
	}
	for _, r := range h.Ranges {
		given = append(given, r.String())
	}
	if slices.Sort(wanted); !slices.Equal(wanted, slices.Sorted(slices.Values(given))) {
		return fmt.Errorf("%w: it holds %d partitions of topics, and this program has %d", ErrOtherShape, len(given), len(wanted))
	}
	if _, err := im.s.Log.EnsureTopics(ctx, im.s.topics(), kafkalog.EnsureOptions{AllowUnsafe: im.s.Config.AllowUnsafeTopics}); err != nil {
		return err
	}
	var filled []error
	for _, spec := range im.s.topics() {
		ends, err := im.s.Log.EndOffsets(ctx, spec.Name)
		if err != nil {
			return err
		}
		im.held[spec.Name] = ends
		for p, end := range ends {
			if end > 0 {
				filled = append(filled, fmt.Errorf("%s/%d holds %d", spec.Name, p, end))
			}
		}
	}
	if len(filled) > 0 && !im.o.Resume {
		return fmt.Errorf("%w; if an import of this file was interrupted, go on with --resume, which compares what is there first: %w", ErrLogNotEmpty, filled[0])
	}
	return nil
}

// inFlight is how many chunks may wait for the broker.
const inFlight = 4

// run reads the file and appends what the log does not hold.
func (im *logImporter) run(ctx context.Context, f io.Reader, sum *logarchive.Summary) error {
	r, err := logarchive.NewReader(f)
	if err != nil {
		return err
	}
	for i := range sum.Header.Ranges {
		x := sum.Header.Ranges[i]
		if n, has := im.held[x.Topic][x.Partition], sum.Partitions[i].Records; n > has {
			return fmt.Errorf("%w: %s holds %d records, and the file %d", ErrOtherLog, x, n, has)
		}
	}
	w := &landing{log: im.s.Log, slots: make(chan struct{}, inFlight), failed: make(chan error, 1)}
	defer func() { _ = w.wait() }() // nothing lands after the end
	var at logarchive.Range
	place, done := int64(0), 0
	for {
		records, err := r.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for ; done < len(r.Summary().Partitions); done++ { // what is reported has landed
			if err := w.wait(); err != nil {
				return err
			}
			im.o.Report(r.Summary().Partitions[done])
		}
		if err != nil {
			return w.wait()
		}
		if first := &records[0]; first.Topic != at.Topic || first.Partition != at.Partition {
			at, place = logarchive.Range{Topic: first.Topic, Partition: first.Partition}, 0
		}
		held := max(0, min(im.held[at.Topic][at.Partition]-place, int64(len(records))))
		if err := im.compare(ctx, records[:held], place); err != nil {
			return err
		}
		if err := w.append(ctx, records[held:], place+held); err != nil {
			return err
		}
		place += int64(len(records))
	}
}

// compare holds records of the file to those that the log has at the place.
func (im *logImporter) compare(ctx context.Context, records []kafkalog.Record, place int64) error {
	if len(records) == 0 {
		return nil
	}
	from := kafkalog.Position{Topic: records[0].Topic, Partition: records[0].Partition, Offset: place}
	there, err := kafkalog.ReadRange(ctx, im.s.Log, from, place+int64(len(records)))
	if err != nil {
		return err
	}
	for i := range records {
		if i >= len(there) || there[i].Offset != place+int64(i) || !sameRecord(&records[i], &there[i]) {
			from.Offset = place + int64(i)
			return fmt.Errorf("%w: they part at %s; import into new topics", ErrOtherLog, from)
		}
	}
	return nil
}

func sameRecord(a, b *kafkalog.Record) bool {
	return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && a.Timestamp == b.Timestamp &&
		slices.EqualFunc(a.Headers, b.Headers, func(x, y kafkalog.Header) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) })
}

// landing appends chunks, a few at a time, and checks where each record lands.
type landing struct {
	log    kafkalog.Appender
	slots  chan struct{}
	failed chan error
}

func (l *landing) append(ctx context.Context, records []kafkalog.Record, place int64) error {
	if len(records) == 0 {
		return nil
	}
	select {
	case err := <-l.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case l.slots <- struct{}{}:
	}
	left := len(records)
	for i := range records {
		rec, want := records[i], place+int64(i)
		l.log.AppendAsync(rec, func(at kafkalog.Position, err error) { // calls are serial
			if err == nil && at.Offset != want {
				err = fmt.Errorf("%w: a record landed at %s instead of %d: somebody else appends, or an earlier try left a record behind; import into new topics", ErrOtherLog, at, want)
			}
			if err != nil {
				select {
				case l.failed <- err:
				default: // the first says it
				}
			}
			if left--; left == 0 {
				<-l.slots
			}
		})
	}
	return nil
}

// wait waits until everything landed.
func (l *landing) wait() error {
	for range cap(l.slots) {
		l.slots <- struct{}{}
	}
	for range cap(l.slots) {
		<-l.slots
	}
	select {
	case err := <-l.failed:
		return err
	default:
		return nil
	}
}
