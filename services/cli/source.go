package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func (a *app) sources() *cobra.Command {
	return group("source", "See how well each system is heard", a.sourceGet(), a.sourceList(), a.sourceMute(), a.sourceUnmute(), a.sourceImport())
}

func (a *app) sourceGet() *cobra.Command {
	return a.asking("get SOURCE", "Show one source, feed by feed", exactly(1, "one source"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := c.sources.GetSource(ctx, &orderledgerv1.GetSourceRequest{Source: args[0]})
		if err != nil {
			return err
		}
		if !a.drawn() {
			return a.message(r)
		}
		src := r.GetSource()
		head := a.table()
		head.row("source", src.GetSource())
		head.row("system", dash(src.GetSystem()))
		head.row("role", dash(src.GetRole()))
		head.row("last heard", when(src.GetLastHeardAt()))
		if m := src.GetMaintenance(); m != nil {
			head.row("maintenance", fmt.Sprintf("%s to %s, announced by %s: %s", when(m.GetFrom()), when(m.GetUntil()), m.GetActor(), m.GetReason()))
		}
		var counts []string
		for _, o := range src.GetOutcomes() {
			if o.GetRecords() > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", o.GetRecords(), word(o.GetOutcome().String(), "RECORD_OUTCOME_")))
			}
		}
		head.row("records", fmt.Sprintf("%d (%s)", src.GetRecords(), dash(strings.Join(counts, ", "))))
		if err := head.write(a.Out); err != nil {
			return err
		}
		t := a.table("FEED", "COVERAGE", "HEARD UP TO", "LAG", "LAST HEARD", "SILENT SINCE", "HELD", "WAITING")
		for _, f := range src.GetFeeds() {
			t.row(f.GetFeed(), word(f.GetCoverage().GetMode().String(), "COVERAGE_MODE_"), when(f.GetCoverage().GetUntil()), lag(f), when(f.GetLastHeardAt()),
				a.paint(red, when(f.GetSilentSince())), fmt.Sprint(f.GetHeldRecords()), fmt.Sprint(f.GetWaitingOrders()))
		}
		if err := a.section(t); err != nil {
			return err
		}
		a.asOf(r.GetFreshness())
		return nil
	})
}

func lag(f *orderledgerv1.Feed) string {
	if f.GetCoverage().GetLag() == nil {
		return "-"
	}
	return ago(f.GetCoverage().GetLag().AsDuration())
}

func (a *app) sourceList() *cobra.Command {
	var f listFlags
	cmd := a.asking("list", "List the sources", exactly(0, "no arguments"), func(cmd *cobra.Command, c *clients, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		whole := &orderledgerv1.ListSourcesResponse{}
		list, err := pages(f.limit, func(size int32, token string) ([]*orderledgerv1.Source, string, error) {
			r, err := c.sources.ListSources(ctx, &orderledgerv1.ListSourcesRequest{Filter: f.filter, PageSize: size, PageToken: token})
			whole.Freshness, whole.NextPageToken = r.GetFreshness(), r.GetNextPageToken()
			return r.GetSources(), r.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if whole.Sources = list; !a.drawn() {
			return a.list(whole, messages(list))
		}
		t := a.table("SOURCE", "SYSTEM", "ROLE", "LAST HEARD", "HEARD UP TO", "RECORDS")
		for _, src := range list {
			var until []string
			for _, fd := range src.GetFeeds() {
				until = append(until, fd.GetFeed()+" "+when(fd.GetCoverage().GetUntil()))
			}
			last := when(src.GetLastHeardAt())
			if src.GetSilentSince() != nil {
				last = a.paint(red, "silent since "+when(src.GetSilentSince()))
			}
			t.row(src.GetSource(), dash(src.GetSystem()), dash(src.GetRole()), last, dash(strings.Join(until, ", ")), fmt.Sprint(src.GetRecords()))
		}
		if err := t.write(a.Out); err != nil {
			return err
		}
		a.asOf(whole.GetFreshness())
		return nil
	})
	f.bind(cmd, "silent = true")
	cmd.Flags().Lookup("order-by").Hidden = true
	return cmd
}
