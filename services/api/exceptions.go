package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// exceptions implements ExceptionService.
type exceptions struct {
	orderledgerv1.UnimplementedExceptionServiceServer
	s *Server
}

func upper(s string) string { return strings.ToUpper(s) }

// wall converts an instant; the zero time for none.
func wall(i ledger.Instant) time.Time {
	if stamp(i) == nil {
		return time.Time{}
	}
	return i.Time()
}

// exceptionID checks the id of a request. What cannot be one is not found.
func exceptionID(text string) (ledger.ExceptionID, error) {
	if text == "" {
		return ledger.ExceptionID{}, invalid("id", "is missing")
	}
	id, err := ledger.ParseExceptionID(text)
	if err != nil {
		return id, fail(ExceptionNotFound, "no exception has the id "+text, "id", text)
	}
	return id, nil
}

// found is an exception, its life, and where it lives: one partition, or all of
// them for a word.
type found struct {
	shown
	partition int32 // among those of both topics
	at        place
	fresh     []*orderledgerv1.Freshness
	history   []*orderledgerv1.ExceptionTransition
	page      func(ledger.EventID) *orderledgerv1.Link // of a document
}

// message is the exception with its history.
func (f *found) message() *orderledgerv1.Exception {
	out := f.shown.message()
	out.History = f.history
	if f.page != nil {
		linkEvidence(out, f.page)
	}
	for _, c := range f.x.Comments {
		text, _ := reasonOf(c)
		out.Comments = append(out.Comments, &orderledgerv1.ExceptionComment{Actor: c.Actor, Text: text, CommentTime: stamp(c.At)})
	}
	return out
}

// exception looks for an exception in every partition. A word's is found under
// its own id and under that of every part.
func (s *Server) exception(ctx context.Context, id ledger.ExceptionID) (*found, error) {
	var out *found
	_, err := s.eachLog(ctx, func(r *ledger.Reader, f engine.Freshness) error {
		x, err := r.Exception(id)
		if err != nil || x == nil || out != nil {
			return err
		}
		out = &found{shown: shown{x: x}, partition: f.Log, at: place{f.Topic, f.Partition}, fresh: []*orderledgerv1.Freshness{s.freshness(f)}}
		if out.page, err = s.evidencePages(r, x); err != nil {
			return err
		}
		out.history, err = history(r, x, out.at)
		return err
	})
	if err == nil && out == nil {
		out, err = s.foundWord(ctx, func(k wordKey) bool { return wordID(k) == id })
	} else if err == nil && out.x.Subject.Kind == ledger.SubjectWord {
		one := wordOf(&out.x.Subject)
		out, err = s.foundWord(ctx, func(k wordKey) bool { return k == one })
	}
	if err == nil && out == nil {
		err = fail(ExceptionNotFound, "no exception has the id "+id.String(), "id", id.String())
	}
	return out, err
}

// history is an exception's life as the timeline of its order tells it; for
// other subjects what the exception itself remembers.
func history(r *ledger.Reader, x *ledger.Exception, at place) ([]*orderledgerv1.ExceptionTransition, error) {
	var out []*orderledgerv1.ExceptionTransition
	if x.Subject.OfOrder() {
		told, err := r.Told(&x.Subject)
		if err != nil {
			return nil, err
		}
		for i := range told {
			if f := told[i].Fact; f != nil && f.Exception == x.ID {
				if t := transitionOf(signed(f, x), at); t != nil {
					out = append(out, t)
				}
			}
		}
		return out, nil
	}
	out = append(out, &orderledgerv1.ExceptionTransition{
		Kind: orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED, EvaluatedAt: stamp(x.OpenedAt),
		State: orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN, Episode: 1,
	})
	if x.Ack.At != 0 {
		out = append(out, &orderledgerv1.ExceptionTransition{
			Kind: orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED, EvaluatedAt: stamp(x.Ack.At),
			State: orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED, Episode: x.Episode, Actor: x.Ack.Actor, Text: x.Ack.Comment,
		})
	}
	for _, c := range x.Comments {
		t := &orderledgerv1.ExceptionTransition{
			Kind: orderledgerv1.TransitionKind_TRANSITION_KIND_COMMENTED, EvaluatedAt: stamp(c.At),
			State: orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN, Episode: x.Episode, Actor: c.Actor,
		}
		var resolves bool
		if t.Text, resolves = reasonOf(c); resolves {
			t.Kind, t.State = orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED, orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED
		}
		out = append(out, t)
	}
	if !x.Open && resolver(x, x.ResolvedAt).Actor == "" {
		out = append(out, &orderledgerv1.ExceptionTransition{
			Kind: orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED, EvaluatedAt: stamp(x.ResolvedAt),
			State: stateOf(x), Episode: x.Episode,
		})
	}
	slices.SortStableFunc(out, func(a, b *orderledgerv1.ExceptionTransition) int {
		return a.GetEvaluatedAt().AsTime().Compare(b.GetEvaluatedAt().AsTime())
	})
	return out, nil
}

