package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func (a *app) exceptions() *cobra.Command {
	return group("exception", "Work on exceptions", a.exceptionGet(), a.exceptionList(), a.exceptionWatch(),
		a.exceptionAck(), a.exceptionAssign(), a.exceptionSnooze(), a.exceptionWake(), a.exceptionUnassign(), a.exceptionComment(), a.exceptionResolve(), a.exceptionFalsePositive())
}

// findException returns the exception of an id, or of the beginning of one that
// fits a single open exception.
func (a *app) findException(ctx context.Context, c *clients, id string) (*orderledgerv1.GetExceptionResponse, error) {
	if len(id) >= 32 {
		return c.exceptions.GetException(ctx, &orderledgerv1.GetExceptionRequest{Id: id})
	}
	list, err := pages(1<<20, func(_ int32, token string) ([]*orderledgerv1.Exception, string, error) {
		r, err := c.exceptions.ListExceptions(ctx, &orderledgerv1.ListExceptionsRequest{PageSize: 500, PageToken: token})
		return r.GetExceptions(), r.GetNextPageToken(), err
	})
	if err != nil {
		return nil, err
	}
	var fit []string
	for _, x := range list {
		if strings.HasPrefix(x.GetId(), id) {
			fit = append(fit, x.GetId())
		}
	}
	switch len(fit) {
	case 1:
		return c.exceptions.GetException(ctx, &orderledgerv1.GetExceptionRequest{Id: fit[0]})
	case 0:
		return nil, fmt.Errorf("no open exception's id begins with %q: `orderledger exception list` shows them; one that is over needs its whole id", id)
	default:
		return nil, fmt.Errorf("%q begins %d ids: give more of it:\n%s", id, len(fit), strings.Join(fit[:min(len(fit), 10)], "\n"))
	}
}

func (a *app) exceptionGet() *cobra.Command {
	return a.asking("get ID", "Show one exception with its evidence and history", exactly(1, "one id"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := a.findException(ctx, c, args[0])
		if err != nil {
			return err
		}
		return a.present(r, func() error { return a.drawException(r.GetException()) })
	})
}

