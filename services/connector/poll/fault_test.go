package poll_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/poll"
)

func answer(status int, body string, headers ...string) func() *http.Response {
	return func() *http.Response {
		h := http.Header{}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
	}
}

// until runs the poller's own loop until n requests were made.
func (b *bench) until(n int) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.doer = doerFunc(func(r *http.Request) (*http.Response, error) {
		if len(b.source.asked) == n {
			cancel()
			return nil, context.Canceled
		}
		return b.source.Do(r)
	})
	if err := b.poller().Run(ctx); !errors.Is(err, context.Canceled) {
		b.t.Fatal(err)
	}
}

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestThrottlingIsHonoured(t *testing.T) {
	for name, tc := range map[string]struct {
		res  func() *http.Response
		wait time.Duration
	}{
		"fractional seconds":  {answer(429, "", "Retry-After", "2.5"), 3 * time.Second},
		"seconds":             {answer(429, "", "Retry-After", "7"), 7500 * time.Millisecond},
		"date":                {answer(429, "", "Retry-After", start.Add(30*time.Second).Format(http.TimeFormat)), 30 * time.Second},
		"netsuite as 400":     {answer(400, `{"o:errorDetails":[{"o:errorCode":"SSS_REQUEST_LIMIT_EXCEEDED"}]}`), 750 * time.Millisecond},
		"beyond all patience": {answer(429, "", "Retry-After", "864000"), 15*time.Minute + 500*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "netsuite", "sales-orders")
			b.source.script = []func() *http.Response{tc.res}
			b.until(2)
			var longest time.Duration
			for _, w := range b.clock.Waits()[:3] {
				longest = max(longest, w)
			}
			if longest < tc.wait-500*time.Millisecond || longest > tc.wait+500*time.Millisecond {
				t.Errorf("waited %s, want about %s", longest, tc.wait)
			}
			if b.saw[0].Outcome != connector.OutcomeThrottled {
				t.Errorf("counted %s", b.saw[0].Outcome)
			}
			if b.status() == nil || b.status().LastHeard < ledger.At(start.Add(tc.wait/2)) {
				t.Error("the poll did not succeed afterwards")
			}
		})
	}
}

func TestBackOffGrows(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	for range 9 {
		b.source.script = append(b.source.script, answer(500, ""))
	}
	b.until(10)
	var waits []time.Duration
	for _, w := range b.clock.Waits() {
		if w >= 500*time.Millisecond && w != 10*time.Second {
			waits = append(waits, w)
		}
	}
	if len(waits) < 9 || waits[0] != 750*time.Millisecond || waits[8] != 90*time.Second {
		t.Errorf("waits %v", waits)
	}
	if b.saw[0].Outcome != connector.OutcomeUnavailable || b.log.Entries()[0].Status == nil {
		t.Errorf("a failed poll left %+v", b.log.Entries()[0])
	}
}

// TestFailedPollKeepsLastHeard: silence must show.
func TestFailedPollKeepsLastHeard(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	p := b.poller()
	b.pollOnce(p)
	before := *b.status()
	b.clock.Move(time.Hour)
	b.source.script = []func() *http.Response{answer(502, ""), answer(200, "<html>"), answer(200, `{"items":null}`), answer(404, "")}
	for range 4 {
		if _, err := p.Step(context.Background()); err == nil {
			t.Fatal("a broken answer passed for a page")
		}
		if got := b.status(); got.LastHeard != before.LastHeard {
			t.Errorf("last heard moved to %s", got.LastHeard)
		}
	}
	if last := b.saw[len(b.saw)-1]; last.Outcome != connector.OutcomeRefused || last.Err == nil {
		t.Errorf("counted %+v", last)
	}
}

