package api

import (
	"fmt"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/policy"
)

func eventText(id ledger.EventID) string {
	if id == (ledger.EventID{}) {
		return ""
	}
	return id.String()
}

// claim converts one claim; the numbers of the contract's standings are the
// ledger's, moved by one.
func (x *explaining) claim(c *ledger.ClaimWhy) *orderledgerv1.ClaimExplanation {
	out := &orderledgerv1.ClaimExplanation{
		EventId: c.Event.String(), Feed: c.Feed, NativeWord: c.Native, Version: timeline.Version(c.Version), Began: interval(c.Within),
		ReceivedAt: stamp(c.Received), AskedAt: stamp(c.Asked), Standing: orderledgerv1.ClaimStanding(c.Lost) + 1,
		Position: position(topicEvents, x.partition, c.Offset),
	}
	if c.Mapped {
		out.Mapping = &orderledgerv1.MatrixMapping{System: c.Row.System, Axis: axisOf(c.Row.Axis), NativeWord: c.Row.Native,
			State: c.Row.Axis.StateName(c.Row.State), Target: c.Row.Target}
	}
	for _, a := range c.By {
		out.JoinedBy = append(out.JoinedBy, aliasOf(a))
	}
	return out
}

func truthOf(t ledger.Truth) orderledgerv1.Truth { return orderledgerv1.Truth(t) + 1 }

func predicateOf(p *ledger.PredicateWhy) *orderledgerv1.PredicateExplanation {
	if p == nil {
		return nil
	}
	out := &orderledgerv1.PredicateExplanation{Expression: policy.Expression(p.Predicate), Truth: truthOf(p.Truth), Ever: p.Ever}
	for _, l := range p.Leaves {
		out.Comparisons = append(out.Comparisons, &orderledgerv1.ComparisonExplanation{Expression: policy.Expression(l.Predicate), Truth: truthOf(l.Truth), Ever: l.Ever})
	}
	for _, c := range p.Cells {
		m := &orderledgerv1.CellReading{Role: c.Cell.Role.String(), Axis: axisOf(c.Cell.Axis), Source: string(c.Source),
			State: c.Cell.Axis.StateName(c.State), EventId: eventText(c.By)}
		if c.State != ledger.Absent {
			m.Since = interval(c.Since)
		}
		out.Cells = append(out.Cells, m)
	}
	for _, s := range p.Sums {
		m := &orderledgerv1.SumReading{Role: s.Amount.Role.String(), Kind: orderledgerv1.AmountKind(s.Amount.Kind), Source: string(s.Source)}
		if s.OK {
			m.Money = moneyOf(s.Money)
		}
		out.Sums = append(out.Sums, m)
	}
	return out
}

func proofOf(p *ledger.ProofWhy) *orderledgerv1.ProofExplanation {
	if p == nil {
		return nil
	}
	out := &orderledgerv1.ProofExplanation{From: stamp(p.Over.From), Until: stamp(p.Over.Until), HeldUntil: stamp(p.HeldUntil), HiddenSince: stamp(p.Hidden)}
	for _, id := range p.Held {
		out.HeldEventIds = append(out.HeldEventIds, id.String())
	}
	for i := range p.Feeds {
		out.Feeds = append(out.Feeds, feedProof(&p.Feeds[i]))
	}
	return out
}

func feedProof(f *ledger.FeedHearing) *orderledgerv1.FeedProof {
	out := &orderledgerv1.FeedProof{
		Feed: feedRef(f.Feed), HeardBy: orderledgerv1.HeardBy(f.By), HeardUntil: stamp(f.Until), IntervalFrom: stamp(f.Interval.From),
		IntervalUntil: stamp(f.Interval.Until), Epoch: f.Epoch.Number, EpochOpenedBy: f.Epoch.OpenedBy, Silent: f.Silent, LastHeard: stamp(f.LastHeard),
	}
	for _, iv := range f.Withdrawn {
		out.Withdrawn = append(out.Withdrawn, &orderledgerv1.WithdrawnCoverage{From: stamp(iv.From), Until: stamp(iv.Until)})
	}
	for _, a := range f.Against {
		out.Against = append(out.Against, &orderledgerv1.Objection{Kind: orderledgerv1.ObjectionKind(a.Kind), Name: a.Name})
	}
	for _, m := range f.Members {
		out.Members = append(out.Members, &orderledgerv1.MemberProof{OrderKey: string(m.Order), Partition: m.Partition, Heard: m.Heard,
			HeardUntil: stamp(m.Until), Against: m.Against})
	}
	return out
}

// ruleText says in one sentence why a rule fired, or did not.
func ruleText(r *ledger.RuleWhy) string {
	if n := len(r.Episodes); n > 0 {
		e := &r.Episodes[n-1]
		at := 0
		for i := range e.Steps { // the gravest step that is broken tells more than the first
			if e.Steps[i].State == ledger.VerdictBreached {
				at = i
			}
		}
		return fmt.Sprintf("Opened at %s. %s", said(e.Anchor.Latest), timeline.VerdictText(&e.Steps[at].VerdictView))
	}
	return "Never opened: " + neverText(r)
}

// neverText says why a rule never opened.
func neverText(r *ledger.RuleWhy) string {
	for _, c := range r.Open.Cells {
		if c.Source == "" {
			return fmt.Sprintf("no source plays the role %s for orders of this origin.", c.Cell.Role)
		}
	}
	var never, unknown []string
	for _, l := range r.Open.Leaves {
		text := policy.Expression(l.Predicate)
		if !l.Ever {
			never = append(never, text)
		}
		if l.Truth == ledger.Unknown {
			unknown = append(unknown, text)
		}
	}
	out := ""
	switch {
	case r.Open.Ever:
		out = "what opens it belongs to another version of the policy."
	case !conjunction(r.Open.Predicate) || len(never) == 0 && len(r.Open.Leaves) < 2:
		out = policy.Expression(r.Open.Predicate) + " was never true."
	case len(never) == 0:
		out = policy.Expression(r.Open.Predicate) + " was never true as a whole, though each part was."
	default:
		out = strings.Join(never, " and ") + " was never true."
	}
	if len(unknown) > 0 {
		out += " At present " + strings.Join(unknown, " and ") + " cannot be told."
	}
	return out
}

// conjunction reports whether a predicate is true exactly if all its comparisons are.
func conjunction(p *ledger.Predicate) bool {
	all := true
	p.Walk(func(n *ledger.Predicate) { all = all && n.Op != ledger.OpOr && n.Op != ledger.OpNot })
	return all
}
