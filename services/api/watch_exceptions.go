package api

import (
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// WatchExceptions implements ExceptionServiceServer. Changes are read from the
// store, in an order that follows from the log alone; commits only say where to
// look, and a stream that lags looks everywhere. Messages of the opening carry
// no resume token: a stream that broke before its first heartbeat begins anew.
func (a *exceptions) WatchExceptions(req *orderledgerv1.WatchExceptionsRequest, stream grpc.ServerStreamingServer[orderledgerv1.WatchExceptionsResponse]) error {
	f, err := exceptionFields().parse(req.GetFilter())
	if err != nil {
		return err
	}
	n := a.s.opt.Ledger.Partitions()
	w := &exceptionWatch{s: a.s, stream: stream, filter: f, id: requestHash("exceptions", req.GetFilter()), points: make([]resumePoint, n),
		fresh: make([]*orderledgerv1.Freshness, n), matched: map[ledger.ExceptionID]bool{}, rows: make([]map[ledger.ExceptionID][]ledger.ExceptionRow, n)}
	sub := a.s.opt.Ledger.Subscribe(watchRoom)
	defer sub.Close()
	if err := w.open(req.GetResumeToken()); err != nil {
		return err
	}
	beat := time.NewTicker(a.s.opt.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-a.s.ctx.Done():
			return fail(NotReady, "the server is stopping: connect again with the last resume token")
		case c := <-sub.C:
			if sub.Lagged() {
				err = w.lookEverywhere()
			} else {
				err = w.committed(&c)
			}
		case <-beat.C:
			err = w.beat()
		}
		if err != nil {
			return err
		}
	}
}

// exceptionWatch is one stream of exceptions.
type exceptionWatch struct {
	s      *Server
	stream grpc.ServerStreamingServer[orderledgerv1.WatchExceptionsResponse]
	filter *filter
	id     uint64
	// points is how far each partition was told; fresh is of its last look.
	points []resumePoint
	fresh  []*orderledgerv1.Freshness
	// matched are the exceptions last sent as matching the filter.
	matched map[ledger.ExceptionID]bool
	resumed bool
	// rows are changes that commits told of and that were not sent yet.
	rows []map[ledger.ExceptionID][]ledger.ExceptionRow
}

