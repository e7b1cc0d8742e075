package api

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// actor is how an action is signed: the name given, and in any case the
// authenticated one.
func actor(ctx context.Context, given string) string {
	who := caller(ctx).Name
	switch given {
	case "", who:
		return who
	default:
		return given + " (as " + who + ")"
	}
}

// checkAction checks what all actions carry.
func checkAction(given, comment, requestID string) error {
	switch {
	case len(given) > maxActor || !utf8.ValidString(given):
		return invalid("actor", "at most %d bytes of UTF-8", maxActor)
	case len(comment) > maxComment:
		return invalid("comment", "%d bytes: at most %d", len(comment), maxComment)
	}
	if requestID != "" {
		if _, err := uuid.Parse(requestID); err != nil || len(requestID) != 36 {
			return invalid("request_id", "%q: want a UUID, such as %s", requestID, uuid.Nil)
		}
	}
	return nil
}

// AcknowledgeException implements ExceptionServiceServer.
func (a *exceptions) AcknowledgeException(ctx context.Context, req *orderledgerv1.AcknowledgeExceptionRequest) (*orderledgerv1.AcknowledgeExceptionResponse, error) {
	id, err := exceptionID(req.GetId())
	if err != nil {
		return nil, err
	}
	if req.GetEpisode() == 0 {
		return nil, invalid("episode", "is missing: give the episode that you saw")
	}
	if err := checkAction(req.GetActor(), req.GetComment(), req.GetRequestId()); err != nil {
		return nil, err
	}
	x, err := a.s.exception(ctx, id)
	if err != nil {
		return nil, err
	}
	act := &ledger.OperatorAction{
		RequestID: req.GetRequestId(), Kind: ledger.ActionAcknowledge, Exception: id, Episode: req.GetEpisode(),
		Actor: actor(ctx, req.GetActor()), Comment: req.GetComment(), ProposedAt: ledger.At(a.s.opt.Now()),
	}
	if act.RequestID == "" {
		act.RequestID = uuid.NewString()
	}
	done, err := a.s.acknowledge(ctx, act, x)
	if err != nil {
		return nil, err
	}
	if x, err = a.s.exception(ctx, id); err != nil {
		return nil, err
	}
	return &orderledgerv1.AcknowledgeExceptionResponse{Result: done, Exception: x.message(), Freshness: x.fresh}, nil
}

// acknowledge proposes the action unless it was answered before, and says what
// became of it.
func (s *Server) acknowledge(ctx context.Context, act *ledger.OperatorAction, x *found) (*orderledgerv1.ActionResult, error) {
	if x.parts != nil {
		return s.acknowledgeWord(ctx, act, x)
	}
	answer, known, err := s.answer(x.partition, act)
	if err == nil && !known {
		answer, err = s.propose(ctx, x.partition, act)
	}
	if err != nil {
		return nil, err
	}
	if answer.Accepted || answer.Reason != ledger.RefusedEpisode && answer.Reason != ledger.RefusedAcknowledged {
		return result(answer, x), nil
	}
	if x, err = s.exception(ctx, x.x.ID); err != nil { // the refusal tells of the exception as it is now
		return nil, err
	}
	return result(answer, x), nil
}

// answer is what the fold made of a request id before, if anything. It refuses
// an id that was used for another action.
func (s *Server) answer(partition int32, act *ledger.OperatorAction) (ledger.Answer, bool, error) {
	var out ledger.Answer
	var known bool
	err := s.opt.Ledger.Read(partition, func(r *ledger.Reader, _ engine.Freshness) (err error) {
		if out, known, err = r.Answer(act.RequestID); err != nil || !known {
			return err
		}
		same, err := sameAction(r, act, out)
		if err == nil && !same {
			err = fail(RequestIDReused, "request_id was used before for another action: choose a new one", "request_id", act.RequestID)
		}
		return err
	})
	return out, known, err
}

// sameAction compares an action with the one that was answered under its id,
// as far as the ledger remembers that one.
func sameAction(r *ledger.Reader, act *ledger.OperatorAction, a ledger.Answer) (bool, error) {
	x, err := r.Exception(act.Exception)
	if err != nil || x == nil {
		return false, err
	}
	if x.Subject.Kind != ledger.SubjectOrder {
		return !a.Accepted || x.Ack.Actor == act.Actor && x.Ack.Comment == act.Comment, nil
	}
	told, err := r.Timeline(x.Subject.Order)
	if err != nil {
		return false, err
	}
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Offset != a.Offset || f.Exception != act.Exception || f.Name != act.Kind.String() || f.Actor != act.Actor {
			continue
		}
		return !a.Accepted || f.Text == act.Comment, nil
	}
	return false, nil
}

// propose appends an action and waits until the fold has answered it.
func (s *Server) propose(ctx context.Context, partition int32, act *ledger.OperatorAction) (ledger.Answer, error) {
	unknown := func(err error) error {
		return &Error{
			Reason: OutcomeUnknown, Message: "it is not known in time what became of the action: repeat it with the same request_id",
			Metadata: map[string]string{"request_id": act.RequestID}, err: err,
		}
	}
	pos, err := s.opt.Ledger.Propose(ctx, partition, act)
	switch {
	case errors.Is(err, kafkalog.ErrUndecided), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ledger.Answer{}, unknown(err)
	case err != nil:
		return ledger.Answer{}, fmt.Errorf("propose: %w", err)
	}
	if err := s.opt.Ledger.WaitFor(ctx, partition, pos.Offset+1); err != nil {
		return ledger.Answer{}, unknown(err)
	}
	answer, known, err := s.answer(partition, act)
	if err == nil && !known {
		err = unknown(nil)
	}
	return answer, err
}

var refusals = map[string]orderledgerv1.RefusalReason{
	ledger.RefusedUnknown:      orderledgerv1.RefusalReason_REFUSAL_REASON_NOT_FOUND,
	ledger.RefusedEpisode:      orderledgerv1.RefusalReason_REFUSAL_REASON_EPISODE_MISMATCH,
	ledger.RefusedResolved:     orderledgerv1.RefusalReason_REFUSAL_REASON_NOT_OPEN,
	ledger.RefusedAcknowledged: orderledgerv1.RefusalReason_REFUSAL_REASON_ALREADY_ACKNOWLEDGED,
}

// result says what became of an action, and what to do when it was refused.
func result(a ledger.Answer, x *found) *orderledgerv1.ActionResult {
	out := &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_ACCEPTED, Position: position(x.at.topic, x.at.partition, a.Offset)}
	if a.Accepted {
		out.Detail = "Recorded."
		return out
	}
	out.Outcome, out.RefusalReason = orderledgerv1.Outcome_OUTCOME_REFUSED, refusals[a.Reason]
	switch a.Reason {
	case ledger.RefusedEpisode:
		out.Detail = fmt.Sprintf("The exception is in episode %d now: look at it again, then act on that episode.", x.x.Episode)
	case ledger.RefusedResolved:
		out.Detail = "The exception is no longer open; there is nothing to acknowledge."
	case ledger.RefusedAcknowledged:
		out.Detail = "Acknowledged before by " + x.x.Ack.Actor + "."
	default:
		out.Detail = "Refused: " + a.Reason + "."
	}
	return out
}
