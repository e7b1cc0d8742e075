package poll_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/connector/connectortest"
)

// version is one state of one record of a fake source: stamped at Stamp,
// visible to readers only from Visible on.
type version struct {
	ID      int
	Stamp   time.Time
	Visible time.Time
	Status  string
	// Body replaces the rendered item.
	Body string
}

// fakeSource answers as NetSuite, Shopify and two plain lists do. Every
// request takes a second of the clock.
type fakeSource struct {
	clock    *connectortest.Clock
	versions []version
	limit    int
	// dateOff is how far the source's clock is ahead of ours.
	dateOff time.Duration
	// script answers the next requests instead; nil entries answer normally.
	script []func() *http.Response
	asked  []*http.Request
	bodies []string
	noDate bool
}

// current returns the newest visible version of every record, sorted by
// (stamp, id).
func (f *fakeSource) current() []version {
	now := f.clock.Now()
	newest := map[int]version{}
	for _, v := range f.versions {
		if !v.Visible.After(now) && (newest[v.ID].Stamp.IsZero() || v.Stamp.After(newest[v.ID].Stamp)) {
			newest[v.ID] = v
		}
	}
	var out []version
	for _, v := range newest {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b version) int {
		if c := a.Stamp.Compare(b.Stamp); c != 0 {
			return c
		}
		return a.ID - b.ID
	})
	return out
}

const sqlLayout = "2006-01-02T15:04:05"

func (f *fakeSource) Do(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	f.asked, f.bodies = append(f.asked, req), append(f.bodies, body)
	f.clock.Move(500 * time.Millisecond)
	defer f.clock.Move(500 * time.Millisecond)
	if len(f.script) > 0 {
		next := f.script[0]
		f.script = f.script[1:]
		if next != nil {
			return next(), nil
		}
	}
	switch {
	case strings.HasSuffix(req.URL.Path, "/suiteql"):
		return f.suiteql(body)
	case strings.HasSuffix(req.URL.Path, "/orders.json"):
		return f.linked(req.URL.Query())
	case strings.HasSuffix(req.URL.Path, "/v1/events"):
		return f.stripe(req.URL.Query())
	case req.URL.Path == "/orders":
		return f.shipstation(req.URL.Query())
	case strings.HasSuffix(req.URL.Path, "/by-offset"):
		return f.byOffset(req.URL.Query())
	default:
		return nil, errors.New("no such host")
	}
}

func (f *fakeSource) respond(status int, h http.Header, body any) (*http.Response, error) {
	raw, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		raw = string(b)
	}
	if h == nil {
		h = http.Header{}
	}
	if !f.noDate {
		h.Set("Date", f.clock.Now().Add(f.dateOff).UTC().Format(http.TimeFormat))
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(raw))}, nil
}

var (
	sinceIn = regexp.MustCompile(`>= TO_DATE\('([^']+)'`)
	keyIn   = regexp.MustCompile(`= '([^']+)' AND t.id > (\d+)`)
)

func (f *fakeSource) suiteql(body string) (*http.Response, error) {
	var q struct{ Q string }
	if err := json.Unmarshal([]byte(body), &q); err != nil {
		return nil, err
	}
	keep := func(version) bool { return false }
	if m := sinceIn.FindStringSubmatch(q.Q); m != nil {
		keep = func(v version) bool { return v.Stamp.Format(sqlLayout) >= m[1] }
	} else if m := keyIn.FindStringSubmatch(q.Q); m != nil {
		id, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, err
		}
		keep = func(v version) bool {
			s := v.Stamp.Format(sqlLayout)
			return s > m[1] || (s == m[1] && v.ID > id)
		}
	}
	items := []json.RawMessage{}
	more := false
	for _, v := range f.current() {
		if !keep(v) {
			continue
		}
		if len(items) == f.limit {
			more = true
			break
		}
		items = append(items, v.row())
	}
	return f.respond(200, nil, map[string]any{"items": items, "hasMore": more, "count": len(items), "links": []any{}})
}

// row renders a NetSuite sales order.
func (v version) row() json.RawMessage {
	if v.Body != "" {
		return json.RawMessage(v.Body)
	}
	return json.RawMessage(fmt.Sprintf(`{"id":"%d","recordtype":"SalesOrd","tranid":"SO%d","status":"%s","order_externalid":"%d","foreigntotal":"10.00","currency":"EUR","createddate":"%s","lastmodifieddate":"%s"}`,
		v.ID, v.ID, v.Status, 1000+v.ID, v.Stamp.Format(sqlLayout), v.Stamp.Format(sqlLayout)))
}

// order renders a Shopify order.
func (v version) order() json.RawMessage {
	if v.Body != "" {
		return json.RawMessage(v.Body)
	}
	return json.RawMessage(fmt.Sprintf(`{"id":%d,"name":"#%d","order_number":%d,"created_at":"%s","updated_at":"%s","financial_status":"%s","fulfillment_status":null,"currency":"EUR","total_price":"10.00","line_items":[]}`,
		v.ID, v.ID, v.ID, v.Stamp.Format(time.RFC3339), v.Stamp.Format(time.RFC3339), v.Status))
}

// linked answers as an orders list with continuation links. The continuation
// remembers where the page ended, as the real one does.
func (f *fakeSource) linked(q url.Values) (*http.Response, error) {
	since, afterID := q.Get("updated_at_min"), 0
	if info := q.Get("page_info"); info != "" {
		stamp, id, _ := strings.Cut(info, "|")
		n, err := strconv.Atoi(id)
		if err != nil {
			return nil, err
		}
		since, afterID = stamp, n
	}
	from, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return f.respond(400, nil, `{"errors":"bad updated_at_min"}`)
	}
	var items []json.RawMessage
	h := http.Header{}
	var last version
	for _, v := range f.current() {
		if v.Stamp.Before(from) || (v.Stamp.Equal(from) && v.ID <= afterID) {
			continue
		}
		if len(items) == f.limit {
			h.Set("Link", fmt.Sprintf(`<https://shop.test/admin/api/2026-07/orders.json?limit=%d&page_info=%s>; rel="next"`, f.limit,
				url.QueryEscape(last.Stamp.UTC().Format(time.RFC3339)+"|"+strconv.Itoa(last.ID))))
			break
		}
		items, last = append(items, v.order()), v
	}
	return f.respond(200, h, map[string]any{"orders": items})
}

// byOffset answers pages cut by position, which shift when an item moves.
func (f *fakeSource) byOffset(q url.Values) (*http.Response, error) {
	from, err := time.Parse(time.RFC3339, q.Get("since"))
	if err != nil {
		return nil, err
	}
	offset, err := strconv.Atoi(q.Get("offset"))
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	for _, v := range f.current() {
		if !v.Stamp.Before(from) {
			all = append(all, json.RawMessage(fmt.Sprintf(`{"id":"%d","status":"%s","updated":"%s"}`, v.ID, v.Status, v.Stamp.Format(time.RFC3339))))
		}
	}
	page := all[min(offset, len(all)):min(offset+f.limit, len(all))]
	return f.respond(200, nil, map[string]any{"data": page, "total": len(all)})
}
