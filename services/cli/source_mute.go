package cli

import (
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// instant reads a flag's time; empty is none.
func instant(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, Usage("--%s %q: want a time such as 2026-03-02T18:00:00Z", flag, text)
	}
	return timestamppb.New(t), nil
}

func (a *app) sourceMute() *cobra.Command {
	var from, until, message, who, request string
	var last time.Duration
	const short = "Announce planned maintenance of a source"
	cmd := a.asking("mute SOURCE", short, exactly(1, "one source"), func(cmd *cobra.Command, c *clients, args []string) error {
		if message == "" {
			return Usage("-m: say why, so that others can follow it")
		}
		if (until == "") == (last == 0) {
			return Usage("want one of --for, such as 2h, and --until, such as 2026-03-02T18:00:00Z")
		}
		begin, err := instant("from", from)
		if err != nil {
			return err
		}
		end, err := instant("until", until)
		if err != nil {
			return err
		}
		req := &orderledgerv1.MuteSourceRequest{Source: args[0], From: begin, Reason: message, Actor: who, RequestId: request}
		if req.End = (&orderledgerv1.MuteSourceRequest_Until{Until: end}); end == nil {
			req.End = &orderledgerv1.MuteSourceRequest_Lasts{Lasts: durationpb.New(last)}
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := c.sources.MuteSource(ctx, req)
		if err != nil {
			return err
		}
		return a.present(r, func() error { return a.drawMaintenance(r.GetSource()) })
	})
	cmd.Long = short + `.

What opens in it because of the source is listed, and nobody is told before its end. It replaces the
source's last one; "source unmute" ends it.`
	cmd.Flags().StringVar(&from, "from", "", "when it begins, such as 2026-03-02T18:00:00Z; now if left out")
	cmd.Flags().StringVar(&until, "until", "", "when it ends")
	cmd.Flags().DurationVar(&last, "for", 0, "how long it lasts, such as 2h")
	cmd.Flags().StringVarP(&message, "message", "m", "", "why")
	cmd.Flags().StringVar(&who, "actor", "", "who acts, if not the credential's holder")
	cmd.Flags().StringVar(&request, "request-id", "", "UUID that makes repetition harmless")
	return cmd
}

func (a *app) sourceUnmute() *cobra.Command {
	var message, who, request string
	cmd := a.asking("unmute SOURCE", "End the planned maintenance of a source", exactly(1, "one source"), func(cmd *cobra.Command, c *clients, args []string) error {
		if message == "" {
			return Usage("-m: say why, so that others can follow it")
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := c.sources.UnmuteSource(ctx, &orderledgerv1.UnmuteSourceRequest{Source: args[0], Reason: message, Actor: who, RequestId: request})
		if err != nil {
			return err
		}
		return a.present(r, func() error { return a.drawMaintenance(r.GetSource()) })
	})
	cmd.Flags().StringVarP(&message, "message", "m", "", "why")
	cmd.Flags().StringVar(&who, "actor", "", "who acts, if not the credential's holder")
	cmd.Flags().StringVar(&request, "request-id", "", "UUID that makes repetition harmless")
	return cmd
}

func (a *app) drawMaintenance(s *orderledgerv1.Source) error {
	t := a.table("SOURCE", "MAINTENANCE FROM", "UNTIL", "ANNOUNCED BY", "WHY")
	m := s.GetMaintenance()
	t.row(s.GetSource(), when(m.GetFrom()), when(m.GetUntil()), dash(m.GetActor()), dash(m.GetReason()))
	return t.write(a.Out)
}
