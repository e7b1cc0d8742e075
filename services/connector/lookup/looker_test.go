package lookup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/lookup"
	"github.com/orderledger/orderledger/services/connector/poll"
)

var start = time.Date(2026, 3, 2, 10, 2, 0, 0, time.UTC)

// book is a log that remembers answers among what was appended, in order, and a
// ledger whose orders wait until they are answered.
type book struct {
	connectortest.Log
	looked  []*ledger.Looked
	before  []int // events in the log before each
	waiting []ledger.Awaited
	refuse  error
}

func (b *book) Look(_ context.Context, l *ledger.Looked) error {
	if b.refuse != nil {
		return b.refuse
	}
	b.looked = append(b.looked, l)
	b.before = append(b.before, len(b.Outgoing().Events))
	return nil
}

func (b *book) Awaiting(f ledger.FeedKey, limit int, skip func(ledger.OrderKey, ledger.Instant) bool) ([]ledger.Awaited, error) {
	var out []ledger.Awaited
	for _, w := range b.waiting {
		if w.Feed == f && len(out) < limit && !skip(w.Order, w.Need) {
			out = append(out, w)
		}
	}
	return out, nil
}

// world is a source whose answers a test makes.
type world struct {
	t       *testing.T
	book    *book
	clock   *connectortest.Clock
	answer  func(w http.ResponseWriter, r *http.Request, body string)
	asked   []string // bodies, or URIs
	looker  *lookup.Looker
	dateOff time.Duration
}