// GetException implements ExceptionServiceServer.
func (a *exceptions) GetException(ctx context.Context, req *orderledgerv1.GetExceptionRequest) (*orderledgerv1.GetExceptionResponse, error) {
	id, err := exceptionID(req.GetId())
	if err != nil {
		return nil, err
	}
	x, err := a.s.exception(ctx, id)
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.GetExceptionResponse{Exception: x.message(), Freshness: x.fresh}, nil
}

// exceptionFields are the filterable fields of exceptions.
func exceptionFields() fields {
	return fields{
		"state": {words: []string{"OPEN", "ACKNOWLEDGED", "SNOOZED", "RESOLVED", "MOVED", "RETRACTED"}}, "type": {}, "rule": {},
		"severity": {kind: rankField, words: []string{"INFO", "WARNING", "CRITICAL"}}, "order_key": {}, "source": {}, "hop": {}, "owner": {},
		"assignee": {}, "historic": {kind: boolField}, "announced": {kind: boolField}, "basis": {words: []string{"PROVEN", "ASSUMED", "INCOMPLETE"}},
		"open_time": {kind: timeField}, "resolve_time": {kind: timeField},
	}
}

// exceptionItem gives an exception's filterable fields.
func exceptionItem(x *ledger.Exception) item {
	return func(name string) any {
		switch name {
		case "state":
			return strings.TrimPrefix(stateOf(x).String(), "EXCEPTION_STATE_")
		case "type":
			return x.Name
		case "rule":
			return x.Rule
		case "severity":
			return upper(x.Severity.String())
		case "order_key":
			return string(x.Subject.Order)
		case "source":
			return sourcesOf(x)
		case "hop":
			return x.Hop
		case "owner":
			return x.Owner
		case "assignee":
			return x.Assignee
		case "historic":
			return x.Historic
		case "announced":
			return x.Announced
		case "basis":
			return upper(x.Basis.String())
		case "open_time":
			return wall(x.OpenedAt)
		default:
			if x.Open {
				return time.Time{}
			}
			return wall(x.ResolvedAt)
		}
	}
}

// sourcesOf are the sources an exception has to do with.
func sourcesOf(x *ledger.Exception) []string {
	out := []string{string(x.Subject.Source), string(x.Subject.Feed.Source), string(x.Subject.Order.Origin())}
	for i := range x.Evidence {
		out = append(out, string(x.Evidence[i].Source))
	}
	return out
}

// ListExceptions implements ExceptionServiceServer. Without a word about state
// it reads the index of open exceptions alone.
func (a *exceptions) ListExceptions(ctx context.Context, req *orderledgerv1.ListExceptionsRequest) (*orderledgerv1.ListExceptionsResponse, error) {
	size, err := pageSize(req.GetPageSize(), exceptionsStandard, exceptionsMost)
	if err != nil {
		return nil, err
	}
	f, err := exceptionFields().parse(req.GetFilter())
	if err != nil {
		return nil, err
	}
	by, err := sortOf(req.GetOrderBy(), "severity desc, open_time desc", "open_time", "severity", "since")
	if err != nil {
		return nil, err
	}
	bound := requestHash("exceptions", req.GetFilter(), req.GetOrderBy())
	after, err := a.s.pages.open(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	l := &exceptionList{filter: f, by: by, all: f.Mentions("state"), page: top[*shown]{s: by, after: after, size: size}}
	fresh, err := a.s.eachLog(ctx, func(r *ledger.Reader, _ engine.Freshness) error {
		return scanExceptions(ctx, r, l.all, func(x *ledger.Exception) { l.offer(&shown{x: x}) })
	})
	if err != nil {
		return nil, err
	}
	words, _, err := a.s.words(ctx, everyWord)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		l.offer(w)
	}
	list, token := l.page.page(a.s.pages, bound)
	out := &orderledgerv1.ListExceptionsResponse{NextPageToken: token, Freshness: fresh}
	for _, x := range list {
		out.Exceptions = append(out.Exceptions, x.message())
	}
	return out, nil
}

// exceptionList gathers one page of exceptions, and keeps no more than that.
type exceptionList struct {
	filter *filter
	by     *sorting
	all    bool // those that are over, too
	page   top[*shown]
}

func (l *exceptionList) offer(s *shown) {
	if (l.all || s.x.Open) && l.filter.match(exceptionItem(s.x)) {
		l.page.offer(ranked[*shown]{key: exceptionKey(s.x, l.by), id: s.x.ID.String(), item: s})
	}
}

// scanExceptions visits the open exceptions, or all of them, but for those about
// words: Server.words joins them.
func scanExceptions(ctx context.Context, r *ledger.Reader, all bool, fn func(*ledger.Exception)) error {
	visit := func(x *ledger.Exception) bool {
		if x.Subject.Kind != ledger.SubjectWord {
			fn(x)
		}
		return ctx.Err() == nil
	}
	var err error
	if all {
		err = r.Exceptions(visit)
	} else {
		err = r.OpenExceptions(ledger.ExceptionID{}, visit)
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

func exceptionKey(x *ledger.Exception, by *sorting) []string {
	var out []string
	for _, f := range by.fields {
		switch f.Path {
		case "severity":
			out = append(out, sortable(int64(x.Severity)))
		case "since":
			out = append(out, sortable(int64(x.Since.Latest)))
		default:
			out = append(out, sortable(int64(x.OpenedAt)))
		}
	}
	return out
}
