package cli

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// acted shows what became of an action. A refusal is an error to a script.
func (a *app) acted(whole proto.Message, r *orderledgerv1.ActionResult) error {
	if !a.drawn() {
		if err := a.message(whole); err != nil {
			return err
		}
	}
	if r.GetOutcome() == orderledgerv1.Outcome_OUTCOME_REFUSED {
		return fmt.Errorf("refused: %s [%s]", r.GetDetail(), r.GetRefusalReason())
	}
	if !a.drawn() {
		return nil
	}
	p := r.GetPosition()
	_, err := fmt.Fprintf(a.Out, "accepted at %s/%d@%d: %s\n", p.GetTopic(), p.GetPartition(), p.GetOffset(), r.GetDetail())
	return err
}

func (a *app) quarantine() *cobra.Command {
	return group("quarantine", "Look after what could not be read", a.quarantineGet(), a.quarantineList(), a.quarantineRelease())
}

func (a *app) quarantineGet() *cobra.Command {
	var full bool
	cmd := a.asking("get ID", "Show one entry", exactly(1, "one id"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		view := orderledgerv1.QuarantineView_QUARANTINE_VIEW_BASIC
		if full {
			view = orderledgerv1.QuarantineView_QUARANTINE_VIEW_FULL
		}
		r, err := c.quarantine.GetQuarantineEntry(ctx, &orderledgerv1.GetQuarantineEntryRequest{Id: args[0], View: view})
		if err != nil {
			return err
		}
		if !a.drawn() {
			return a.message(r)
		}
		e := r.GetEntry()
		t := a.table()
		t.row("entry", e.GetId())
		t.row("state", word(e.GetState().String(), "QUARANTINE_STATE_"))
		t.row("from", e.GetSource()+"/"+e.GetFeed())
		t.row("reason", e.GetReason())
		t.row("problem", dash(e.GetProblem()))
		t.row("what to do", dash(e.GetHint()))
		t.row("order", dash(e.GetOrderKey()))
		t.row("received", when(e.GetReceivedAt()))
		t.row("expires", when(e.GetExpireTime()))
		t.row("size", fmt.Sprintf("%d bytes", e.GetBodySize()))
		if err := t.write(a.Out); err != nil {
			return err
		}
		if full {
			_, err = fmt.Fprintf(a.Out, "\n%s\n", e.GetBody())
		}
		a.asOf(r.GetFreshness())
		return err
	})
	cmd.Flags().BoolVar(&full, "body", false, "show the original bytes, which may hold personal data")
	return cmd
}

func (a *app) quarantineList() *cobra.Command {
	var f listFlags
	cmd := a.asking("list", "List the entries that are held", exactly(0, "no arguments"), func(cmd *cobra.Command, c *clients, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		whole := &orderledgerv1.ListQuarantineEntriesResponse{}
		list, err := pages(f.limit, func(size int32, token string) ([]*orderledgerv1.QuarantineEntry, string, error) {
			r, err := c.quarantine.ListQuarantineEntries(ctx, &orderledgerv1.ListQuarantineEntriesRequest{Filter: f.filter, OrderBy: f.orderBy, PageSize: size, PageToken: token})
			whole.Freshness, whole.NextPageToken = r.GetFreshness(), r.GetNextPageToken()
			whole.Counts, whole.RemovedRecords = r.GetCounts(), r.GetRemovedRecords()
			return r.GetEntries(), r.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if whole.Entries = list; !a.drawn() {
			return a.list(whole, messages(list))
		}
		t := a.table("ID", "SOURCE", "REASON", "PROBLEM", "ORDER", "RECEIVED", "EXPIRES")
		for _, e := range list {
			t.row(e.GetId(), e.GetSource(), e.GetReason(), dash(e.GetProblem()), dash(e.GetOrderKey()), when(e.GetReceivedAt()), when(e.GetExpireTime()))
		}
		if err := t.write(a.Out); err != nil {
			return err
		}
		if err := a.going(whole); err != nil {
			return err
		}
		a.asOf(whole.GetFreshness())
		return nil
	})
	f.bind(cmd, `source = shop AND reason = "broken-json"`)
	return cmd
}

// going says which sources' originals go soon, and which went unread.
func (a *app) going(r *orderledgerv1.ListQuarantineEntriesResponse) error {
	for _, c := range r.GetCounts() {
		if n := c.GetExpiring(); n > 0 {
			if _, err := fmt.Fprintf(a.Err, "%s: %d originals go within 14 days, the first at %s\n", c.GetSource(), n, when(c.GetNextExpireTime())); err != nil {
				return err
			}
		}
		if n := c.GetExpired(); n > 0 {
			if _, err := fmt.Fprintf(a.Err, "%s: %d originals went unread\n", c.GetSource(), n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) quarantineRelease() *cobra.Command {
	var comment, who, request string
	cmd := a.asking("release ID", "Read an entry again", exactly(1, "one id"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		if request == "" {
			request = uuid.NewString()
		}
		r, err := c.quarantine.ReleaseQuarantineEntry(ctx, &orderledgerv1.ReleaseQuarantineEntryRequest{Id: args[0], Actor: who, Comment: comment, RequestId: request})
		if err != nil {
			return err
		}
		return a.acted(r, r.GetResult())
	})
	cmd.Flags().StringVarP(&comment, "message", "m", "", "why")
	cmd.Flags().StringVar(&who, "actor", "", "who releases it, if not the credential's holder")
	cmd.Flags().StringVar(&request, "request-id", "", "UUID that makes repetition harmless")
	return cmd
}