func (w *exceptionWatch) open(token string) error {
	if token != "" {
		t, err := decodeResume(token, w.id, len(w.points))
		if err != nil {
			return err
		}
		for p := range t.Points {
			if err := w.s.resumable(w.stream.Context(), int32(p), t.Points[p].Offset); err != nil {
				return err
			}
		}
		w.points, w.resumed = t.Points, true
		return w.lookEverywhere()
	}
	var opening []*ledger.Exception
	_, err := w.s.each(w.stream.Context(), func(r *ledger.Reader, f engine.Freshness) error {
		w.fresh[f.Partition] = w.s.freshness(f)
		w.points[f.Partition] = resumePoint{Offset: f.AppliedOffset, Clock: f.Clock}
		return scanExceptions(w.stream.Context(), r, w.filter.Mentions("state"), func(x *ledger.Exception) {
			if w.filter.match(exceptionItem(x)) {
				opening = append(opening, x)
			}
		})
	})
	if err != nil {
		return err
	}
	for _, x := range opening {
		w.matched[x.ID] = true
		m := &orderledgerv1.WatchExceptionsResponse{Freshness: w.fresh, Event: &orderledgerv1.WatchExceptionsResponse_Change{
			Change: &orderledgerv1.ExceptionChange{Exception: exceptionOf(x)}}}
		if err := w.stream.Send(m); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return w.beat()
}

// beat sends a heartbeat.
func (w *exceptionWatch) beat() error {
	for p := range w.points {
		if err := w.look(int32(p), w.rows[p]); err != nil {
			return err
		}
	}
	return w.send(&orderledgerv1.WatchExceptionsResponse{Event: &orderledgerv1.WatchExceptionsResponse_Heartbeat{Heartbeat: heartbeat(w.s.opt.Now())}})
}

// committed looks at the exceptions that a commit changed.
func (w *exceptionWatch) committed(c *engine.Committed) error {
	if c.Rows == nil || len(c.Rows.Exceptions) == 0 {
		return nil
	}
	if w.rows[c.Partition] == nil {
		w.rows[c.Partition] = map[ledger.ExceptionID][]ledger.ExceptionRow{}
	}
	for i := range c.Rows.Exceptions {
		row := c.Rows.Exceptions[i]
		w.rows[c.Partition][row.Exception.ID] = append(w.rows[c.Partition][row.Exception.ID], row)
	}
	return w.look(c.Partition, w.rows[c.Partition])
}

// lookEverywhere looks at every exception of every partition: after a lag, or
// when a stream resumes.
func (w *exceptionWatch) lookEverywhere() error {
	for p := range w.points {
		w.rows[p] = nil
		var c *changes
		var fresh engine.Freshness
		err := w.s.opt.Ledger.Read(int32(p), func(r *ledger.Reader, f engine.Freshness) error {
			c, fresh = &changes{r: r, partition: int32(p), since: w.points[p], until: f.AppliedOffset}, f
			var all []*ledger.Exception
			err := scanExceptions(w.stream.Context(), r, true, func(x *ledger.Exception) {
				if x.Open || x.ResolvedAt >= w.points[p].Clock {
					all = append(all, x)
				}
			})
			for i := 0; err == nil && i < len(all); i++ {
				err = c.of(all[i], nil)
			}
			return err
		})
		if err == nil {
			err = w.tell(c, fresh)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look tells what happened to some exceptions of a partition since its point.
// Changes of a tick that is still being worked off wait for its end.
func (w *exceptionWatch) look(p int32, rows map[ledger.ExceptionID][]ledger.ExceptionRow) error {
	var c *changes
	var fresh engine.Freshness
	err := w.s.opt.Ledger.Read(p, func(r *ledger.Reader, f engine.Freshness) error {
		c, fresh = &changes{r: r, partition: p, since: w.points[p], until: f.AppliedOffset}, f
		for id, list := range rows { //lint:a map is sorted by tell
			x, err := r.Exception(id)
			if err != nil {
				return err
			}
			if x != nil {
				if err := c.of(x, list); err != nil {
					return err
				}
			}
			if list[len(list)-1].Offset < f.AppliedOffset {
				delete(rows, id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.tell(c, fresh)
}

// tell sends changes in their order and moves the partition's point behind
// them. It runs after the snapshot was closed: a slow client holds nothing.
func (w *exceptionWatch) tell(c *changes, f engine.Freshness) error {
	w.fresh[f.Partition] = w.s.freshness(f)
	for _, e := range c.sorted() {
		w.points[f.Partition] = resumePoint{Offset: e.offset, Clock: c.since.Clock, ID: e.id, N: e.n}
		if err := w.change(&e); err != nil {
			return err
		}
	}
	w.points[f.Partition] = resumePoint{Offset: f.AppliedOffset, Clock: f.Clock}
	return nil
}

// change sends one change, if the exception matches the filter or did before.
func (w *exceptionWatch) change(e *exceptionChange) error {
	matches := w.filter.match(exceptionItem(e.x))
	// A resumed stream does not know what it sent before: what was there then
	// may have matched.
	before := w.matched[e.x.ID] || w.resumed && e.transition.GetKind() != orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED
	if !matches && !before {
		return nil
	}
	if matches {
		w.matched[e.x.ID] = true
	} else {
		delete(w.matched, e.x.ID)
	}
	return w.send(&orderledgerv1.WatchExceptionsResponse{Event: &orderledgerv1.WatchExceptionsResponse_Change{
		Change: &orderledgerv1.ExceptionChange{Exception: exceptionOf(e.x), Transition: e.transition, LeftFilter: !matches}}})
}

func (w *exceptionWatch) send(m *orderledgerv1.WatchExceptionsResponse) error {
	m.ResumeToken = resumeToken{Stream: w.id, Points: w.points}.encode()
	m.Freshness = w.fresh
	if err := w.stream.Send(m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
