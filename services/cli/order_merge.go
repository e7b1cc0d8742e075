package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// regrouping is a command that says which orders are one.
type regrouping struct {
	message, who, request string
}

func (a *app) regrouping(use, short, long string, run func(ctx context.Context, c *clients, x *regrouping, keys [2]string) error) *cobra.Command {
	x := &regrouping{}
	cmd := a.asking(use, short, exactly(2, "two orders"), func(cmd *cobra.Command, c *clients, args []string) error {
		if x.message == "" {
			return Usage("-m: say why, so that others can follow it")
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		var keys [2]string
		for i, name := range args {
			keys[i] = name
			if _, err := ledger.ParseOrderKey(name); err == nil {
				continue // a member is meant itself, not the root that speaks for it
			}
			found, err := a.find(ctx, c, name)
			if err != nil {
				return err
			}
			keys[i] = found.GetOrder().GetOrderKey()
		}
		return run(ctx, c, x, keys)
	})
	cmd.Long = long
	cmd.Flags().StringVarP(&x.message, "message", "m", "", "why, for whoever reads the order's story")
	cmd.Flags().StringVar(&x.who, "actor", "", "who acts, if not the credential's holder")
	cmd.Flags().StringVar(&x.request, "request-id", "", "UUID that makes repetition harmless")
	return cmd
}

func (a *app) orderMerge() *cobra.Command {
	const short = "Say that two orders are one"
	return a.regrouping("merge ORDER OTHER", short, short+`.

The order with the smallest key speaks for all that are merged: it shows what any of them knows, and
carries their exceptions on. "order split" takes it back, and each is what it would be without.`,
		func(ctx context.Context, c *clients, x *regrouping, keys [2]string) error {
			r, err := c.orders.MergeOrders(ctx, &orderledgerv1.MergeOrdersRequest{Order: keys[0], With: keys[1], Reason: x.message, Actor: x.who, RequestId: x.request})
			if err != nil {
				return err
			}
			return a.present(r, func() error {
				_, err := fmt.Fprintf(a.Out, "merge %d: %s speaks for %d orders\n", r.GetNumber(), r.GetOrder().GetOrderKey(), len(r.GetOrder().GetMembers()))
				return err
			})
		})
}

func (a *app) orderSplit() *cobra.Command {
	const short = "Take a merge of two orders back"
	return a.regrouping("split ORDER OTHER", short, short+`.

Orders that are one only through a third are split by splitting them from that.`,
		func(ctx context.Context, c *clients, x *regrouping, keys [2]string) error {
			r, err := c.orders.SplitOrders(ctx, &orderledgerv1.SplitOrdersRequest{Order: keys[0], From: keys[1], Reason: x.message, Actor: x.who, RequestId: x.request})
			if err != nil {
				return err
			}
			return a.present(r, func() error {
				_, err := fmt.Fprintf(a.Out, "split %d: %s and %s stand for themselves, and for what is merged with each\n", r.GetNumber(), keys[0], keys[1])
				return err
			})
		})
}
