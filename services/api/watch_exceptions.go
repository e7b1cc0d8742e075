package api

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// WatchExceptions implements ExceptionServiceServer. Changes are told as commits
// tell them; a stream that lagged, or that resumes, reads what it missed from
// the store. Messages of the opening carry no resume token: a stream that broke
// before its first heartbeat begins anew.
func (a *exceptions) WatchExceptions(req *orderledgerv1.WatchExceptionsRequest, stream grpc.ServerStreamingServer[orderledgerv1.WatchExceptionsResponse]) error {
	f, err := exceptionFields().parse(req.GetFilter())
	if err != nil {
		return err
	}
	n := a.s.opt.Ledger.Logs()
	w := &exceptionWatch{
		s: a.s, stream: stream, filter: f, id: requestHash("exceptions", req.GetFilter()), points: make([]resumePoint, n),
		fresh: make([]*orderledgerv1.Freshness, n), clocks: make([]ledger.Instant, n), recheck: make([]bool, n),
		matched: map[ledger.ExceptionID]bool{}, open: map[ledger.ExceptionID]bool{}, counts: make([]counts, n),
	}
	sub := a.s.opt.Ledger.Subscribe(watchRoom)
	defer sub.Close()
	if err := w.begin(req.GetResumeToken()); err != nil {
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
				err = w.catchUpAll()
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
	// points is how far each partition was told, fresh what is known of it, and
	// clocks its clock after the newest commit received.
	points []resumePoint
	fresh  []*orderledgerv1.Freshness
	clocks []ledger.Instant
	// recheck: a tick may have been half done when the store was read.
	recheck []bool
	counts  []counts
	// matched are the exceptions last sent as matching the filter.
	matched map[ledger.ExceptionID]bool
	// open is whether the exception of a word was open when last read.
	open    map[ledger.ExceptionID]bool
	resumed bool
}

// counts numbers the changes of each exception at one offset.
type counts struct {
	offset int64
	of     map[ledger.ExceptionID]int
}

func (w *exceptionWatch) begin(token string) error {
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
		return w.catchUpAll()
	}
	var opening []*shown
	_, err := w.s.eachLog(w.stream.Context(), func(r *ledger.Reader, f engine.Freshness) error {
		w.fresh[f.Log] = w.s.freshness(f)
		w.points[f.Log], w.clocks[f.Log] = resumePoint{Offset: f.AppliedOffset, Clock: f.Clock}, f.Clock
		return scanExceptions(w.stream.Context(), r, w.filter.Mentions("state"), func(x *ledger.Exception) {
			if w.filter.match(exceptionItem(x)) {
				opening = append(opening, &shown{x: x})
			}
		})
	})
	if err != nil {
		return err
	}
	words, _, err := w.s.words(w.stream.Context(), everyWord)
	if err != nil {
		return err
	}
	for _, x := range words {
		w.open[x.x.ID] = x.x.Open
		if (x.x.Open || w.filter.Mentions("state")) && w.filter.match(exceptionItem(x.x)) {
			opening = append(opening, x)
		}
	}
	for _, x := range opening {
		w.matched[x.x.ID] = true
		m := &orderledgerv1.WatchExceptionsResponse{Freshness: w.fresh, Event: &orderledgerv1.WatchExceptionsResponse_Change{
			Change: &orderledgerv1.ExceptionChange{Exception: x.message()},
		}}
		if err := w.stream.Send(m); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return w.beat()
}

// beat sends a heartbeat.
func (w *exceptionWatch) beat() error {
	for p := range w.points {
		if err := w.refresh(int32(p)); err != nil {
			return err
		}
	}
	return w.send(&orderledgerv1.WatchExceptionsResponse{Event: &orderledgerv1.WatchExceptionsResponse_Heartbeat{Heartbeat: heartbeat(w.s.opt.Now())}})
}

// refresh sees how far a partition is, and looks once more at what was half
// done when the store was last read.
func (w *exceptionWatch) refresh(p int32) error {
	applied := int64(0)
	err := w.s.opt.Ledger.Read(p, func(_ *ledger.Reader, f engine.Freshness) error {
		w.fresh[p], applied = w.s.freshness(f), f.AppliedOffset
		return nil
	})
	if err != nil || !w.recheck[p] || applied <= w.points[p].Offset {
		return err
	}
	err = w.catchUp(p)
	w.recheck[p] = false
	return err
}

// committed tells the changes of one commit. The last record of a commit may be
// a tick of which later commits tell more.
func (w *exceptionWatch) committed(c *engine.Committed) error {
	p, point := c.Log, &w.points[c.Log]
	if err := w.refresh(p); err != nil {
		return err
	}
	if c.Rows != nil && len(c.Rows.Exceptions) > 0 {
		for _, e := range w.number(p, c.Rows) {
			if point.has(e.offset, e.name()) {
				continue
			}
			point.reach(e.offset, w.clocks[p])
			point.tell(e.offset, e.name())
			if err := w.change(&e); err != nil {
				return err
			}
		}
	}
	point.reach(c.Place.Offset-1, w.clocks[p])
	w.clocks[p] = c.Clock
	return nil
}

// number counts the changes of each exception at each offset, over all commits
// of a tick.
func (w *exceptionWatch) number(p int32, rows *ledger.Rows) []exceptionChange {
	var out []exceptionChange
	for from := 0; from < len(rows.Exceptions); {
		offset, to := rows.Exceptions[from].Offset, from
		for to < len(rows.Exceptions) && rows.Exceptions[to].Offset == offset {
			to++
		}
		if k := &w.counts[p]; k.of == nil || k.offset != offset {
			*k = counts{offset: offset, of: map[ledger.ExceptionID]int{}}
		}
		out = append(out, rowChanges(w.s.place(p), &ledger.Rows{Exceptions: rows.Exceptions[from:to], History: rows.History}, w.counts[p].of)...)
		from = to
	}
	return out
}

func (w *exceptionWatch) catchUpAll() error {
	for p := range w.points {
		if err := w.catchUp(int32(p)); err != nil {
			return err
		}
		w.recheck[p] = true
	}
	return nil
}

// catchUp tells what the store says happened in a partition since its point.
// Nothing is sent while the snapshot is open: a slow client holds nothing.
func (w *exceptionWatch) catchUp(p int32) error {
	var c *changes
	var fresh engine.Freshness
	err := w.s.opt.Ledger.Read(p, func(r *ledger.Reader, f engine.Freshness) error {
		c, fresh = &changes{r: r, at: place{f.Topic, f.Partition}, since: w.points[p], until: f.AppliedOffset}, f
		var all []*ledger.Exception
		keep := func(x *ledger.Exception) {
			if x.Open || x.ResolvedAt >= w.points[p].Clock {
				all = append(all, x)
			}
		}
		err := scanExceptions(w.stream.Context(), r, true, keep)
		if err == nil {
			err = r.Words(func(x *ledger.Exception) bool { keep(x); return true })
		}
		for i := 0; err == nil && i < len(all); i++ {
			err = c.of(all[i])
		}
		return err
	})
	if err != nil {
		return err
	}
	w.fresh[p] = w.s.freshness(fresh)
	for i := range c.loose {
		if err := w.change(&c.loose[i]); err != nil {
			return err
		}
	}
	c.sort()
	for i := range c.exact {
		w.points[p].tell(c.exact[i].offset, c.exact[i].name())
		if err := w.change(&c.exact[i]); err != nil {
			return err
		}
	}
	w.points[p].reach(fresh.AppliedOffset, fresh.Clock)
	w.clocks[p] = fresh.Clock
	return nil
}

// change sends one change, if the exception matches the filter or did before.
func (w *exceptionWatch) change(e *exceptionChange) error {
	x, transition := &shown{x: e.x}, e.transition
	if e.x.Subject.Kind == ledger.SubjectWord {
		var err error
		if x, transition, err = w.joined(e); err != nil {
			return err
		}
	}
	matches := w.filter.match(exceptionItem(x.x))
	// A resumed stream does not know what it sent before: what was there then
	// may have matched.
	before := w.matched[x.x.ID] || w.resumed && transition.GetKind() != orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED
	if !matches && !before {
		return nil
	}
	if matches {
		w.matched[x.x.ID] = true
	} else {
		delete(w.matched, x.x.ID)
	}
	return w.send(&orderledgerv1.WatchExceptionsResponse{Event: &orderledgerv1.WatchExceptionsResponse_Change{
		Change: &orderledgerv1.ExceptionChange{Exception: x.message(), Transition: transition, LeftFilter: !matches},
	}})
}

// joined is the exception of a word of which one part changed, and what that
// change means for the whole: the first part opens it, the last one resolves
// it, and it is acknowledged with the last one; the others update it.
func (w *exceptionWatch) joined(e *exceptionChange) (*shown, *orderledgerv1.ExceptionTransition, error) {
	one := wordOf(&e.x.Subject)
	list, _, err := w.s.words(w.stream.Context(), func(k wordKey) bool { return k == one })
	if err != nil || len(list) == 0 {
		return &shown{x: e.x}, e.transition, err
	}
	x := list[0]
	t, _ := proto.Clone(e.transition).(*orderledgerv1.ExceptionTransition)
	update := false
	switch t.GetKind() {
	case orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED, orderledgerv1.TransitionKind_TRANSITION_KIND_REOPENED:
		update = w.open[x.x.ID]
		w.open[x.x.ID] = true
	case orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED:
		update = x.x.Open
		w.open[x.x.ID] = x.x.Open
	case orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED:
		update = x.x.Ack.At == 0
	}
	t.Episode, t.State = x.x.Episode, stateOf(x.x)
	over := func(p wordPart) bool { return p.x.ID != e.x.ID && !p.x.Open }
	switch {
	case update:
		t.Kind = orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED
	case t.Kind == orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED && slices.ContainsFunc(x.parts, over):
		t.Kind = orderledgerv1.TransitionKind_TRANSITION_KIND_REOPENED // it was known before
	}
	return x, t, nil
}

func (w *exceptionWatch) send(m *orderledgerv1.WatchExceptionsResponse) error {
	m.ResumeToken = resumeToken{Stream: w.id, Points: w.points}.encode()
	m.Freshness = w.fresh
	if err := w.stream.Send(m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