// TestDeniedWithdrawsTheNewestStretch: a source that stops letting us read may
// have begun to answer less before.
func TestDeniedWithdrawsTheNewestStretch(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	p := b.poller()
	for range 3 {
		b.pollOnce(p)
		b.clock.Move(time.Minute)
	}
	proven := b.status().Intervals[0]
	b.source.script = []func() *http.Response{answer(403, ""), answer(403, ""), answer(401, "")}
	for range 3 {
		if _, err := p.Step(context.Background()); err == nil {
			t.Fatal("403 passed for a page")
		}
	}
	st := b.status()
	if st.Epoch != (ledger.Epoch{Number: 2, OpenedBy: "poller-0"}) {
		t.Fatalf("epoch %+v: want one new epoch for one loss", st.Epoch)
	}
	if len(st.Withdrawn) != 1 || st.Withdrawn[0].Until != proven.Until || len(st.Intervals) != 1 || st.Intervals[0].Until != st.Withdrawn[0].From {
		t.Fatalf("withdrawn %v, left %v of %v", st.Withdrawn, st.Intervals, proven)
	}
	b.pollOnce(p)
	st = b.status()
	if len(st.Intervals) != 1 || st.Intervals[0].From != proven.From || st.Intervals[0].Until <= proven.Until || st.Epoch.Number != 2 {
		t.Errorf("after permission came back: %+v", st)
	}
	last := b.source.bodies[len(b.source.bodies)-1]
	if from := st.Withdrawn[0].From.Add(-31 * ledger.Second).Time().Format(sqlLayout); !strings.Contains(last, from) {
		t.Errorf("read again from elsewhere than %s: %s", from, last)
	}
}

func TestLostCursorOpensAnEpoch(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.pollOnce(b.poller())
	st := *b.status()
	st.Cursor = []byte("not a cursor")
	if err := b.log.Save(context.Background(), &st); err != nil {
		t.Fatal(err)
	}
	b.clock.Move(time.Minute)
	b.pollOnce(b.poller())
	got := b.status()
	if got.Epoch.Number != 2 || len(got.Withdrawn) != 1 || got.Withdrawn[0] != st.Intervals[0] {
		t.Errorf("status %+v", got)
	}
	if len(got.Intervals) != 1 || got.Intervals[0].From != b.config.Since.Instant() {
		t.Errorf("not proven anew from the beginning: %v", got.Intervals)
	}
}

func TestAnotherInstanceOpensAnEpoch(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.pollOnce(b.poller())
	first := *b.status()
	b.clock.Move(time.Minute)
	b.name = "poller-1"
	b.pollOnce(b.poller())
	got := b.status()
	if got.Epoch != (ledger.Epoch{Number: 2, OpenedBy: "poller-1"}) || got.Instance != "poller-1" || len(got.Withdrawn) != 0 {
		t.Errorf("status %+v", got)
	}
	if len(got.Intervals) != 1 || got.Intervals[0].From != first.Intervals[0].From || got.Intervals[0].Until <= first.Intervals[0].Until {
		t.Errorf("intervals %v after %v", got.Intervals, first.Intervals)
	}
}

func TestSkewWithholdsCoverage(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	p := b.poller()
	b.pollOnce(p)
	before := *b.status()
	b.clock.Move(time.Minute)
	b.source.dateOff = -8 * time.Second
	b.pollOnce(p)
	st := b.status()
	if !st.SkewExceeded || st.Intervals[0] != before.Intervals[0] || st.LastHeard == before.LastHeard {
		t.Fatalf("8 s behind, 1 s declared: %+v", st)
	}
	if st.Skew > -7*ledger.Second || st.Skew < -9*ledger.Second {
		t.Errorf("measured %s", st.Skew)
	}
	b.source.dateOff = 0
	b.clock.Move(time.Minute)
	b.pollOnce(p)
	if st = b.status(); st.SkewExceeded || len(st.Intervals) != 1 || st.Intervals[0].Until <= before.Intervals[0].Until {
		t.Errorf("after the clock was put right: %+v", st)
	}
	if st.SourceDate == 0 {
		t.Error("the source's Date is not recorded")
	}
}

