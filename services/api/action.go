package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// wanted is an action as a request asks for it. The record's comment begins
// with about: who was assigned and how long was silenced stands in no other
// fact, and so in the story.
type wanted struct {
	kind     ledger.ActionKind
	comment  string
	about    string
	assignee string
	until    ledger.Instant
}

// text is the comment of the action's record.
func (w *wanted) text() string {
	switch {
	case w.about == "":
		return w.comment
	case w.comment == "":
		return w.about
	default:
		return w.about + " (" + w.comment + ")"
	}
}

// actionRequest is what the requests of all actions carry.
type actionRequest interface {
	GetId() string
	GetEpisode() uint32
	GetActor() string
	GetRequestId() string
}

// act carries out an action and returns what became of it and the exception
// after it.
func (s *Server) act(ctx context.Context, req actionRequest, w *wanted) (*orderledgerv1.ActionResult, *found, error) {
	id, err := exceptionID(req.GetId())
	if err != nil {
		return nil, nil, err
	}
	if req.GetEpisode() == 0 {
		return nil, nil, invalid("episode", "is missing: give the episode that you saw")
	}
	if err := checkAction(req.GetActor(), w.comment, req.GetRequestId()); err != nil {
		return nil, nil, err
	}
	x, err := s.exception(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	act := &ledger.OperatorAction{
		RequestID: req.GetRequestId(), Kind: w.kind, Exception: id, Episode: req.GetEpisode(), Assignee: w.assignee, SnoozeUntil: w.until,
		Actor: actor(ctx, req.GetActor()), Comment: w.text(), ProposedAt: ledger.At(s.opt.Now()),
	}
	if act.RequestID == "" {
		act.RequestID = uuid.NewString()
	}
	done, err := s.perform(ctx, act, x)
	if err != nil {
		return nil, nil, err
	}
	x, err = s.exception(ctx, id)
	return done, x, err
}

// perform proposes the action unless it was answered before, and says what
// became of it.
func (s *Server) perform(ctx context.Context, act *ledger.OperatorAction, x *found) (*orderledgerv1.ActionResult, error) {
	if x.parts != nil {
		return s.actOnWord(ctx, act, x)
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
	if a.Reason == ledger.RefusedMoved { // it left no trace in the member's story
		return true, nil
	}
	if !x.Subject.OfOrder() {
		if act.Kind == ledger.ActionAcknowledge {
			return !a.Accepted || x.Ack.Actor == act.Actor && x.Ack.Comment == act.Comment, nil
		}
		return !a.Accepted || recalls(x, act), nil
	}
	told, err := r.Told(&x.Subject)
	if err != nil {
		return false, err
	}
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Offset != a.Offset || f.Exception != act.Exception {
			continue
		}
		if f.Kind == ledger.FactExceptionResolved { // it names nobody: the comment does
			return act.Kind == ledger.ActionResolve && recalls(x, act), nil
		}
		if f.Name == act.Kind.String() && f.Actor == act.Actor {
			return !a.Accepted || f.Text == act.Comment, nil
		}
	}
	return false, nil
}

// recalls reports whether an exception remembers the comment of an action.
func recalls(x *ledger.Exception, act *ledger.OperatorAction) bool {
	return slices.ContainsFunc(x.Comments, func(c ledger.Acknowledgement) bool { return c.Actor == act.Actor && c.Comment == act.Comment })
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
	ledger.RefusedPast:         orderledgerv1.RefusalReason_REFUSAL_REASON_SNOOZE_IN_THE_PAST,
	ledger.RefusedMoved:        orderledgerv1.RefusalReason_REFUSAL_REASON_MOVED,
	ledger.RefusedInvalid:      orderledgerv1.RefusalReason_REFUSAL_REASON_INVALID_ACTION,
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
		out.Detail = "The exception is no longer open; there is nothing left to do but to comment."
	case ledger.RefusedAcknowledged:
		out.Detail = "Acknowledged before by " + x.x.Ack.Actor + "."
	case ledger.RefusedPast:
		out.Detail = "The snooze would end before the ledger's clock: name a later end."
	case ledger.RefusedMoved:
		out.Detail = "The order is merged into " + string(x.x.MovedTo) + ": act on the exception there."
	default:
		out.Detail = "Refused: " + a.Reason + "."
	}
	return out
}
