package api

import (
	"context"
	"strconv"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func timelineFields() fields {
	var axes []string
	for x := ledger.Axis(1); x <= ledger.Axes; x++ {
		axes = append(axes, upper(x.String()))
	}
	return fields{
		"kind": {words: timeline.Kinds()}, "axis": {words: axes}, "source": {}, "feed": {}, "received_at": {kind: timeField},
		"rule": {}, "exception_id": {},
	}
}

// GetTimeline implements OrderServiceServer.
func (a *orders) GetTimeline(_ context.Context, req *orderledgerv1.GetTimelineRequest) (*orderledgerv1.GetTimelineResponse, error) {
	k, err := orderKey(req.GetOrder())
	if err != nil {
		return nil, err
	}
	size, err := pageSize(req.GetPageSize(), timelineStandard, timelineMost)
	if err != nil {
		return nil, err
	}
	f, err := timelineFields().parse(req.GetFilter())
	if err != nil {
		return nil, err
	}
	by, err := sortOf(req.GetOrderBy(), "sequence", "sequence", "occurred")
	if err != nil {
		return nil, err
	}
	bound := requestHash("timeline", req.GetOrder(), req.GetFilter(), req.GetOrderBy(), strconv.Itoa(int(req.GetPageSize())))
	after, err := a.s.pages.open(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	o, fresh, err := a.s.order(k)
	if err != nil {
		return nil, err
	}
	page := top[*timeline.Entry]{s: by, after: after, size: size}
	entries := tell(o.told)
	for i := range entries {
		e := &entries[i]
		if !f.match(entryItem(e)) {
			continue
		}
		var key []string
		for _, x := range by.fields {
			if x.Path == "occurred" {
				key = append(key, sortable(int64(happened(e))))
				continue
			}
			key = append(key, sortable(e.Sequence))
		}
		page.offer(ranked[*timeline.Entry]{key: key, id: sortable(e.Sequence), item: e})
	}
	found, token := page.page(a.s.pages, bound)
	out := &orderledgerv1.GetTimelineResponse{Order: "orders/" + string(k), NextPageToken: token, Freshness: []*orderledgerv1.Freshness{fresh}}
	for _, e := range found {
		out.Entries = append(out.Entries, o.entry(e, fresh.Partition))
	}
	return out, nil
}

// happened is the greatest instant known to lie not after the happening, or the
// upper bound where there is none.
func happened(e *timeline.Entry) ledger.Instant {
	if e.Occurred.Earliest != 0 {
		return e.Occurred.Earliest
	}
	return e.At()
}

func entryItem(e *timeline.Entry) item {
	return func(name string) any {
		switch name {
		case "kind":
			return e.Kind.String()
		case "axis":
			return upper(e.Axis.String())
		case "source":
			return string(e.Source)
		case "feed":
			return e.Feed
		case "received_at":
			return wall(e.ReceivedAt)
		case "rule":
			return e.Rule
		default:
			if e.Exception == (ledger.ExceptionID{}) {
				return ""
			}
			return e.Exception.String()
		}
	}
}
