package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// What is special about a file.
const (
	noteUnchanged = "unchanged"
	noteReplaced  = "replaced: read anew"
	noteWaiting   = "its end is still being written"
)

// reading is a file in the middle of being read.
type reading struct {
	im     *Importer
	stream *stream
	window *window
	split  splitter
	shaper *shaper
	state  state // what is in the log
	next   state // of the batch being filled
	p      Progress
	batch  *batch
	queue  []*batch
	rest   bool // the file does not change any more
}

// readFile reads what a file has behind what was read of it. The error is one of
// the log; what is wrong with the file stands in Progress.Err.
func (im *Importer) readFile(ctx context.Context, path string) (Progress, error) {
	r := &reading{im: im, p: Progress{Path: path}}
	now, err := lookAt(path)
	if err != nil {
		r.p.Err = err
		return r.p, nil
	}
	r.p.Size = now.Size
	last, known := im.seen[path]
	im.seen[path] = now
	r.rest = !im.opts.Growing || known && last.same(&now)
	old := im.cursor.find(path)
	if old != nil && old.Done && old.same(&now) {
		r.p.Note, r.p.Done, r.p.Read = noteUnchanged, true, now.Size
		return r.p, nil
	}
	if err := r.open(now, old); err != nil {
		return r.unreadable(now, err)
	}
	defer r.stream.Close()
	return r.p, r.run(ctx)
}

// unreadable ends a file that cannot be begun.
func (r *reading) unreadable(now state, err error) (Progress, error) {
	switch {
	case !errors.Is(err, errHeader):
		r.p.Err = err
	case now.Size == 0 && r.rest:
		now.Done = true
		r.im.cursor.put(&now)
		r.p.Done = true
	case r.rest:
		r.p.Err = err
	default:
		r.p.Note = noteWaiting
	}
	return r.p, nil
}

func lookAt(path string) (state, error) {
	info, err := os.Stat(path)
	if err != nil {
		return state{}, fmt.Errorf("look at: %w", err)
	}
	return state{Path: path, Size: info.Size(), Modified: info.ModTime().UnixNano(), Inode: inodeOf(info)}, nil
}

// open positions the text behind what was read, if the file still begins with
// that, and at its first row otherwise.
func (r *reading) open(now state, old *state) error {
	if old != nil {
		if err := r.continued(now, old); err != nil || r.stream != nil {
			return err
		}
		r.p.Note = noteReplaced
	}
	files := r.im.feed.Files
	d, err := detect(now.Path, files, nil, r.rest)
	if err != nil {
		return err
	}
	s, err := openStream(now.Path, d.encodingName)
	if err != nil {
		return err
	}
	w := newWindow(s, newDigest(), 0, 0)
	for w.offset < d.start {
		if len(w.bytes()) == 0 && !w.more() {
			s.Close()
			return errHeader
		}
		w.consume(int(min(d.start-w.offset, int64(len(w.bytes())))))
	}
	r.state = now
	r.begin(s, w, d)
	return nil
}

// continued goes on behind what was read; it leaves the stream nil if the file is
// another one.
func (r *reading) continued(now state, old *state) error {
	d, err := detect(now.Path, r.im.feed.Files, old, r.rest)
	if err != nil {
		return nil //nolint:nilerr // as another file it is looked at again, and complained about
	}
	s, err := openStream(now.Path, d.encodingName)
	if err != nil {
		return err
	}
	dg, err := s.verify(&now, old)
	if err != nil {
		s.Close()
		return err
	}
	if dg == nil || old.Offset < d.start {
		s.Close()
		return nil
	}
	r.state = *old
	r.state.Size, r.state.Modified, r.state.Inode, r.state.Done = now.Size, now.Modified, now.Inode, false
	r.p.Note = fmt.Sprintf("goes on behind line %d", old.Line)
	r.begin(s, newWindow(s, dg, old.Offset, old.Line), d)
	return nil
}

func (r *reading) begin(s *stream, w *window, d *dialect) {
	w.final = r.rest
	r.stream, r.window, r.split = s, w, d.splitter(w)
	r.shaper = newShaper(d, r.im.feed.Files, r.im.zone)
	r.state.Format, r.state.Encoding = d.format, d.encodingName
	if d.format == catalog.FormatCSV {
		r.state.Delimiter = string(d.delimiter)
	}
	r.next = r.state
}