func newWorld(t *testing.T, system string, src connector.Source) *world {
	t.Helper()
	cat, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	sys, err := cat.System(system)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, book: &book{}, clock: connectortest.NewClock(start)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.asked = append(w.asked, r.URL.RequestURI()+" "+string(raw))
		rw.Header().Set("Date", w.clock.Now().Add(w.dateOff).Format(http.TimeFormat))
		w.answer(rw, r, string(raw))
	}))
	t.Cleanup(server.Close)
	src.BaseURL = server.URL
	src.LiveFrom = connector.Moment(ledger.At(start.Add(-time.Hour)))
	w.looker, err = lookup.New(lookup.Options{
		Source: &src, System: sys, Ledger: w.book, Log: w.book, Clock: w.clock, Client: poll.NewClient(http.DefaultTransport), Timeout: time.Second,
		Tokens: map[string]string{"consumer_key": "a", "consumer_secret": "b", "token_id": "c", "token_secret": "d", "api_key": "k:s", "access_token": "t"},
		Logger: slog.New(slog.DiscardHandler), Jitter: func() float64 { return 0 }, Nonce: func() string { return "n" }, Budget: poll.NewBudget(w.clock, 1000, 1000),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func tokens(names ...string) map[string]connector.SecretRef {
	out := map[string]connector.SecretRef{}
	for _, n := range names {
		out[n] = connector.SecretRef{Env: "NOWHERE"}
	}
	return out
}

// netsuite is an ERP that is asked for sales orders by the storefront's id, at
// once and without lag, as in the worked case.
func netsuite(t *testing.T) *world {
	none := connector.Span(0)
	w := newWorld(t, "netsuite", connector.Source{
		Name: "netsuite-main", System: "netsuite", OriginSource: "shop", Account: "1", Tokens: tokens("consumer_key", "consumer_secret", "token_id", "token_secret"),
		Lookup: connector.LookupSettings{Wait: &none}, Feeds: map[string]connector.FeedSettings{"sales-orders": {LookupLag: &none}},
	})
	w.wait("shop~1001", start.Add(time.Second))
	return w
}

func (w *world) wait(order string, need time.Time, aliases ...ledger.Alias) {
	w.book.waiting = append(w.book.waiting, ledger.Awaited{
		Feed: ledger.FeedKey{Source: "netsuite-main", Feed: "sales-orders"}, Order: ledger.OrderKey(order), Need: ledger.At(need), Aliases: aliases,
	})
}

// round lets the looker look once.
func (w *world) round() error { return w.looker.Round(w.t.Context()) }

func (w *world) mustRound() {
	w.t.Helper()
	if err := w.round(); err != nil {
		w.t.Fatal(err)
	}
}

const salesOrder = `{"id":"77","recordtype":"SalesOrd","tranid":"SO77","status":"B","order_externalid":"%s","createddate":"2026-03-02T10:01:00","lastmodifieddate":"2026-03-02T10:01:00"}`

func items(list ...string) string {
	return `{"items":[` + strings.Join(list, ",") + `],"hasMore":false}`
}

func say(status int, body string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestAbsentIsAProof: nothing there, said once, of when it was asked; and no
// sooner than an answer reaches as far as it is needed.
func TestAbsentIsAProof(t *testing.T) {
	w := netsuite(t)
	w.answer = say(200, items())
	w.mustRound()
	w.clock.Move(1999 * time.Millisecond) // the need is 10:02:01, the skew 1 s
	w.mustRound()
	if len(w.asked) != 0 {
		t.Fatalf("asked %q before an answer could reach far enough", w.asked)
	}
	w.clock.Move(time.Millisecond)
	w.mustRound()
	want := &ledger.Looked{Source: "netsuite-main", Feed: "sales-orders", Order: "shop~1001", AskedAt: ledger.At(start.Add(2 * time.Second))}
	if len(w.book.looked) != 1 || *w.book.looked[0] != *want {
		t.Fatalf("looked %+v, want %+v", w.book.looked, want)
	}
	var q struct{ Q string }
	if _, body, _ := strings.Cut(w.asked[0], " "); json.Unmarshal([]byte(body), &q) != nil || !strings.Contains(q.Q, "AND t.externalid = '1001'") || strings.Contains(q.Q, "{") {
		t.Errorf("asked %s", w.asked[0])
	}
	for range 3 {
		w.clock.Move(time.Hour)
		w.mustRound()
	}
	if len(w.asked) != 1 {
		t.Errorf("asked %d times for one need", len(w.asked))
	}
	w.book.waiting[0].Need = ledger.At(start.Add(time.Hour)) // the rule's next step
	w.mustRound()
	if len(w.book.looked) != 2 {
		t.Errorf("%d answers for two needs", len(w.book.looked))
	}
}

// TestFoundIsEvidenceFirst: the document stands in the log before the answer.
func TestFoundIsEvidenceFirst(t *testing.T) {
	w := netsuite(t)
	w.clock.Move(time.Minute)
	w.answer = say(200, items(fmt.Sprintf(salesOrder, "10012"), fmt.Sprintf(salesOrder, "1001")))
	w.mustRound()
	events := w.book.Outgoing().Events
	if len(events) != 2 || events[1].Order != "shop~1001" || !events[1].Read() || len(w.book.looked) != 1 || !w.book.looked[0].Found || w.book.before[0] != 2 {
		t.Fatalf("events %+v, looked %+v after %v", events, w.book.looked, w.book.before)
	}
}

// TestFoundElsewhereIsAbsent: documents of other orders are news, and no answer
// about this one.
func TestFoundElsewhereIsAbsent(t *testing.T) {
	w := netsuite(t)
	w.clock.Move(time.Minute)
	w.answer = say(200, items(fmt.Sprintf(salesOrder, "10012")))
	w.mustRound()
	if len(w.book.looked) != 1 || w.book.looked[0].Found || len(w.book.Outgoing().Events) != 1 {
		t.Fatalf("looked %+v", w.book.looked)
	}
}

// TestNoAnswerIsNoProof: whatever goes wrong, nothing is said of the order, and
// it is asked again later.
func TestNoAnswerIsNoProof(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, string){
		"500":              say(500, "{}"),
		"503 with a list":  say(503, items()),
		"401":              say(401, items()),
		"403":              say(403, items()),
		"429":              say(429, items()),
		"404":              say(404, items()),
		"throttled as 400": say(400, "SSS_REQUEST_LIMIT_EXCEEDED"),
		"moved": func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, "/login", http.StatusFound)
		},
		"no list":            say(200, `{"hasMore":false}`),
		"null":               say(200, `{"items":null,"hasMore":false}`),
		"nothing":            say(204, ""),
		"a login page":       say(200, "<html></html>"),
		"more to come":       say(200, `{"items":[],"hasMore":true}`),
		"does not say more":  say(200, `{"items":[]}`),
		"unreadable":         say(200, items(`{"id":"77","recordtype":"SalesOrd","status":"B","order_externalid":"1001","lastmodifieddate":"soon"}`)),
		"hangs up halfway":   func(w http.ResponseWriter, _ *http.Request, _ string) { panic(http.ErrAbortHandler) },
		"answers much later": func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			w := netsuite(t)
			w.clock.Move(time.Minute)
			w.answer = answer
			_ = w.round()
			if len(w.book.looked) != 0 {
				t.Fatalf("proved %+v", w.book.looked[0])
			}
			w.answer = say(200, items())
			w.clock.Move(time.Hour)
			w.mustRound()
			if len(w.book.looked) != 1 {
				t.Errorf("it is not asked again")
			}
		})
	}
}

// TestAClockThatIsOffProvesNothing: coverage of the source would be withheld,
// too.
func TestAClockThatIsOffProvesNothing(t *testing.T) {
	w := netsuite(t)
	w.clock.Move(time.Minute)
	w.dateOff, w.answer = 5*time.Second, say(200, items())
	if err := w.round(); err == nil || len(w.book.looked) != 0 {
		t.Errorf("%v, proved %+v", err, w.book.looked)
	}
}

// TestOneWrongQuestionDoesNotHoldUpTheOthers: it waits longer each time.
func TestOneWrongQuestionDoesNotHoldUpTheOthers(t *testing.T) {
	w := netsuite(t)
	w.wait("shop~1002", start)
	w.wait("other~1003", start)           // not an order of the origin whose ids it carries
	w.wait("shop~10' OR '1'%3D'1", start) // never part of a query
	w.clock.Move(time.Minute)
	w.answer = func(rw http.ResponseWriter, _ *http.Request, body string) {
		if strings.Contains(body, "'1001'") {
			rw.WriteHeader(400)
			return
		}
		_, _ = io.WriteString(rw, items())
	}
	for range 60 {
		w.mustRound()
		w.clock.Move(time.Second)
	}
	if len(w.book.looked) != 1 || w.book.looked[0].Order != "shop~1002" {
		t.Errorf("looked %+v", w.book.looked)
	}
	if wrong := slices.DeleteFunc(slices.Clone(w.asked), func(s string) bool { return strings.Contains(s, "'1002'") }); len(wrong) != 2 {
		t.Errorf("asked %d times in a minute: %q", len(wrong), wrong)
	}
}

