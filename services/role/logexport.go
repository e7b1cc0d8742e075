package role

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logarchive"
)

// LogProgress is told of each partition that is done.
type LogProgress func(logarchive.PartitionSum)

// ErrBusyLog says that the log could not be read as of one instant.
var ErrBusyLog = errors.New("the log is being written to: a copy of it would not be of one instant, and what topics say of each other would not fit. Stop connectors and ledgers (or wait for a quiet second), and export again")

// settlePatience is how long an export waits for a quiet moment, settlePause
// how far two looks are apart.
const (
	settlePatience = 15 * time.Second
	settlePause    = 50 * time.Millisecond
)

// LogExport says where an export goes.
type LogExport struct {
	// Path is a file that does not exist, or a folder.
	Path     string
	Software string
	Report   LogProgress
	Now      func() time.Time
}

// ExportLog writes the whole log into one file, which appears only once it is
// complete. It returns the file's name.
func ExportLog(ctx context.Context, s *Stack, o LogExport) (string, logarchive.Summary, error) {
	now := o.Now()
	path := o.Path
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return "", logarchive.Summary{}, fmt.Errorf("export log: %s exists: name another file, or remove it", path)
		}
		path = filepath.Join(path, "orders-"+now.UTC().Format("20060102T150405Z")+".ordlog")
	}
	ranges, err := quietRanges(ctx, s)
	if err != nil {
		return "", logarchive.Summary{}, fmt.Errorf("export log: %w", err)
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", logarchive.Summary{}, fmt.Errorf("export log: %w", err)
	}
	sum, err := exportTo(ctx, s, f, logarchive.Header{Version: logarchive.Version, Created: now.UTC(), Software: o.Software, Partitions: s.Config.Partitions, Ranges: ranges}, o.Report)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		_ = os.Remove(path + ".part") // what failed says why
		return "", logarchive.Summary{}, fmt.Errorf("export log: %w", err)
	}
	return path, sum, nil
}

// quietRanges looks twice at the ends of all partitions until both looks agree:
// then there was an instant at which the log was just that.
func quietRanges(ctx context.Context, s *Stack) ([]logarchive.Range, error) {
	until, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	before, err := logRanges(ctx, s)
	if err != nil {
		return nil, err
	}
	for {
		after, err := logRanges(ctx, s)
		if err != nil {
			return nil, err
		}
		if slices.Equal(before, after) {
			return after, nil
		}
		before = after
		select {
		case <-until.Done():
			return nil, errors.Join(ErrBusyLog, ctx.Err())
		case <-time.After(settlePause):
		}
	}
}

// logRanges are what the topics hold now, in the order of an archive.
func logRanges(ctx context.Context, s *Stack) ([]logarchive.Range, error) {
	var out []logarchive.Range
	for _, spec := range s.topics() {
		starts, err := s.Log.StartOffsets(ctx, spec.Name)
		if err != nil {
			return nil, err
		}
		ends, err := s.Log.EndOffsets(ctx, spec.Name)
		if err != nil {
			return nil, err
		}
		if len(ends) != int(spec.Partitions) {
			return nil, fmt.Errorf("topic %s has %d partitions, and the configuration says %d: set partitions to what the log has", spec.Name, len(ends), spec.Partitions)
		}
		for _, p := range slices.Sorted(maps.Keys(ends)) {
			r := logarchive.Range{Topic: spec.Name, Partition: p, Start: starts[p], End: ends[p], Gaps: mayHaveGaps(spec.Name)}
			if r.Start > 0 && !r.Gaps {
				return nil, fmt.Errorf("%s begins at offset %d: its oldest records are gone, and the rest is no log to go on with", r, r.Start)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// mayHaveGaps says which topics may lack records by design: compacted ones and
// those with a retention. Nothing refers to their offsets.
func mayHaveGaps(topic string) bool {
	return topic == kafkalog.TopicSources || topic == kafkalog.TopicQuarantine
}

func exportTo(ctx context.Context, s *Stack, out io.Writer, h logarchive.Header, report LogProgress) (logarchive.Summary, error) {
	w, err := logarchive.NewWriter(out, h)
	if err != nil {
		return logarchive.Summary{}, err
	}
	for _, r := range h.Ranges {
		if err := exportRange(ctx, s, w, r); err != nil {
			return logarchive.Summary{}, err
		}
		sum, err := w.EndPartition()
		if err != nil {
			return logarchive.Summary{}, err
		}
		report(sum)
	}
	return w.Close()
}

// exportRange reads one partition up to its end.
func exportRange(ctx context.Context, s *Stack, w *logarchive.Writer, r logarchive.Range) error {
	return eachRecord(ctx, s.Log, r, func(rec *kafkalog.Record) error { return w.Append(rec) })
}

// tailPatience is how long the end of a range with gaps may say nothing before
// it is taken to hold nothing more.
const tailPatience = 2 * time.Second

// eachRecord reads a range, however long, a batch at a time.
func eachRecord(ctx context.Context, log kafkalog.Source, r logarchive.Range, fn func(*kafkalog.Record) error) error {
	if r.Start >= r.End {
		return nil
	}
	reader, err := log.NewReader(kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{r.Topic: {r.Partition: r.Start}}, MaxPollRecords: 2000})
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		poll, cancel := ctx, context.CancelFunc(func() {})
		if r.Gaps {
			poll, cancel = context.WithTimeout(ctx, tailPatience)
		}
		batches, err := reader.Poll(poll)
		quiet := r.Gaps && poll.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && !quiet {
			return err
		}
		for i := range batches {
			for k := range batches[i].Records {
				rec := &batches[i].Records[k]
				if rec.Offset >= r.End {
					return nil
				}
				if err := fn(rec); err != nil {
					return err
				}
				if rec.Offset == r.End-1 {
					return nil
				}
			}
		}
		if quiet && len(batches) == 0 {
			return nil
		}
	}
}
