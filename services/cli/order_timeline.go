package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// timelineOrder is how the API is asked for a story: as the ledger recorded it.
func timelineOrder(by string) (string, error) {
	switch by {
	case "occurred", "recorded":
		return "sequence", nil
	case "sequence", "sequence desc": // the API's own words
		return by, nil
	default:
		return "", Usage("--order-by %q: want occurred or recorded", by)
	}
}

// happened puts entries into the order of the instants shown beside them; what
// has the same one stays in the order of the log.
func happened(list []*orderledgerv1.TimelineEntry) {
	slices.SortStableFunc(list, func(a, b *orderledgerv1.TimelineEntry) int {
		return entryTime(a).AsTime().Compare(entryTime(b).AsTime())
	})
}

func (a *app) orderTimeline() *cobra.Command {
	var filter, by string
	var lanes bool
	cmd := a.asking("timeline ORDER", "Tell an order's story", exactly(1, "one order"), func(cmd *cobra.Command, c *clients, args []string) error {
		orderBy, err := timelineOrder(by)
		if err != nil {
			return err
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		o, err := a.find(ctx, c, args[0])
		if err != nil {
			return err
		}
		whole := &orderledgerv1.GetTimelineResponse{Order: o.GetOrder().GetName()}
		list, err := pages(1<<20, func(_ int32, token string) ([]*orderledgerv1.TimelineEntry, string, error) {
			r, err := c.orders.GetTimeline(ctx, &orderledgerv1.GetTimelineRequest{Order: o.GetOrder().GetOrderKey(), Filter: filter, OrderBy: orderBy, PageSize: 1000, PageToken: token})
			whole.Freshness = r.GetFreshness()
			return r.GetEntries(), r.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if by == "occurred" {
			happened(list)
		}
		if whole.Entries = list; !a.drawn() {
			return a.list(whole, messages(list))
		}
		if err := a.drawTimeline(o.GetOrder(), list, lanes); err != nil {
			return err
		}
		a.asOf(whole.GetFreshness())
		return nil
	})
	cmd.Flags().StringVar(&filter, "filter", "", "AIP-160 filter, such as 'source = erp'")
	cmd.Flags().StringVar(&by, "order-by", "occurred", "occurred: as things happened; recorded: as the ledger heard and said them")
	cmd.Flags().BoolVar(&lanes, "lanes", false, "draw a lane per source")
	return cmd
}

// entryTime is the instant shown beside an entry.
func entryTime(e *orderledgerv1.TimelineEntry) *timestamppb.Timestamp {
	for _, t := range []*timestamppb.Timestamp{e.GetEvaluatedAt(), e.GetOccurred().GetLatest(), e.GetReceivedAt()} {
		if t != nil {
			return t
		}
	}
	return e.GetRecordedAt()
}

// lane is who speaks in an entry.
func lane(e *orderledgerv1.TimelineEntry) string {
	switch {
	case e.GetActor() != "":
		return timeline.LanePeople
	case e.GetEventId() != "":
		return e.GetSource()
	default:
		return timeline.LaneLedger
	}
}

// what is an entry's sentence, marked where it is about an exception.
func (a *app) what(e *orderledgerv1.TimelineEntry) string {
	text := strings.TrimPrefix(e.GetText(), lane(e)+" ")
	switch e.GetKind() {
	case orderledgerv1.EntryKind_ENTRY_KIND_EXCEPTION_OPENED, orderledgerv1.EntryKind_ENTRY_KIND_EXCEPTION_STEPPED, orderledgerv1.EntryKind_ENTRY_KIND_EXCEPTION_REOPENED:
		return a.paint(red, "▲ "+text)
	case orderledgerv1.EntryKind_ENTRY_KIND_EXCEPTION_RESOLVED:
		return a.paint(green, "✓ "+text)
	case orderledgerv1.EntryKind_ENTRY_KIND_CONFLICT, orderledgerv1.EntryKind_ENTRY_KIND_SHELVED:
		return a.paint(yellow, "! "+text)
	case orderledgerv1.EntryKind_ENTRY_KIND_VERDICT, orderledgerv1.EntryKind_ENTRY_KIND_REVISED:
		return a.paint(dim, text)
	default:
		return text
	}
}

func (a *app) drawTimeline(o *orderledgerv1.Order, list []*orderledgerv1.TimelineEntry, lanes bool) error {
	switch {
	case lanes:
		return a.drawLanes(list)
	case a.output == "wide":
		return a.drawWide(list)
	}
	t := a.table("TIME", "SOURCE", "WHAT")
	last := ""
	for _, e := range list {
		at, who := when(entryTime(e)), lane(e)
		if e.GetEventId() != "" && e.GetEventId() == last { // one document says several things
			at, who = "", ""
		}
		last = e.GetEventId()
		t.row(at, who, a.what(e))
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	return a.section(a.drawOpen(o.GetOpenExceptions()))
}

func (a *app) drawWide(list []*orderledgerv1.TimelineEntry) error {
	t := a.table("SEQ", "TIME", "SOURCE", "KIND", "AXIS", "WORD", "STATE", "RECEIVED", "POSITION", "EVENT", "WHAT")
	for _, e := range list {
		p := e.GetPosition()
		axis := dash(word(e.GetAxis().String(), "AXIS_"))
		if e.GetAxis() == 0 {
			axis = "-"
		}
		t.row(fmt.Sprint(e.GetSequence()), when(entryTime(e)), lane(e), word(e.GetKind().String(), "ENTRY_KIND_"), axis, dash(e.GetNativeWord()),
			dash(e.GetCanonicalState()), when(e.GetReceivedAt()), fmt.Sprintf("%d/%d", p.GetPartition(), p.GetOffset()), dash(e.GetEventId()), a.what(e))
	}
	return t.write(a.Out)
}

// drawLanes draws one column per source, so that the eye sees who spoke when.
func (a *app) drawLanes(list []*orderledgerv1.TimelineEntry) error {
	var names []string
	for _, e := range list {
		if !slices.Contains(names, lane(e)) {
			names = append(names, lane(e))
		}
	}
	t := a.table(append(append([]string{"TIME"}, names...), "WHAT")...)
	for _, e := range list {
		cells := []string{when(entryTime(e))}
		for _, n := range names {
			mark := "│"
			if n == lane(e) {
				mark = "●"
			}
			cells = append(cells, mark)
		}
		t.row(append(cells, a.what(e))...)
	}
	return t.write(a.Out)
}
