package api

import (
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// stateOf is the one word for where an exception stands.
func stateOf(x *ledger.Exception) orderledgerv1.ExceptionState {
	switch {
	case x.MovedTo != "":
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_MOVED
	case !x.Open && causeOf(x.Cause) == orderledgerv1.ResolveCause_RESOLVE_CAUSE_RETRACTED:
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_RETRACTED
	case !x.Open:
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED
	case x.SnoozedUntil != 0:
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_SNOOZED
	case x.Ack.At != 0:
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED
	default:
		return orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN
	}
}

func causeOf(b ledger.Because) orderledgerv1.ResolveCause {
	switch b {
	case ledger.BecauseUnless:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_RELEASED
	case ledger.BecauseRearranged, ledger.BecauseWithdrawn, ledger.BecauseClock:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_RETRACTED
	case ledger.BecausePolicy:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_POLICY
	case ledger.BecauseRegrouped:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_MOVED
	case ledger.BecauseOperator:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_OPERATOR
	default:
		return orderledgerv1.ResolveCause_RESOLVE_CAUSE_HEALED
	}
}

func subjectOf(s *ledger.Subject) *orderledgerv1.Subject {
	switch s.Kind {
	case ledger.SubjectOrder, ledger.SubjectMerged:
		return &orderledgerv1.Subject{Subject: &orderledgerv1.Subject_OrderKey{OrderKey: string(s.Order)}}
	case ledger.SubjectFeed:
		return &orderledgerv1.Subject{Subject: &orderledgerv1.Subject_Feed{Feed: feedRef(s.Feed)}}
	case ledger.SubjectAlias:
		kind, value, _ := strings.Cut(s.Alias, ":")
		return &orderledgerv1.Subject{Subject: &orderledgerv1.Subject_Alias{Alias: &orderledgerv1.Alias{Type: kind, Value: value, Source: string(s.Source)}}}
	case ledger.SubjectWord:
		return &orderledgerv1.Subject{Subject: &orderledgerv1.Subject_Word{Word: &orderledgerv1.WordSubject{Source: string(s.Source), Axis: axisOf(s.Axis), Word: s.Native}}}
	}
	return nil
}

func feedRef(k ledger.FeedKey) *orderledgerv1.FeedRef {
	return &orderledgerv1.FeedRef{Source: string(k.Source), Feed: k.Feed}
}

// exceptionOf converts an exception, without its history.
func exceptionOf(x *ledger.Exception) *orderledgerv1.Exception {
	out := &orderledgerv1.Exception{
		Name: "exceptions/" + x.ID.String(), Id: x.ID.String(), Rule: x.Rule, Type: x.Name, Step: uint32(x.Step),
		Severity: severityOf(x.Severity), Subject: subjectOf(&x.Subject), OrderKey: string(x.Subject.Order), Hop: x.Hop, Owner: x.Owner,
		Since: interval(x.Since), OpenTime: stamp(x.OpenedAt), Announced: x.Announced, Historic: x.Historic, Episode: x.Episode,
		Basis: basisOf(x.Basis), Impact: x.Impact, Remedy: x.Remedy, Runbook: x.Runbook, State: stateOf(x), Assignee: x.Assignee,
		SnoozeUntil: stamp(x.SnoozedUntil), FalsePositive: x.FalsePositive, MovedTo: string(x.MovedTo),
	}
	out.MoneyAtRisk = addMoney(nil, x.AtRisk)
	for i := range x.Evidence {
		e := &x.Evidence[i]
		ev := &orderledgerv1.Evidence{Text: e.Text, Source: string(e.Source), Feed: e.Feed, OccurredAt: stamp(e.At)}
		if e.Event != (ledger.EventID{}) {
			ev.EventId = e.Event.String()
		}
		out.Evidence = append(out.Evidence, ev)
	}
	if x.Ack.At != 0 {
		out.Acknowledgement = &orderledgerv1.Acknowledgement{Actor: x.Ack.Actor, Comment: x.Ack.Comment, AcknowledgeTime: stamp(x.Ack.At), Episode: x.Episode}
	}
	if !x.Open {
		out.ResolveTime, out.ResolveCause, out.ResolveReason = stamp(x.ResolvedAt), causeOf(x.Cause), timeline.CauseText(x.Cause)
		if who := resolver(x, x.ResolvedAt); who.Comment != "" && x.Cause == ledger.BecauseOperator {
			out.ResolveReason = who.Comment
		}
	}
	return out
}

var factTransitions = map[ledger.FactKind]orderledgerv1.TransitionKind{
	ledger.FactExceptionOpened:   orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED,
	ledger.FactExceptionStepped:  orderledgerv1.TransitionKind_TRANSITION_KIND_STEPPED,
	ledger.FactExceptionResolved: orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED,
	ledger.FactExceptionReopened: orderledgerv1.TransitionKind_TRANSITION_KIND_REOPENED,
	ledger.FactSnoozeEnded:       orderledgerv1.TransitionKind_TRANSITION_KIND_WOKEN,
}

var actionTransitions = map[string]orderledgerv1.TransitionKind{
	ledger.ActionAcknowledge.String():   orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED,
	ledger.ActionAssign.String():        orderledgerv1.TransitionKind_TRANSITION_KIND_ASSIGNED,
	ledger.ActionSnooze.String():        orderledgerv1.TransitionKind_TRANSITION_KIND_SNOOZED,
	ledger.ActionComment.String():       orderledgerv1.TransitionKind_TRANSITION_KIND_COMMENTED,
	ledger.ActionFalsePositive.String(): orderledgerv1.TransitionKind_TRANSITION_KIND_MARKED_FALSE_POSITIVE,
	ledger.ActionResolve.String():       orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED,
}

// transitionOf converts a fact about an exception; nil if it is about none, or
// changed nothing (a refused action).
func transitionOf(f *ledger.Fact, at place) *orderledgerv1.ExceptionTransition {
	kind, ok := factTransitions[f.Kind]
	if f.Kind == ledger.FactAction {
		kind, ok = actionTransitions[f.Name], true
	}
	if !ok || f.Exception == (ledger.ExceptionID{}) {
		return nil
	}
	t := &orderledgerv1.ExceptionTransition{
		Kind: kind, EvaluatedAt: stamp(f.At), Episode: f.Episode, Step: uint32(f.Step), Actor: f.Actor,
		Text: f.Text, Position: position(at.topic, at.partition, f.Offset),
	}
	switch kind {
	case orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED:
		t.State = orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED
		if causeOf(f.Because) == orderledgerv1.ResolveCause_RESOLVE_CAUSE_RETRACTED {
			t.State = orderledgerv1.ExceptionState_EXCEPTION_STATE_RETRACTED
		}
		if t.Text == "" {
			t.Text = timeline.CauseText(f.Because)
		}
	case orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED:
		t.State = orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED
	case orderledgerv1.TransitionKind_TRANSITION_KIND_SNOOZED:
		t.State = orderledgerv1.ExceptionState_EXCEPTION_STATE_SNOOZED
	default:
		t.State = orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN
	}
	return t
}
