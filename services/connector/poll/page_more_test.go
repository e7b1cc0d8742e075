package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// stripe answers as a list of events does: newest first, going on behind an id.
func (f *fakeSource) stripe(q url.Values) (*http.Response, error) {
	since, err := strconv.ParseInt(q.Get("created[gte]"), 10, 64)
	if err != nil {
		return f.respond(400, nil, `{"error":{"param":"created"}}`)
	}
	now := f.clock.Now()
	var all []version
	for _, v := range f.versions {
		if !v.Visible.After(now) && v.Stamp.Unix() >= since {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b version) int { return b.Stamp.Compare(a.Stamp) })
	name := func(v version) string { return fmt.Sprintf("evt_%dx%d", v.ID, v.Stamp.Unix()) }
	if after := q.Get("starting_after"); after != "" {
		i := slices.IndexFunc(all, func(v version) bool { return name(v) == after })
		if i < 0 {
			return f.respond(400, nil, `{"error":{"code":"resource_missing"}}`)
		}
		all = all[i+1:]
	}
	page := []json.RawMessage{}
	for _, v := range all[:min(f.limit, len(all))] {
		page = append(page, json.RawMessage(fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2024-06-20","created":%d,"livemode":true,"type":"payment_intent.processing",
"data":{"object":{"id":"%d","object":"payment_intent","amount":1,"created":%d,"livemode":true,"metadata":{"order_id":"%d"},"status":"processing"}}}`,
			name(v), v.Stamp.Unix(), v.ID, v.Stamp.Unix(), 1000+v.ID)))
	}
	return f.respond(200, nil, map[string]any{"object": "list", "data": page, "has_more": len(all) > f.limit, "url": "/v1/events"})
}

// pacific is where ShipStation's clocks hang.
var pacific = func() *time.Location {
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err)
	}
	return loc
}()

const pacificLayout = "2006-01-02T15:04:05.0000000"

// shipstation answers as its order list does: by page number, sorted by the
// local time of the last change.
func (f *fakeSource) shipstation(q url.Values) (*http.Response, error) {
	number, errN := strconv.Atoi(q.Get("page"))
	size, errS := strconv.Atoi(q.Get("pageSize"))
	since := q.Get("modifyDateStart")
	if _, err := time.Parse(sqlLayout, since); err != nil || errN != nil || errS != nil || size > f.limit || q.Get("sortBy") != "ModifyDate" {
		return f.respond(400, nil, `{"Message":"The request is invalid."}`)
	}
	type row struct{ text, body string }
	var all []row
	for _, v := range f.current() {
		at := v.Stamp.In(pacific).Format(pacificLayout)
		if at >= since {
			all = append(all, row{at + fmt.Sprintf("|%05d", v.ID), fmt.Sprintf(`{"orderId":%d,"orderNumber":"%d","orderKey":"%d","orderStatus":"shipped","createDate":%q,"modifyDate":%q}`, v.ID, 1000+v.ID, v.ID, at, at)})
		}
	}
	slices.SortFunc(all, func(a, b row) int {
		if a.text < b.text {
			return -1
		}
		return 1
	})
	page := []json.RawMessage{}
	for _, r := range all[min((number-1)*size, len(all)):min(number*size, len(all))] {
		page = append(page, json.RawMessage(r.body))
	}
	return f.respond(200, nil, map[string]any{"orders": page, "total": len(all), "page": number, "pages": (len(all) + size - 1) / size})
}

// named is a bench over one of the two, whose documents name their orders.
func named(t *testing.T, system, feed string, options map[string]string) *bench {
	b := newBench(t, system, feed)
	b.config.Options = options
	b.config.Tokens["api_key"] = connector.SecretRef{Env: "X"}
	b.system.Feed(feed).Poll.Limit = 5
	t.Cleanup(func() {
		b.system.Feed(feed).Poll.Limit = map[string]int64{"stripe": 100, "shipstation": 500}[system]
	})
	return b
}

// TestCoverageByCursorAndByPage: whatever becomes visible late or changes while
// pages are read, and wherever the poller is killed, nothing is called covered
// that does not stand in the log.
func TestCoverageByCursorAndByPage(t *testing.T) {
	for _, tc := range []struct {
		system, feed string
		options      map[string]string
		again        bool
	}{
		{"stripe", "payment-intents", map[string]string{"order_metadata": "order_id"}, false},
		{"shipstation", "orders", map[string]string{"order_key": "storefront-id"}, true},
	} {
		t.Run(tc.system, func(t *testing.T) {
			for seed := range uint64(6) {
				whole := named(t, tc.system, tc.feed, tc.options)
				whole.widen(world(seed, tc.again))
				whole.run(errKilled, 25*time.Second)
				whole.checkCoverage()
				if got := whole.log.EventIDs(); len(got) < 40 {
					t.Fatalf("seed %d: %d events of 40 records", seed, len(got))
				}
				for at := 1; at < 60; at += 3 {
					for _, after := range []bool{false, true} {
						b := named(t, tc.system, tc.feed, tc.options)
						b.widen(world(seed, tc.again))
						s := &seams{b: b, at: at, after: after}
						b.sink, b.store, b.doer = s, s, s
						b.run(errKilled, 25*time.Second)
						b.checkCoverage()
					}
				}
			}
		})
	}
}

// widen makes the feed settle only after what the fake source may hide.
func (b *bench) widen(versions []version) {
	settle := connector.Span(40 * time.Second)
	b.config.Feeds = map[string]connector.FeedSettings{b.feed: {Settle: &settle}}
	b.source.versions = versions
	for i := range versions { // object ids as the catalog reads them
		versions[i].Stamp = versions[i].Stamp.UTC()
	}
}

// TestManyOrdersOfOneSecond: where more items share a second than a page holds,
// pages are counted, and a list that slides meanwhile is read again.
func TestManyOrdersOfOneSecond(t *testing.T) {
	b := named(t, "shipstation", "orders", map[string]string{"order_key": "storefront-id"})
	for id := 1; id <= 23; id++ {
		at := start.Add(-20 * time.Second)
		b.source.versions = append(b.source.versions, version{ID: id, Stamp: at, Visible: at})
	}
	moves := start.Add(2500 * time.Millisecond) // while the pages are counted
	b.source.versions = append(b.source.versions, version{ID: 2, Stamp: moves, Visible: moves})
	p := b.poller()
	moved := 0
	for range 60 {
		done, err := p.Step(context.Background())
		if err != nil {
			moved++
		}
		if done {
			break
		}
	}
	seen := map[string]bool{}
	for _, e := range b.log.Outgoing().Events {
		seen[e.Object.ID] = true
	}
	if len(seen) != 23 || moved != 1 {
		t.Errorf("%d of 23 orders, read again %d times", len(seen), moved)
	}
	b.checkCoverage()
}

// TestPagesThatAreNotSorted: lists that are not sorted as they were asked for are
// not trusted.
func TestPagesThatAreNotSorted(t *testing.T) {
	b := named(t, "shipstation", "orders", nil)
	body := `{"orders":[{"orderId":1,"modifyDate":"2026-03-02T01:00:05.0000000"},{"orderId":2,"modifyDate":"2026-03-02T01:00:04.0000000"}],"total":9,"page":1,"pages":5}`
	b.source.script = []func() *http.Response{answer(200, body)}
	if _, err := b.poller().Step(context.Background()); err == nil {
		t.Error("an unsorted list was taken for a sorted one")
	}
	if b.status() != nil {
		t.Error("and called covered")
	}
}

// TestCursorThatIsGone: if the item to go on behind no longer exists, the poll
// begins anew and loses nothing.
func TestCursorThatIsGone(t *testing.T) {
	b := named(t, "stripe", "payment-intents", map[string]string{"order_metadata": "order_id"})
	for id := 1; id <= 12; id++ {
		at := start.Add(time.Duration(id-30) * time.Second)
		b.source.versions = append(b.source.versions, version{ID: id, Stamp: at, Visible: at})
	}
	p := b.poller()
	if _, err := p.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	gone := b.source.versions[7] // the last of the first page
	b.source.versions = slices.Delete(b.source.versions, 7, 8)
	if _, err := p.Step(context.Background()); err == nil {
		t.Fatal("the refusal passed unnoticed")
	}
	b.pollOnce(p)
	if got := b.log.EventIDs(); len(got) != 12 {
		t.Errorf("%d of 12 events", len(got))
	}
	b.source.versions = append(b.source.versions, gone)
	b.checkCoverage()
}

// TestObjectsOfOldAreReadOnce: only a source that begins before its events are
// kept reads lists of objects, and then once.
func TestObjectsOfOldAreReadOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		since time.Duration
		want  int
	}{"of old": {90 * 24 * time.Hour, 1}, "of today": {24 * time.Hour, 0}} {
		b := named(t, "stripe", "charges-of-old", nil)
		b.config.Since = connector.Moment(ledger.At(start.Add(-tc.since)))
		ctx, cancel := context.WithCancel(context.Background())
		asked := 0
		b.doer = doerFunc(func(*http.Request) (*http.Response, error) {
			asked++
			return b.source.respond(200, nil, map[string]any{"data": []any{}, "has_more": false})
		})
		b.timer = ending{b.clock, start.Add(6 * time.Hour), cancel}
		if err := b.poller().Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if asked != tc.want {
			t.Errorf("%s: asked %d times, want %d", name, asked, tc.want)
		}
	}
}

// ending is a clock that ends the test at an instant.
type ending struct {
	connector.Clock
	at  time.Time
	end func()
}

func (e ending) Wait(ctx context.Context, d time.Duration) error {
	if e.Now().After(e.at) {
		e.end()
	}
	return e.Clock.Wait(ctx, d)
}

// TestClocksSetBack: in the hour before clocks are set back a filter in local
// time reaches back far enough to show what is stamped after it.
func TestClocksSetBack(t *testing.T) {
	b := named(t, "shipstation", "orders", map[string]string{"order_key": "storefront-id"})
	back := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC) // 2:00 becomes 1:00
	b.clock.Move(back.Add(-5 * time.Minute).Sub(b.clock.Now()))
	b.config.Since = connector.Moment(ledger.At(back.Add(-6 * time.Minute)))
	made := back.Add(2 * time.Second)
	b.source.versions = []version{{ID: 7, Stamp: made, Visible: made}}
	p := b.poller()
	for b.clock.Now().Before(back.Add(10 * time.Minute)) {
		b.pollOnce(p)
		b.clock.Move(25 * time.Second)
	}
	if got := b.log.EventIDs(); len(got) != 1 {
		t.Errorf("%d events of the repeated hour, want 1", len(got))
	}
}
