package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func (a *app) orderExplain() *cobra.Command {
	var rule, axis string
	cmd := a.asking("explain ORDER", "Say why an order stands as it does: claim by claim, rule by rule, and what proves it", exactly(1, "one order"), func(cmd *cobra.Command, c *clients, args []string) error {
		number, ok := orderledgerv1.Axis_value["AXIS_"+strings.ToUpper(axis)]
		if axis != "" && !ok {
			return Usage("--axis %q: want order, payment, fulfilment, return, allocation or notification", axis)
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		o, err := a.find(ctx, c, args[0])
		if err != nil {
			return err
		}
		if into := o.GetOrder().GetMergedInto(); into != "" { // the root speaks for it
			if o, err = a.find(ctx, c, into); err != nil {
				return err
			}
		}
		r, err := c.orders.ExplainOrder(ctx, &orderledgerv1.ExplainOrderRequest{Order: o.GetOrder().GetOrderKey(), Rule: rule, Axis: orderledgerv1.Axis(number)})
		if err != nil {
			return err
		}
		return a.present(r, func() error { return a.drawExplanation(o.GetOrder(), r.GetExplanation()) })
	})
	cmd.Flags().StringVar(&rule, "rule", "", "only this rule and the cells that it reads")
	cmd.Flags().StringVar(&axis, "axis", "", "only this axis, such as payment, and the rules that read it")
	return cmd
}

func (a *app) drawExplanation(o *orderledgerv1.Order, x *orderledgerv1.OrderExplanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", x.GetOrderKey(), states(o))
	if m := x.GetMembers(); len(m) > 1 {
		fmt.Fprintf(&b, "It speaks for %s, which are merged with it.\n", strings.Join(m[1:], ", "))
	}
	fmt.Fprintf(&b, "Judged at %s by policy version %d.\n", when(x.GetClock()), x.GetPolicyVersion())
	for _, c := range x.GetCells() {
		a.explainCell(&b, c)
	}
	for _, r := range x.GetRules() {
		a.explainRule(&b, o, r)
	}
	if len(x.GetRules()) == 0 {
		b.WriteString("\nNo rule has anything to ask of this order.\n")
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
