package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// shown is an exception as answers show it. One about a word is met in many
// partitions, of which each keeps its own; answers join them (S-30).
type shown struct {
	x *ledger.Exception
	// parts are those of a word, by partition and then age; nil for others.
	parts []wordPart
}

// wordPart is one partition's exception about a word.
type wordPart struct {
	partition int32
	x         *ledger.Exception
}

// message converts the exception, without its history.
func (s *shown) message() *orderledgerv1.Exception {
	out := exceptionOf(s.x)
	for _, p := range s.parts {
		one := exceptionOf(p.x)
		out.Parts = append(out.Parts, &orderledgerv1.ExceptionPart{
			Partition: p.partition, Id: one.Id, State: one.State, Episode: one.Episode,
			Since: one.Since, OpenTime: one.OpenTime, ResolveTime: one.ResolveTime, Documents: int64(p.x.Count), Acknowledgement: one.Acknowledgement,
			Evidence: one.Evidence,
		})
	}
	return out
}

// wordID is the id under which answers show the exception of a word: a function
// of the word alone, so that it stays when the word turns up in more partitions.
func wordID(k wordKey) ledger.ExceptionID {
	sum := sha256.Sum256(fmt.Appendf(nil, "orderledger word\x00%s\x00%d\x00%s", k.source, k.axis, k.native))
	return ledger.ExceptionID(sum[:16])
}

func wordOf(s *ledger.Subject) wordKey { return wordKey{s.Source, s.Axis, s.Native} }

// words joins the exceptions about words over all partitions, sorted by id; only
// those that select picks.
func (s *Server) words(ctx context.Context, pick func(wordKey) bool) ([]*shown, []*orderledgerv1.Freshness, error) {
	found := map[wordKey][]wordPart{}
	fresh, err := s.each(ctx, func(r *ledger.Reader, f engine.Freshness) error {
		return r.Words(func(x *ledger.Exception) bool {
			if k := wordOf(&x.Subject); pick(k) {
				found[k] = append(found[k], wordPart{f.Partition, x})
			}
			return ctx.Err() == nil
		})
	})
	if err != nil {
		return nil, nil, err
	}
	var out []*shown
	for k, parts := range found { //lint:a map is sorted below
		out = append(out, &shown{x: join(k, parts), parts: parts})
	}
	slices.SortFunc(out, func(a, b *shown) int { return slices.Compare(a.x.ID[:], b.x.ID[:]) })
	return out, fresh, nil
}

func everyWord(wordKey) bool { return true }

// join makes one exception of a word's parts. It is open while any part is; its
// episode is the sum of theirs, so that it grows whenever one opens.
func join(k wordKey, parts []wordPart) *ledger.Exception {
	speaks := func(p wordPart) bool { return p.x.Open }
	if !slices.ContainsFunc(parts, speaks) {
		speaks = func(wordPart) bool { return true }
	}
	out := &ledger.Exception{}
	first := true
	for _, p := range parts {
		if !speaks(p) {
			continue
		}
		if first {
			*out = *p.x
			out.Subject, out.Evidence, out.Comments, out.Count = ledger.Subject{Kind: ledger.SubjectWord, Source: k.source, Axis: k.axis, Native: k.native}, nil, nil, 0
			first = false
		}
		joinStanding(out, p.x)
	}
	out.ID, out.Episode = wordID(k), 0
	for _, p := range parts {
		out.Episode += p.x.Episode
		out.OpenedAt = min(out.OpenedAt, p.x.OpenedAt)
		out.Announced = out.Announced || p.x.Announced
	}
	return out
}

// joinStanding lets a part speak for where the whole stands.
func joinStanding(out, x *ledger.Exception) {
	out.Severity = max(out.Severity, x.Severity)
	if x.Since.Latest != 0 && (out.Since.Latest == 0 || x.Since.Latest < out.Since.Latest) {
		out.Since = x.Since
	}
	if x.ResolvedAt > out.ResolvedAt {
		out.ResolvedAt, out.Cause = x.ResolvedAt, x.Cause
	}
	out.SteppedAt = max(out.SteppedAt, x.SteppedAt)
	out.Historic = out.Historic && x.Historic
	out.Evidence = append(out.Evidence, x.Evidence...)
	out.Count += x.Count
	// Nobody knows of it, works on it or silenced it until that holds of every part.
	if x.Ack.At == 0 || out.Ack.At != 0 && x.Ack.At > out.Ack.At {
		out.Ack = x.Ack
	}
	if x.Assignee != out.Assignee {
		out.Assignee = ""
	}
	out.SnoozedUntil = min(out.SnoozedUntil, x.SnoozedUntil)
	out.FalsePositive = out.FalsePositive && x.FalsePositive
	for _, c := range x.Comments { // what was said to every part is said once, when the last heard it
		i := slices.IndexFunc(out.Comments, func(o ledger.Acknowledgement) bool { return o.Actor == c.Actor && o.Comment == c.Comment })
		if i < 0 {
			out.Comments = append(out.Comments, c)
		} else {
			out.Comments[i].At = max(out.Comments[i].At, c.At)
		}
	}
}

// foundWord is the exception of a word, with the lives of its parts told as one.
func (s *Server) foundWord(ctx context.Context, pick func(wordKey) bool) (*found, error) {
	list, fresh, err := s.words(ctx, pick)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := &found{shown: *list[0], partition: list[0].parts[0].partition, at: place{topicEvents, list[0].parts[0].partition}, fresh: fresh}
	for _, p := range out.parts {
		life, err := history(nil, p.x, place{topicEvents, p.partition})
		if err != nil {
			return nil, err
		}
		for _, t := range life { // what was said to every part is said once
			if t.Kind != orderledgerv1.TransitionKind_TRANSITION_KIND_COMMENTED || !slices.ContainsFunc(out.history, func(o *orderledgerv1.ExceptionTransition) bool {
				return o.Kind == t.Kind && o.Actor == t.Actor && o.Text == t.Text
			}) {
				out.history = append(out.history, t)
			}
		}
	}
	slices.SortStableFunc(out.history, func(a, b *orderledgerv1.ExceptionTransition) int {
		return cmp.Compare(a.GetEvaluatedAt().AsTime().UnixNano(), b.GetEvaluatedAt().AsTime().UnixNano())
	})
	tellAsOne(out.history)
	return out, nil
}

// tellAsOne says of each step of a part what it meant for the whole: the first
// part opens it, the last one resolves it, the others update it.
func tellAsOne(life []*orderledgerv1.ExceptionTransition) {
	open := 0
	for i, t := range life {
		switch t.Kind {
		case orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED:
			if open++; open > 1 {
				t.Kind = orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED
			} else if i > 0 {
				t.Kind = orderledgerv1.TransitionKind_TRANSITION_KIND_REOPENED
			}
		case orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED:
			if open--; open > 0 {
				t.Kind, t.State = orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED, orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN
			}
		}
	}
}
