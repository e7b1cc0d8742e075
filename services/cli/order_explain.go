package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func (a *app) orderExplain() *cobra.Command {
	var rule string
	cmd := a.asking("explain ORDER", "Say, rule by rule, why an order is in the state it is in", exactly(1, "one order"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := a.find(ctx, c, args[0])
		if err != nil {
			return err
		}
		if !a.drawn() {
			out := &orderledgerv1.Order{
				OrderKey: r.GetOrder().GetOrderKey(), Name: r.GetOrder().GetName(), Verdicts: r.GetOrder().GetVerdicts(),
				OpenExceptions: r.GetOrder().GetOpenExceptions(),
			}
			return a.message(&orderledgerv1.GetOrderResponse{Order: out, Freshness: r.GetFreshness()})
		}
		if err := a.drawExplanation(r.GetOrder(), rule); err != nil {
			return err
		}
		a.asOf(r.GetFreshness())
		return nil
	})
	cmd.Flags().StringVar(&rule, "rule", "", "only this rule")
	return cmd
}

func (a *app) drawExplanation(o *orderledgerv1.Order, rule string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", o.GetOrderKey(), states(o))
	shown := 0
	for _, v := range o.GetVerdicts() {
		if rule != "" && v.GetRule() != rule {
			continue
		}
		shown++
		fmt.Fprintf(&b, "\n%s  episode %d, step %d  %s\n", v.GetRule(), v.GetEpisode(), v.GetStep()+1, a.verdict(v))
		fmt.Fprintf(&b, "  opened    %s\n", bounds(v.GetOpened()))
		fmt.Fprintf(&b, "  deadline  %s\n", when(v.GetDeadline()))
		if v.GetSaidAt() != nil {
			fmt.Fprintf(&b, "  said      %s\n", when(v.GetSaidAt()))
		}
		fmt.Fprintf(&b, "  because   %s\n", v.GetBecause())
		for _, w := range v.GetWaitingFor() {
			fmt.Fprintf(&b, "  waits for %s/%s, heard up to %s\n", w.GetFeed().GetSource(), w.GetFeed().GetFeed(), when(w.GetSince()))
		}
		a.explainException(&b, o, v)
	}
	switch {
	case shown == 0 && rule != "":
		fmt.Fprintf(&b, "\nRule %s has nothing to ask of this order.\n", rule)
	case shown == 0:
		b.WriteString("\nNo rule has anything to ask of this order.\n")
	default:
		b.WriteString("\nRules that are not listed have nothing to ask of this order.\n")
	}
	_, err := io.WriteString(a.Out, b.String())
	return err
}

// explainException adds the open exception that a broken step stands behind.
func (a *app) explainException(b *strings.Builder, o *orderledgerv1.Order, v *orderledgerv1.Verdict) {
	if v.GetState() != orderledgerv1.VerdictState_VERDICT_STATE_BREACHED {
		return
	}
	for _, x := range o.GetOpenExceptions() {
		if x.GetRule() != v.GetRule() || x.GetStep() != v.GetStep() {
			continue
		}
		fmt.Fprintf(b, "  exception %s %s (%s)\n", x.GetType(), x.GetId(), a.severity(x.GetSeverity()))
		for _, e := range x.GetEvidence() {
			where := e.GetSource()
			if e.GetFeed() != "" {
				where += "/" + e.GetFeed()
			}
			fmt.Fprintf(b, "  evidence  %s: %s (%s)\n", where, e.GetText(), when(e.GetOccurredAt()))
		}
		if x.GetRemedy() != "" {
			fmt.Fprintf(b, "  to do     %s\n", x.GetRemedy())
		}
	}
}

func (a *app) verdict(v *orderledgerv1.Verdict) string {
	text := strings.TrimPrefix(v.GetState().String(), "VERDICT_STATE_")
	if v.GetState() == orderledgerv1.VerdictState_VERDICT_STATE_BREACHED {
		text += " (" + word(v.GetBasis().String(), "BASIS_") + ")"
	}
	switch v.GetState() {
	case orderledgerv1.VerdictState_VERDICT_STATE_BREACHED:
		return a.paint(red, text)
	case orderledgerv1.VerdictState_VERDICT_STATE_UNDETERMINED, orderledgerv1.VerdictState_VERDICT_STATE_MET_LATE:
		return a.paint(yellow, text)
	default:
		return a.paint(green, text)
	}
}

// bounds writes an instant that may be known as an interval only.
func bounds(i *orderledgerv1.Interval) string {
	e, l := i.GetEarliest(), i.GetLatest()
	if e == nil || e.AsTime().Equal(l.AsTime()) {
		return when(l)
	}
	return "between " + when(e) + " and " + when(l)
}
