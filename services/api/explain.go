package api

import (
	"context"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// ExplainOrder implements OrderServiceServer.
func (a *orders) ExplainOrder(_ context.Context, req *orderledgerv1.ExplainOrderRequest) (*orderledgerv1.ExplainOrderResponse, error) {
	k, err := orderKey(req.GetOrder())
	if err != nil {
		return nil, err
	}
	k = a.s.root(k)
	var why ledger.Explanation
	var o *known
	var fresh *orderledgerv1.Freshness
	err = a.s.opt.Ledger.Read(a.s.opt.Ledger.PartitionOf(k), func(r *ledger.Reader, f engine.Freshness) (err error) {
		fresh = a.s.freshness(f)
		if o, err = load(r, k, a.s.opt.Links); err != nil || o == nil {
			return err
		}
		why, _, err = r.Explain(k)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, orderNotFound(k)
	}
	if err := narrow(&why, req.GetRule(), ledger.Axis(req.GetAxis())); err != nil {
		return nil, err
	}
	x := explaining{o, fresh.GetPartition()}
	return &orderledgerv1.ExplainOrderResponse{Explanation: x.explanation(&why), Freshness: []*orderledgerv1.Freshness{fresh}}, nil
}

// narrow keeps one rule and the cells it reads, or one axis and the rules that
// read it.
func narrow(x *ledger.Explanation, rule string, axis ledger.Axis) error {
	if axis != 0 && !axis.Valid() {
		return invalid("axis", "%d is no axis", axis)
	}
	if rule != "" {
		var names []string
		for i := range x.Rules {
			names = append(names, x.Rules[i].Rule.Name)
		}
		if !slices.Contains(names, rule) {
			return invalid("rule", "no rule %q is in force; there are %s", rule, strings.Join(slices.Compact(names), ", "))
		}
	}
	x.Rules = slices.DeleteFunc(x.Rules, func(r ledger.RuleWhy) bool {
		return rule != "" && r.Rule.Name != rule || axis != 0 && !slices.ContainsFunc(readBy(&r), func(c ledger.CellRead) bool { return c.Cell.Axis == axis })
	})
	x.Cells = slices.DeleteFunc(x.Cells, func(c ledger.CellWhy) bool {
		read := slices.ContainsFunc(x.Rules, func(r ledger.RuleWhy) bool {
			return slices.ContainsFunc(readBy(&r), func(y ledger.CellRead) bool { return y.Source == c.Source && y.Cell.Axis == c.Axis })
		})
		return axis != 0 && c.Axis != axis || rule != "" && !read
	})
	return nil
}

// readBy lists the cells that a rule reads.
func readBy(r *ledger.RuleWhy) []ledger.CellRead {
	out := slices.Concat(r.Open.Cells, r.Close.Cells)
	if r.Unless != nil {
		out = append(out, r.Unless.Cells...)
	}
	return out
}

// explaining turns an explanation into its message.
type explaining struct {
	o         *known
	partition int32
}

func (x *explaining) explanation(why *ledger.Explanation) *orderledgerv1.OrderExplanation {
	out := &orderledgerv1.OrderExplanation{OrderKey: string(why.Order), Clock: stamp(why.Clock), PolicyVersion: why.Policy, Created: stamp(why.Created)}
	for _, k := range why.Members {
		out.Members = append(out.Members, string(k))
	}
	for i := range why.Cells {
		out.Cells = append(out.Cells, x.cell(&why.Cells[i]))
	}
	for i := range why.Rules {
		out.Rules = append(out.Rules, x.rule(&why.Rules[i]))
	}
	return out
}

func (x *explaining) cell(c *ledger.CellWhy) *orderledgerv1.CellExplanation {
	out := &orderledgerv1.CellExplanation{
		Cell: &orderledgerv1.Cell{Role: x.o.roleOf(c.Source), Source: string(c.Source), Axis: axisOf(c.Axis), State: c.Axis.StateName(c.State),
			Since: interval(c.Since), Certainty: certainty(c.State)},
		RollUp: orderledgerv1.RollUp(c.How) + 1, ObjectTypes: c.Objects, More: int32(min(c.More, 1<<30)),
	}
	for i := range c.Registers {
		r := &c.Registers[i]
		m := &orderledgerv1.RegisterExplanation{
			Object: &orderledgerv1.ObjectRef{Type: r.Object.Type, Id: r.Object.ID}, Counts: r.Counts, State: c.Axis.StateName(r.State), More: int32(min(r.More, 1<<30)),
		}
		if r.Decides != nil {
			m.Decides, m.Link = x.claim(r.Decides), linkOf(x.o.links, x.o.events[r.Decides.Event], r.Object, x.o.key)
			if w := r.Decides.Native; !slices.Contains(out.Cell.NativeWords, w) {
				out.Cell.NativeWords = append(out.Cell.NativeWords, w)
			}
		}
		for k := range r.Others {
			m.Others = append(m.Others, x.claim(&r.Others[k]))
		}
		out.Registers = append(out.Registers, m)
	}
	for i := range c.Feeds {
		out.Feeds = append(out.Feeds, feedProof(&c.Feeds[i]))
	}
	return out
}

func (x *explaining) rule(r *ledger.RuleWhy) *orderledgerv1.RuleExplanation {
	out := &orderledgerv1.RuleExplanation{
		Rule: r.Rule.Name, PolicyVersion: r.Version, Drift: r.Drift, Because: ruleText(r), Opens: predicateOf(r.Open), Closes: predicateOf(r.Close),
		Releases: predicateOf(r.Unless), ReleasesByDefault: r.Unless != nil && r.Rule.Unless == nil, Skew: span(r.Sigma), Grace: span(r.Rule.Grace),
		Unprovable: r.Missing, Earlier: int32(min(r.Earlier, 1<<30)),
	}
	for _, k := range r.Depends {
		out.DependsOn = append(out.DependsOn, feedRef(k))
	}
	for i := range r.Episodes {
		out.Episodes = append(out.Episodes, x.episode(&r.Episodes[i]))
	}
	return out
}

func (x *explaining) episode(e *ledger.EpisodeWhy) *orderledgerv1.EpisodeExplanation {
	out := &orderledgerv1.EpisodeExplanation{Episode: e.N + 1, Opened: interval(e.Anchor), OpenedBy: eventText(e.By), TurnedFalse: stamp(e.RunEnd)}
	if e.Ended {
		out.Closed, out.ClosedBy = interval(e.Until), eventText(e.UntilBy)
	}
	if e.Voided {
		out.Released = interval(e.VoidedAt)
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		out.Steps = append(out.Steps, &orderledgerv1.StepExplanation{
			Verdict: x.o.verdict(&s.VerdictView), Exception: s.Name, Within: span(s.After), InTimeBefore: stamp(s.Early), LateFrom: stamp(s.Late),
			Due: stamp(s.Due), Proof: proofOf(s.Proof), Historic: s.Historic,
		})
	}
	return out
}