// TestUnreadableDocumentIsAHole: quarantined with its bytes, its neighbours go
// on, and the feed says over which stretch it cannot vouch.
func TestUnreadableDocumentIsAHole(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	at := start.Add(-5 * time.Second)
	b.source.versions = []version{
		{ID: 1, Stamp: at, Visible: at, Status: "A"},
		{ID: 2, Stamp: at, Visible: at, Body: `{"id":"2","recordtype":"SalesOrd","status":"A","status":"B","order_externalid":"1002","createddate":"2026-03-02T08:59:55","lastmodifieddate":"2026-03-02T08:59:55"}`},
		{ID: 3, Stamp: at, Visible: at, Body: `{"id":"3","recordtype":"SalesOrd","tranid":"SO3","status":"A","order_externalid":null,"createddate":"2026-03-02T08:59:55","lastmodifieddate":"2026-03-02T08:59:55"}`},
		{ID: 4, Stamp: at, Visible: at, Status: "A"},
	}
	p := b.poller()
	for range 5 {
		b.pollOnce(p)
		b.clock.Move(5 * time.Second)
	}
	all := b.log.Outgoing()
	if len(all.Quarantined) != 1 || all.Quarantined[0].Reason != catalog.ReasonBroken {
		t.Fatalf("quarantined %+v", all.Quarantined)
	}
	if ids := b.log.EventIDs(); len(ids) != 2 {
		t.Errorf("%d neighbours went on, want 2", len(ids))
	}
	st := b.status()
	if len(st.Holes) != 1 || st.Holes[0].Quarantine != all.Quarantined[0].ID || st.Holes[0].Interval.From > ledger.At(at) || st.Holes[0].Interval.Until <= ledger.At(at) {
		t.Errorf("holes %+v", st.Holes)
	}
	foreign := 0
	for _, o := range b.saw {
		if o.Outcome == connector.OutcomeForeign {
			foreign += o.Count
		}
	}
	if foreign == 0 {
		t.Error("the order without a storefront was not counted as foreign")
	}
}

// TestHistoryWindowIsNoProof: reading further back than the source allows
// answers an empty page, which must not be called hearing.
func TestHistoryWindowIsNoProof(t *testing.T) {
	b := newBench(t, "shopify", "orders")
	b.config.Since = connector.Moment(ledger.At(start.Add(-200 * 24 * time.Hour)))
	p := b.poller()
	b.pollOnce(p)
	oldest := ledger.At(start.Add(-60 * 24 * time.Hour))
	if iv := b.status().Intervals[0]; iv.From < oldest {
		t.Fatalf("claims %s, readable only from %s", iv.From, oldest)
	}
	b.clock.Move(90 * 24 * time.Hour)
	b.pollOnce(p)
	if n := len(b.status().Intervals); n != 2 {
		t.Errorf("%d intervals; a stall longer than the window must leave a gap", n)
	}
}

func TestLinksStayAtHome(t *testing.T) {
	b := newBench(t, "shopify", "orders")
	b.source.script = []func() *http.Response{answer(200, `{"orders":[]}`, "Link", `<https://elsewhere.test/x?page_info=1>; rel="next"`)}
	p := b.poller()
	if _, err := p.Step(context.Background()); err == nil {
		t.Fatal("a link to another host was followed")
	}
	if got := b.source.asked[0].Header.Get("X-Shopify-Access-Token"); got != "t0ken" {
		t.Errorf("token header %q", got)
	}
	if q := b.source.asked[0].URL.Query(); q.Get("status") != "any" || q.Get("order") != "updated_at asc" || q.Get("limit") != "250" {
		t.Errorf("asked %v", q)
	}
}

// TestExpiredContinuation: the list is taken up behind the last item read.
func TestExpiredContinuation(t *testing.T) {
	b := newBench(t, "shopify", "orders")
	for id := 1; id <= 12; id++ {
		at := start.Add(time.Duration(id-50) * time.Second)
		b.source.versions = append(b.source.versions, version{ID: id, Stamp: at, Visible: at, Status: "paid"})
	}
	b.source.script = []func() *http.Response{nil, answer(400, `{"errors":"page_info is no longer valid"}`)}
	p := b.poller()
	if _, err := p.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Step(context.Background()); err == nil {
		t.Fatal("400 passed for a page")
	}
	b.pollOnce(p)
	if n := len(b.log.EventIDs()); n != 12 {
		t.Errorf("%d of 12 orders read", n)
	}
	if q := b.source.asked[2].URL.Query(); q.Get("page_info") != "" || q.Get("updated_at_min") < "2026-03-02T08:59:1" {
		t.Errorf("taken up with %v", q)
	}
}

