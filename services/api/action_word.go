package api

import (
	"context"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// actOnWord acts on every open part of a word's exception, each in the episode
// that was seen; once all are over, a remark goes to the newest of each
// partition. The parts of one request may take effect one by
// one: repeated with its request id it completes what is missing.
func (s *Server) actOnWord(ctx context.Context, act *ledger.OperatorAction, x *found) (*orderledgerv1.ActionResult, error) {
	newest := map[int32]*ledger.Exception{}
	for _, p := range x.parts {
		newest[p.partition] = p.x
	}
	w := &wordAction{act: act, x: x, seen: act.Episode}
	var missing []wordPart
	for p := range s.opt.Ledger.Partitions() {
		part := newest[p]
		if part == nil {
			continue
		}
		answer, known, err := s.answer(p, w.of(part))
		if err != nil {
			return nil, err
		}
		if known {
			w.take(p, answer)
		} else if w.concerns(part) {
			missing = append(missing, wordPart{p, part})
		}
	}
	if refused := w.refused(); refused != nil {
		return refused, nil
	}
	if w.seen != x.x.Episode {
		missing = nil // the first answer, of what was there then
	}
	for _, m := range missing {
		answer, err := s.propose(ctx, m.partition, w.of(m.x))
		if err != nil {
			return nil, err
		}
		w.take(m.partition, answer)
	}
	return w.result(), nil
}

// wordAction is an action on every part of a word's exception.
type wordAction struct {
	act  *ledger.OperatorAction
	x    *found
	seen uint32 // the episode of the whole that the caller saw
	// accepted parts, and the first refusal.
	accepted int
	last     *orderledgerv1.ActionResult
	refusal  *orderledgerv1.ActionResult
}

// of is the action on one part.
func (w *wordAction) of(part *ledger.Exception) *ledger.OperatorAction {
	out := *w.act
	out.Exception, out.Episode = part.ID, part.Episode
	return &out
}

// remark reports whether the action is one that is taken on what is over, too.
func (w *wordAction) remark() bool {
	return w.act.Kind == ledger.ActionComment || w.act.Kind == ledger.ActionFalsePositive
}

// concerns reports whether the action is to be taken on a part.
func (w *wordAction) concerns(part *ledger.Exception) bool {
	switch {
	case !part.Open:
		return w.remark() && !w.x.x.Open
	case w.act.Kind == ledger.ActionAcknowledge:
		return part.Ack.At == 0
	default:
		return true
	}
}

func (w *wordAction) take(partition int32, a ledger.Answer) {
	r := result(a, &found{shown: w.x.shown, partition: partition, at: place{topicEvents, partition}})
	if !a.Accepted {
		if w.refusal == nil {
			w.refusal = r
		}
		return
	}
	w.accepted++
	w.last = r
}

// refused says why nothing is proposed; nil if the parts decide. Nothing stands
// in the log then, and so no position in the answer.
func (w *wordAction) refused() *orderledgerv1.ActionResult {
	var reason string
	switch {
	case w.last != nil || w.refusal != nil:
		return nil
	case w.seen != w.x.x.Episode:
		reason = ledger.RefusedEpisode
	case !w.x.x.Open && !w.remark():
		reason = ledger.RefusedResolved
	case w.act.Kind == ledger.ActionAcknowledge && w.x.x.Ack.At != 0:
		reason = ledger.RefusedAcknowledged
	default:
		return nil
	}
	out := result(ledger.Answer{Reason: reason}, w.x)
	out.Position = nil
	return out
}

func (w *wordAction) result() *orderledgerv1.ActionResult {
	if w.accepted == 0 {
		return w.refusal
	}
	w.last.Detail = fmt.Sprintf("Recorded in each of the %d partitions that hold the word.", w.accepted)
	return w.last
}