// verify holds the beginning of a file to the mark of what was read of it, and
// leaves the stream behind it. A file that only grew is asked for its first
// bytes and its last ones; any other, and one that is packed, for all of them.
// The digest is nil if the file is another one.
func (s *stream) verify(now, old *state) (*digest, error) {
	d := newDigest()
	from := old.Offset - old.Offset%segment
	grew := now.Inode == old.Inode && (now.Size > old.Size || now.same(old))
	switch {
	case s.seekable && now.Size < old.Offset:
		return nil, nil
	case s.seekable && grew && from > 0:
		if _, err := io.CopyN(d.head, s, headBytes); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		if !d.resume(old.mark, old.Offset) {
			return nil, nil
		}
		if err := s.seek(from); err != nil {
			return nil, err
		}
	default:
		from = 0
	}
	if _, err := io.CopyN(d, s, old.Offset-from); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if d.mark() != old.mark {
		return nil, nil
	}
	return d, nil
}

// run reads to the end of the file, with so many batches on their way to the log.
func (r *reading) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := r.records(ctx)
	if err != nil {
		cancel()
	}
	for len(r.queue) > 0 {
		if e := r.settle(ctx); err == nil && e != nil {
			err = e
			cancel()
		}
	}
	if err != nil {
		return err
	}
	if r.p.Err == nil && r.p.Note != noteWaiting {
		r.state.Done, r.p.Done = true, true
		r.p.Read = r.stream.read.Load()
	}
	r.keep()
	return nil
}

func (r *reading) records(ctx context.Context) error {
	for {
		rec, ok, err := r.split.next()
		switch {
		case err != nil:
			r.p.Err = err
			return r.flush(ctx)
		case !ok:
			return r.flush(ctx)
		case rec.tail && !r.rest:
			r.p.Note = noteWaiting
			return r.flush(ctx)
		}
		if r.batch == nil {
			r.batch = &batch{done: make(chan outcome, 1)}
		}
		r.batch.add(rec)
		if rec.tail {
			return r.flush(ctx) // the cursor stays before it: should it grow, it is read again
		}
		if len(r.batch.rows) >= r.im.opts.BatchRows || len(r.batch.text) >= batchBytes {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// flush sends the batch on its way, and waits while too many are.
func (r *reading) flush(ctx context.Context) error {
	r.next.Offset, r.next.Line, r.next.mark = r.window.offset, r.window.line, r.window.digest.mark()
	b := r.batch
	if b == nil {
		b = &batch{done: make(chan outcome, 1)}
	}
	b.after, r.batch = r.next, nil
	go func() { b.done <- r.im.appendBatch(ctx, b, r.shaper) }()
	r.queue = append(r.queue, b)
	for len(r.queue) >= r.im.opts.InFlight {
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// settle waits for the oldest batch, and moves the cursor behind it.
func (r *reading) settle(ctx context.Context) error {
	b := r.queue[0]
	r.queue = r.queue[1:]
	o := <-b.done
	if o.err != nil {
		return o.err
	}
	if ctx.Err() != nil {
		return ctx.Err() // an older one failed: this one is read again
	}
	r.state.Offset, r.state.Line, r.state.mark = b.after.Offset, b.after.Line, b.after.mark
	r.state.Rows += o.rows
	r.state.Bad += o.bad
	if r.state.FirstBad == "" {
		r.state.FirstBad = o.firstBad
	}
	r.state.BadAt = max(r.state.BadAt, o.badAt)
	r.p.Rows, r.p.Events, r.p.Foreign, r.p.Quarantined = r.p.Rows+o.rows, r.p.Events+o.events, r.p.Foreign+o.foreign, r.p.Quarantined+o.bad
	r.p.Read = min(r.stream.read.Load(), r.p.Size)
	r.keep()
	if o.rows > 0 {
		r.im.status.LastHeard = ledger.At(r.im.opts.Clock.Now())
	}
	if r.im.opts.Clock.Now().Sub(r.im.saved) >= r.im.opts.SaveEvery {
		if err := r.im.save(ctx); err != nil {
			return err
		}
	}
	r.im.opts.Report(r.p)
	return nil
}

// keep puts the file's state into the cursor.
func (r *reading) keep() {
	s := r.state
	r.im.cursor.put(&s)
}