const offsetSystem = `
system: plainlist
role: wms
precision: 1s
skew: 1s
feeds:
- name: parcels
  documents: [parcel]
  settle: 5s
  poll:
    kind: offset
    path: /by-offset
    query: {since: "{since}", offset: "{offset}", limit: "{limit}"}
    items: data
    total: total
    key_id: id
    limit: 5
    interval: 10s
documents:
- name: parcel
  kind: shipment
  shape: has(it.id)
  order: it.id
  object: {type: parcel, id: it.id}
  version: {scheme: timestamp, parts: [it.updated]}
  claims:
  - {axis: fulfilment, native: it.status}
words:
- {axis: fulfilment, words: [A]}
`

// TestOffsetListsThatMoveAreReadAgain: while pages are read, an item of the
// first page moves to the end, so that everything behind it slides forward by
// one. A reader that trusts offsets would miss the item at the seam.
func TestOffsetListsThatMoveAreReadAgain(t *testing.T) {
	s, err := catalog.Parse("plainlist.yaml", []byte(offsetSystem))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, "shopify", "orders")
	b.system, b.feed, b.config.System = s, "parcels", "plainlist"
	for id := 1; id <= 20; id++ {
		at := start.Add(time.Duration(id-30) * time.Second)
		b.source.versions = append(b.source.versions, version{ID: id, Stamp: at, Visible: at, Status: "A"})
	}
	moves := start.Add(1200 * time.Millisecond) // between the first page and the second
	b.source.versions = append(b.source.versions, version{ID: 2, Stamp: moves.Truncate(time.Second), Visible: moves, Status: "A"})
	p := b.poller()
	movedSeen := 0
	for range 30 {
		done, err := p.Step(context.Background())
		var f *poll.Fault
		if errors.As(err, &f) {
			movedSeen++
		} else if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
	}
	if movedSeen != 1 {
		t.Errorf("the move was noticed %d times, want once", movedSeen)
	}
	if n := len(b.log.EventIDs()); n != 21 {
		t.Errorf("%d states read, want 20 and the one that moved", n)
	}
}

func TestBudgetSpreadsRequests(t *testing.T) {
	clock := connectortest.NewClock(start)
	budget := poll.NewBudget(clock, 2, 2)
	for range 6 {
		if err := budget.Take(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Now().Sub(start); took != 2*time.Second {
		t.Errorf("6 requests at 2 a second with a burst of 2 took %s, want 2s", took)
	}
}

func TestOversizeAnswerIsRefused(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.source.script = []func() *http.Response{answer(200, `{"items":[],"hasMore":false,"pad":"`+strings.Repeat("x", 65<<20)+`"}`)}
	if _, err := b.poller().Step(context.Background()); err == nil {
		t.Fatal("65 MiB were taken")
	}
}

// TestDeadLogIsNotAskedFor: nobody is asked for what cannot be kept, and an
// append that failed moves nothing.
func TestDeadLogIsNotAskedFor(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.source.versions = []version{{ID: 1, Stamp: start.Add(-time.Second), Visible: start, Status: "A"}}
	p := b.poller()
	b.log.SetUnhealthy(connector.ErrUnavailable)
	if _, err := p.Step(context.Background()); !errors.Is(err, connector.ErrUnavailable) || len(b.source.asked) != 0 {
		t.Fatalf("%v after %d requests", err, len(b.source.asked))
	}
	b.log.SetUnhealthy(nil)
	b.log.SetGate(func(context.Context, connector.Outgoing) error { return connector.ErrUndecided })
	if _, err := p.Step(context.Background()); !errors.Is(err, connector.ErrUndecided) || b.status() != nil {
		t.Fatalf("%v, status %+v", err, b.status())
	}
	b.log.SetGate(nil)
	b.log.SetSaveError(connector.ErrUnavailable)
	if _, err := p.Step(context.Background()); !errors.Is(err, connector.ErrUnavailable) || len(b.log.EventIDs()) != 1 {
		t.Fatalf("%v", err)
	}
	b.log.SetSaveError(nil)
	b.pollOnce(p)
	if len(b.log.EventIDs()) != 1 || b.status() == nil {
		t.Errorf("after recovery: %d events", len(b.log.EventIDs()))
	}
}
