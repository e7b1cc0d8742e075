package cli

import (
	"fmt"
	"strings"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// explainRule says why a rule fired for an order, or did not.
func (a *app) explainRule(b *strings.Builder, o *orderledgerv1.Order, r *orderledgerv1.RuleExplanation) {
	if len(r.GetEpisodes()) == 0 {
		fmt.Fprintf(b, "\n%s  (policy version %d)\n  %s\n", r.GetRule(), r.GetPolicyVersion(), r.GetBecause())
		explainPredicates(b, r)
		return
	}
	if n := r.GetEarlier(); n > 0 {
		fmt.Fprintf(b, "\n%s  %d earlier openings are not shown\n", r.GetRule(), n)
	}
	for _, e := range r.GetEpisodes() {
		for _, s := range e.GetSteps() {
			a.explainStep(b, o, e, s)
		}
	}
	fmt.Fprintf(b, "  stated by policy version %d\n", r.GetPolicyVersion())
	explainPredicates(b, r)
	if r.GetUnprovable() != "" {
		fmt.Fprintf(b, "  it can never be proven: no feed gives %s\n", r.GetUnprovable())
	}
}

func explainPredicates(b *strings.Builder, r *orderledgerv1.RuleExplanation) {
	explainPredicate(b, "opens if", r.GetOpens())
	if !r.GetDrift() {
		explainPredicate(b, "closes if", r.GetCloses())
	}
	if r.GetReleases() != nil {
		explainPredicate(b, "void if", r.GetReleases())
	}
}

// explainPredicate shows a predicate, whether it holds, and what it reads.
func explainPredicate(b *strings.Builder, what string, p *orderledgerv1.PredicateExplanation) {
	fmt.Fprintf(b, "  %-9s %s: %s now\n", what, p.GetExpression(), word(p.GetTruth().String(), "TRUTH_"))
	for _, c := range p.GetCells() {
		fmt.Fprintf(b, "            %s.%s (%s) is %s", c.GetRole(), word(c.GetAxis().String(), "AXIS_"), dash(c.GetSource()), c.GetState())
		if c.GetEventId() != "" {
			fmt.Fprintf(b, " since %s, by event %s", bounds(c.GetSince()), c.GetEventId())
		}
		b.WriteByte('\n')
	}
	for _, s := range p.GetSums() {
		sum := "unknown"
		if s.GetMoney() != nil {
			sum = money([]*orderledgerv1.Money{s.GetMoney()})
		}
		fmt.Fprintf(b, "            amount(%s, %s) (%s) is %s\n", s.GetRole(), word(s.GetKind().String(), "AMOUNT_KIND_"), dash(s.GetSource()), sum)
	}
}

// explainStep shows a verdict, its instants, and what proves it.
func (a *app) explainStep(b *strings.Builder, o *orderledgerv1.Order, e *orderledgerv1.EpisodeExplanation, s *orderledgerv1.StepExplanation) {
	v := s.GetVerdict()
	fmt.Fprintf(b, "\n%s  episode %d, step %d  %s\n", v.GetRule(), v.GetEpisode(), v.GetStep()+1, a.verdict(v))
	fmt.Fprintf(b, "  opened    %s by event %s\n", bounds(e.GetOpened()), dash(e.GetOpenedBy()))
	fmt.Fprintf(b, "  deadline  %s (%s after it), late from %s on, judged at %s\n", when(v.GetDeadline()), s.GetWithin().AsDuration(), when(s.GetLateFrom()), when(s.GetDue()))
	if e.GetClosed() != nil {
		fmt.Fprintf(b, "  closed    %s by event %s\n", bounds(e.GetClosed()), dash(e.GetClosedBy()))
	}
	if e.GetReleased() != nil {
		fmt.Fprintf(b, "  released  %s\n", bounds(e.GetReleased()))
	}
	if v.GetSaidAt() != nil {
		fmt.Fprintf(b, "  said      %s\n", when(v.GetSaidAt()))
	}
	fmt.Fprintf(b, "  because   %s\n", v.GetBecause())
	for _, w := range v.GetWaitingFor() {
		fmt.Fprintf(b, "  waits for %s/%s, heard up to %s\n", w.GetFeed().GetSource(), w.GetFeed().GetFeed(), when(w.GetSince()))
	}
	if p := s.GetProof(); p != nil {
		explainProof(b, v.GetState(), p)
	}
	if s.GetHistoric() {
		b.WriteString("  history   nobody is told: it lies before its source or rule counted as live\n")
	}
	a.explainException(b, o, v)
}

func explainProof(b *strings.Builder, state orderledgerv1.VerdictState, p *orderledgerv1.ProofExplanation) {
	what := "wanted    proof"
	if state == orderledgerv1.VerdictState_VERDICT_STATE_BREACHED {
		what = "proof    "
	}
	fmt.Fprintf(b, "  %s that nothing came in [%s, %s)\n", what, when(p.GetFrom()), when(p.GetUntil()))
	for _, f := range p.GetFeeds() {
		explainFeed(b, f, "            ")
	}
	if p.GetHeldUntil() != nil {
		fmt.Fprintf(b, "            held until %s by a status that is set aside: event %s\n", when(p.GetHeldUntil()), strings.Join(p.GetHeldEventIds(), ", "))
	}
	if p.GetHiddenSince() != nil {
		fmt.Fprintf(b, "            incomplete: it could have come and gone between two versions, from %s on\n", when(p.GetHiddenSince()))
	}
}
