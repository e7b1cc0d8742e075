package api

import (
	"context"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// AcknowledgeException implements ExceptionServiceServer.
func (a *exceptions) AcknowledgeException(ctx context.Context, req *orderledgerv1.AcknowledgeExceptionRequest) (*orderledgerv1.AcknowledgeExceptionResponse, error) {
	done, x, err := a.s.act(ctx, req, &wanted{kind: ledger.ActionAcknowledge, comment: req.GetComment()})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.AcknowledgeExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// AssignException implements ExceptionServiceServer.
func (a *exceptions) AssignException(ctx context.Context, req *orderledgerv1.AssignExceptionRequest) (*orderledgerv1.AssignExceptionResponse, error) {
	who := strings.TrimSpace(req.GetAssignee())
	w := &wanted{kind: ledger.ActionAssign, comment: req.GetComment(), about: "to " + who, assignee: who}
	switch {
	case req.GetUnassign() && who == "":
		w.about = "to nobody any more"
	case req.GetUnassign() || who == "" || len(who) > maxActor:
		return nil, invalid("assignee", "say who is to work on it, in at most %d bytes, or unassign", maxActor)
	}
	done, x, err := a.s.act(ctx, req, w)
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.AssignExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// SnoozeException implements ExceptionServiceServer.
func (a *exceptions) SnoozeException(ctx context.Context, req *orderledgerv1.SnoozeExceptionRequest) (*orderledgerv1.SnoozeExceptionResponse, error) {
	w, err := a.snooze(req)
	if err != nil {
		return nil, err
	}
	done, x, err := a.s.act(ctx, req, w)
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.SnoozeExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// maxSnooze keeps an exception from being silenced for ever.
const maxSnooze = 366 * 24 * time.Hour

// snooze reads until when a snooze lasts. The comment says it as it was asked,
// so that a repetition of "for two hours" is the same action.
func (a *exceptions) snooze(req *orderledgerv1.SnoozeExceptionRequest) (*wanted, error) {
	w := &wanted{kind: ledger.ActionSnooze, comment: req.GetComment()}
	now := a.s.opt.Now()
	var until time.Time
	switch end := req.GetEnd().(type) {
	case *orderledgerv1.SnoozeExceptionRequest_SnoozeUntil:
		if !end.SnoozeUntil.IsValid() {
			return nil, invalid("snooze_until", "is no instant")
		}
		until = end.SnoozeUntil.AsTime()
		w.about = "until " + until.UTC().Format("2006-01-02 15:04:05") + " UTC"
	case *orderledgerv1.SnoozeExceptionRequest_SnoozeFor:
		if end.SnoozeFor.CheckValid() != nil || end.SnoozeFor.AsDuration() <= 0 {
			return nil, invalid("snooze_for", "want more than nothing, such as 7200s")
		}
		until = now.Add(end.SnoozeFor.AsDuration())
		w.about = "for " + end.SnoozeFor.AsDuration().String()
	case *orderledgerv1.SnoozeExceptionRequest_Wake:
		w.about = "no longer"
		return w, nil
	default:
		return nil, invalid("snooze_until", "is missing: give it, or snooze_for")
	}
	if until.Sub(now) > maxSnooze {
		return nil, invalid("snooze_until", "lies more than a year ahead: resolve the exception, or change the rule")
	}
	w.until = ledger.At(until)
	return w, nil
}

// CommentException implements ExceptionServiceServer.
func (a *exceptions) CommentException(ctx context.Context, req *orderledgerv1.CommentExceptionRequest) (*orderledgerv1.CommentExceptionResponse, error) {
	if err := needs("comment", req.GetComment()); err != nil {
		return nil, err
	}
	done, x, err := a.s.act(ctx, req, &wanted{kind: ledger.ActionComment, comment: req.GetComment()})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.CommentExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// ResolveException implements ExceptionServiceServer.
func (a *exceptions) ResolveException(ctx context.Context, req *orderledgerv1.ResolveExceptionRequest) (*orderledgerv1.ResolveExceptionResponse, error) {
	if err := needs("reason", req.GetReason()); err != nil {
		return nil, err
	}
	done, x, err := a.s.act(ctx, req, &wanted{kind: ledger.ActionResolve, comment: req.GetReason(), about: resolvedAs})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.ResolveExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// MarkFalsePositive implements ExceptionServiceServer.
func (a *exceptions) MarkFalsePositive(ctx context.Context, req *orderledgerv1.MarkFalsePositiveRequest) (*orderledgerv1.MarkFalsePositiveResponse, error) {
	if err := needs("reason", req.GetReason()); err != nil {
		return nil, err
	}
	done, x, err := a.s.act(ctx, req, &wanted{kind: ledger.ActionFalsePositive, comment: req.GetReason()})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.MarkFalsePositiveResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// needs refuses an action that does not say what others must be able to read.
func needs(field, text string) error {
	if strings.TrimSpace(text) == "" {
		return invalid(field, "is missing: say why, so that others can follow it")
	}
	return nil
}