func (a *app) drawException(x *orderledgerv1.Exception) error {
	t := a.table()
	t.row("exception", x.GetType()+"  "+a.severity(x.GetSeverity())+"  "+word(x.GetState().String(), "EXCEPTION_STATE_"))
	t.row("id", x.GetId())
	t.row("about", subject(x.GetSubject()))
	t.row("rule", fmt.Sprintf("%s, step %d, episode %d", x.GetRule(), x.GetStep()+1, x.GetEpisode()))
	t.row("hop", dash(x.GetHop()))
	t.row("owner", dash(x.GetOwner()))
	t.row("wrong since", bounds(x.GetSince()))
	t.row("basis", word(x.GetBasis().String(), "BASIS_"))
	t.row("impact", dash(x.GetImpact()))
	t.row("what to do", dash(x.GetRemedy()))
	t.row("at risk", money(x.GetMoneyAtRisk()))
	if ack := x.GetAcknowledgement(); ack != nil {
		t.row("acknowledged", strings.TrimSpace(ack.GetActor()+" "+ack.GetComment()))
	}
	if x.GetAssignee() != "" {
		t.row("assigned to", x.GetAssignee())
	}
	if x.GetSnoozeUntil() != nil {
		t.row("silent until", when(x.GetSnoozeUntil()))
	}
	if x.GetFalsePositive() {
		t.row("marked as", "a false positive")
	}
	if x.GetResolveTime() != nil {
		t.row("over since", when(x.GetResolveTime())+"  "+x.GetResolveReason())
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	ev := a.table("EVIDENCE", "SOURCE", "AT", "SEE")
	for _, e := range x.GetEvidence() {
		ev.row(e.GetText(), strings.TrimSuffix(e.GetSource()+"/"+e.GetFeed(), "/"), when(e.GetOccurredAt()), dash(e.GetLink().GetUrl()))
	}
	h := a.table("TIME", "WHAT", "WHO", "NOTE")
	for _, e := range x.GetHistory() {
		h.row(when(e.GetEvaluatedAt()), word(e.GetKind().String(), "TRANSITION_KIND_"), dash(e.GetActor()), dash(e.GetText()))
	}
	return a.section(ev, h)
}

func subject(s *orderledgerv1.Subject) string {
	switch {
	case s.GetOrderKey() != "":
		return "order " + s.GetOrderKey()
	case s.GetFeed() != nil:
		return "feed " + s.GetFeed().GetSource() + "/" + s.GetFeed().GetFeed()
	case s.GetAlias() != nil:
		return "alias " + s.GetAlias().GetType() + ":" + s.GetAlias().GetValue()
	case s.GetWord() != nil:
		return fmt.Sprintf("the %s status %q of %s", word(s.GetWord().GetAxis().String(), "AXIS_"), s.GetWord().GetWord(), s.GetWord().GetSource())
	default:
		return "-"
	}
}

func (a *app) exceptionTable() *table {
	if a.output == "wide" {
		return a.table("ID", "TYPE", "SEVERITY", "STATE", "ABOUT", "HOP", "OWNER", "OPEN SINCE", "EPISODE", "BASIS", "AT RISK", "WHAT TO DO")
	}
	return a.table("ID", "TYPE", "SEVERITY", "STATE", "ABOUT", "OPEN SINCE", "AT RISK")
}

func (a *app) exceptionRow(t *table, x *orderledgerv1.Exception) {
	state := word(x.GetState().String(), "EXCEPTION_STATE_")
	if a.output == "wide" {
		t.row(x.GetId(), x.GetType(), a.severity(x.GetSeverity()), state, subject(x.GetSubject()), dash(x.GetHop()), dash(x.GetOwner()), when(x.GetOpenTime()),
			fmt.Sprint(x.GetEpisode()), word(x.GetBasis().String(), "BASIS_"), money(x.GetMoneyAtRisk()), dash(x.GetRemedy()))
		return
	}
	t.row(x.GetId()[:min(12, len(x.GetId()))], x.GetType(), a.severity(x.GetSeverity()), state, subject(x.GetSubject()), when(x.GetOpenTime()), money(x.GetMoneyAtRisk()))
}

func (a *app) exceptionList() *cobra.Command {
	var f listFlags
	cmd := a.asking("list", "List the exceptions that are not over", exactly(0, "no arguments"), func(cmd *cobra.Command, c *clients, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		whole := &orderledgerv1.ListExceptionsResponse{}
		list, err := pages(f.limit, func(size int32, token string) ([]*orderledgerv1.Exception, string, error) {
			r, err := c.exceptions.ListExceptions(ctx, &orderledgerv1.ListExceptionsRequest{Filter: f.filter, OrderBy: f.orderBy, PageSize: size, PageToken: token})
			whole.Freshness, whole.NextPageToken = r.GetFreshness(), r.GetNextPageToken()
			return r.GetExceptions(), r.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if whole.Exceptions = list; !a.drawn() {
			return a.list(whole, messages(list))
		}
		t := a.exceptionTable()
		for _, x := range list {
			a.exceptionRow(t, x)
		}
		if err := t.write(a.Out); err != nil {
			return err
		}
		a.asOf(whole.GetFreshness())
		return nil
	})
	f.bind(cmd, `severity = CRITICAL AND owner = "integration"`)
	return cmd
}

func (a *app) exceptionWatch() *cobra.Command {
	var filter string
	cmd := a.asking("watch", "Follow exceptions as they open, move and heal", exactly(0, "no arguments"), func(cmd *cobra.Command, c *clients, _ []string) error {
		token := ""
		return again(cmd.Context(), func(ctx context.Context) error {
			st, err := c.exceptions.WatchExceptions(ctx, &orderledgerv1.WatchExceptionsRequest{Filter: filter, ResumeToken: token})
			if err != nil {
				return err
			}
			for {
				m, err := st.Recv()
				if err != nil {
					return err
				}
				token = m.GetResumeToken()
				if err := a.drawChange(m); err != nil {
					return err
				}
			}
		})
	})
	cmd.Flags().StringVar(&filter, "filter", "", "AIP-160 filter, such as 'severity = CRITICAL'")
	return cmd
}

func (a *app) drawChange(m *orderledgerv1.WatchExceptionsResponse) error {
	ch := m.GetChange()
	switch {
	case ch == nil:
		return nil
	case !a.drawn():
		raw := a.output
		a.output = "ndjson"
		defer func() { a.output = raw }()
		return a.message(m)
	}
	x, what, at := ch.GetException(), "open", ch.GetException().GetOpenTime()
	if t := ch.GetTransition(); t != nil {
		what, at = word(t.GetKind().String(), "TRANSITION_KIND_"), t.GetEvaluatedAt()
	}
	_, err := fmt.Fprintf(a.Out, "%s  %-12s  %-8s  %s  %s  %s\n", when(at), what, a.severity(x.GetSeverity()), x.GetType(), subject(x.GetSubject()), x.GetId()[:min(12, len(x.GetId()))])
	return err
}