// TestAFaultOfOneOrderDoesNotHoldUpTheOthers: a source that is out of order for
// one question is left alone for a while, and then asked another one first.
func TestAFaultOfOneOrderDoesNotHoldUpTheOthers(t *testing.T) {
	w := netsuite(t)
	w.wait("shop~1002", start.Add(2*time.Second))
	w.clock.Move(time.Minute)
	w.answer = func(rw http.ResponseWriter, _ *http.Request, body string) {
		if strings.Contains(body, "'1001'") {
			rw.WriteHeader(500)
			return
		}
		_, _ = io.WriteString(rw, items())
	}
	if err := w.round(); err == nil {
		t.Fatal("a source that is out of order is not left alone")
	}
	w.clock.Move(time.Second)
	w.mustRound()
	if len(w.book.looked) != 1 || w.book.looked[0].Order != "shop~1002" {
		t.Errorf("looked %+v", w.book.looked)
	}
}

// TestTheLogDecides: an answer that is not in the log was not given.
func TestTheLogDecides(t *testing.T) {
	w := netsuite(t)
	w.clock.Move(time.Minute)
	w.answer = say(200, items(fmt.Sprintf(salesOrder, "1001")))
	w.book.SetGate(func(context.Context, connector.Outgoing) error { return connector.ErrUnavailable })
	if err := w.round(); !errors.Is(err, connector.ErrUnavailable) || len(w.book.looked) != 0 {
		t.Fatalf("%v, looked %+v", err, w.book.looked)
	}
	w.book.SetGate(nil)
	w.clock.Move(time.Minute)
	w.book.refuse = connector.ErrUndecided
	if err := w.round(); !errors.Is(err, connector.ErrUndecided) {
		t.Fatalf("%v", err)
	}
	w.book.refuse = nil
	w.mustRound()
	if len(w.book.looked) != 1 || !w.book.looked[0].Found {
		t.Errorf("looked %+v", w.book.looked)
	}
}

// TestByANameTheSourceKnows: ShipStation knows the order's number. What is found
// under it is joined by the ledger, so it is no proof yet; nothing found is one.
func TestByANameTheSourceKnows(t *testing.T) {
	w := newWorld(t, "shipstation", connector.Source{
		Name: "shipstation-eu", System: "shipstation", OriginSource: "shop", Tokens: tokens("api_key"),
	})
	number := ledger.Alias{Scope: "shop", Type: "order-number", Value: "A/7 &8"}
	feed := ledger.FeedKey{Source: "shipstation-eu", Feed: "orders"}
	w.book.waiting = []ledger.Awaited{
		{Feed: feed, Order: "shop~1", Need: ledger.At(start), Aliases: []ledger.Alias{number}},
		{Feed: feed, Order: "shop~2", Need: ledger.At(start)}, // no number yet
	}
	w.clock.Move(10 * time.Minute)
	w.answer = func(rw http.ResponseWriter, r *http.Request, _ string) {
		if got, err := url.QueryUnescape(r.URL.Query().Get("orderNumber")); err != nil || got != "A/7 &8" || r.URL.Path != "/orders" {
			t.Errorf("asked %s", r.URL)
		}
		_, _ = io.WriteString(rw, `{"orders":[],"total":0,"page":1,"pages":0}`)
	}
	w.mustRound()
	if len(w.asked) != 1 || len(w.book.looked) != 1 || w.book.looked[0].Order != "shop~1" || w.book.looked[0].Found {
		t.Errorf("asked %q, looked %+v", w.asked, w.book.looked)
	}
	w.book.waiting[0].Need = ledger.At(start.Add(time.Minute))
	w.answer = say(200, `{"orders":[],"total":3}`)
	w.mustRound()
	if len(w.book.looked) != 1 {
		t.Error("a list that is not complete proves")
	}
}

// TestAnOrdersOwnSourceCannotMissIt: that answer says something about us.
func TestAnOrdersOwnSourceCannotMissIt(t *testing.T) {
	w := newWorld(t, "shopify", connector.Source{Name: "shop", System: "shopify", Origin: true, Tokens: tokens("access_token")})
	w.book.waiting = []ledger.Awaited{{Feed: ledger.FeedKey{Source: "shop", Feed: "orders"}, Order: "shop~1", Need: ledger.At(start)}}
	w.clock.Move(10 * time.Minute)
	w.answer = say(200, `{"orders":[]}`)
	w.mustRound()
	if len(w.asked) != 1 || !strings.Contains(w.asked[0], "ids=1") || len(w.book.looked) != 0 {
		t.Errorf("asked %q, looked %+v", w.asked, w.book.looked)
	}
}
