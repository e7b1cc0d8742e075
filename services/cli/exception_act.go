package cli

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// acting is an action on exceptions: its flags, and how it is asked for.
type acting struct {
	episode                       uint32
	message, who, request, filter string
	limit                         int
	yes                           bool
	// check refuses flags that say too little, before anything is asked.
	check func() error
	// send asks for the action on one exception.
	send func(ctx context.Context, c *clients, t target) (acted, error)
}

// target is one exception as it was seen, and the action's identity.
type target struct {
	id      string
	episode uint32
	request string
}

// acted is what the API says of an action.
type acted interface {
	answer
	GetResult() *orderledgerv1.ActionResult
}

// command makes the command of an action on one exception, or on all that a
// filter selects. The message is what others should know, or why.
func (x *acting) command(a *app, use, short, message string) *cobra.Command {
	cmd := a.asking(use+" [ID]", short, oneIDOrFilter(&x.filter), func(cmd *cobra.Command, c *clients, args []string) error {
		if x.check != nil {
			if err := x.check(); err != nil {
				return err
			}
		}
		if x.filter != "" {
			return a.actOnAll(cmd, c, x)
		}
		return a.actOnOne(cmd, c, x, args[0])
	})
	cmd.Flags().Uint32Var(&x.episode, "episode", 0, "episode that you saw; the present one if left out")
	cmd.Flags().StringVarP(&x.message, "message", "m", "", message)
	cmd.Flags().StringVar(&x.who, "actor", "", "who acts, if not the credential's holder")
	cmd.Flags().StringVar(&x.request, "request-id", "", "UUID that makes repetition harmless; for one exception")
	cmd.Flags().StringVar(&x.filter, "filter", "", "act on every exception that fits, such as 'rule = ingestion'; needs --yes")
	cmd.Flags().BoolVar(&x.yes, "yes", false, "with --filter: do it, instead of showing what fits")
	cmd.Flags().IntVar(&x.limit, "limit", 100, "with --filter: do nothing if more fit")
	return cmd
}

// oneIDOrFilter wants either an exception or a filter.
func oneIDOrFilter(filter *string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 || (len(args) == 1) == (*filter != "") {
			return Usage("%s takes one id, or --filter: see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
		}
		return nil
	}
}

func (a *app) actOnOne(cmd *cobra.Command, c *clients, x *acting, id string) error {
	ctx, cancel := a.within(cmd)
	defer cancel()
	found, err := a.findException(ctx, c, id)
	if err != nil {
		return err
	}
	t := target{id: found.GetException().GetId(), episode: x.episode, request: x.request}
	if t.episode == 0 {
		t.episode = found.GetException().GetEpisode()
	}
	if t.request == "" {
		t.request = uuid.NewString()
	}
	r, err := x.send(ctx, c, t)
	if err != nil {
		return err
	}
	return a.acted(r, r.GetResult())
}

func (a *app) exceptionAck() *cobra.Command {
	x := &acting{}
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.AcknowledgeException(ctx, &orderledgerv1.AcknowledgeExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request,
		})
	}
	return x.command(a, "ack", "Acknowledge an exception: say that somebody knows", "what others should know")
}

func (a *app) exceptionAssign() *cobra.Command {
	x, to := &acting{}, ""
	x.check = func() error {
		if to == "" {
			return Usage("--to: say who is to work on it")
		}
		return nil
	}
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.AssignException(ctx, &orderledgerv1.AssignExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request, Assignee: to,
		})
	}
	cmd := x.command(a, "assign", "Say who works on an exception", "what they should know")
	cmd.Flags().StringVar(&to, "to", "", "who is to work on it")
	return cmd
}

func (a *app) exceptionSnooze() *cobra.Command {
	x, until, last := &acting{}, "", time.Duration(0)
	var end time.Time
	x.check = func() (err error) {
		switch {
		case (until == "") == (last == 0):
			return Usage("want one of --for, such as 2h, and --until, such as 2026-03-02T18:00:00Z")
		case last < 0:
			return Usage("--for %s: want more than nothing", last)
		case until == "":
			return nil
		}
		if end, err = time.Parse(time.RFC3339, until); err != nil {
			return Usage("--until %q: want a time such as 2026-03-02T18:00:00Z", until)
		}
		return nil
	}
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		req := &orderledgerv1.SnoozeExceptionRequest{Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request}
		if until == "" {
			req.End = &orderledgerv1.SnoozeExceptionRequest_SnoozeFor{SnoozeFor: durationpb.New(last)}
		} else {
			req.End = &orderledgerv1.SnoozeExceptionRequest_SnoozeUntil{SnoozeUntil: timestamppb.New(end)}
		}
		return c.exceptions.SnoozeException(ctx, req)
	}
	cmd := x.command(a, "snooze", "Silence an exception for a while", "why")
	cmd.Flags().StringVar(&until, "until", "", "when the silence ends, such as 2026-03-02T18:00:00Z")
	cmd.Flags().DurationVar(&last, "for", 0, "how long the silence lasts, such as 2h")
	return cmd
}

func (a *app) exceptionUnassign() *cobra.Command {
	x := &acting{}
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.AssignException(ctx, &orderledgerv1.AssignExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request, Unassign: true,
		})
	}
	return x.command(a, "unassign", "Say that nobody works on an exception any more", "why")
}

func (a *app) exceptionWake() *cobra.Command {
	x := &acting{}
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.SnoozeException(ctx, &orderledgerv1.SnoozeExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request,
			End: &orderledgerv1.SnoozeExceptionRequest_Wake{Wake: true},
		})
	}
	return x.command(a, "wake", "End an exception's silence", "why")
}

// needsMessage refuses an action without a word.
func (x *acting) needsMessage(what string) {
	x.check = func() error {
		if x.message == "" {
			return Usage("-m: %s", what)
		}
		return nil
	}
}

func (a *app) exceptionComment() *cobra.Command {
	x := &acting{}
	x.needsMessage("say something")
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.CommentException(ctx, &orderledgerv1.CommentExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Comment: x.message, RequestId: t.request,
		})
	}
	return x.command(a, "comment", "Leave a remark on an exception", "the remark")
}

func (a *app) exceptionResolve() *cobra.Command {
	x := &acting{}
	x.needsMessage("say why it is over")
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.ResolveException(ctx, &orderledgerv1.ResolveExceptionRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Reason: x.message, RequestId: t.request,
		})
	}
	return x.command(a, "resolve", "End an exception by a person's word, until a system says something new", "why it is over")
}

func (a *app) exceptionFalsePositive() *cobra.Command {
	x := &acting{}
	x.needsMessage("say why it is none")
	x.send = func(ctx context.Context, c *clients, t target) (acted, error) {
		return c.exceptions.MarkFalsePositive(ctx, &orderledgerv1.MarkFalsePositiveRequest{
			Id: t.id, Episode: t.episode, Actor: x.who, Reason: x.message, RequestId: t.request,
		})
	}
	return x.command(a, "false-positive", "Mark an exception as one that should not have been raised", "why it is none")
}
