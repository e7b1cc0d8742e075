package lookup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
)

// maxNames is how many names of an order are asked for. One that has more, as
// merged orders may, is not asked for at all: the source may know it by the last.
const maxNames = 6

// way builds the questions of one feed.
type way struct {
	lookup  *catalog.Lookup
	poll    *catalog.Poll
	base    *url.URL
	origin  ledger.Source
	own     ledger.Source
	fixed   *strings.Replacer // {account} and {version}
	caller  *poll.Caller
	feed    *catalog.Feed
	expects []int
}

func newWay(o *Options, f *catalog.Feed) (*way, error) {
	base, err := url.Parse(strings.TrimSuffix(o.Source.BaseURL, "/"))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("source %s: base_url: say where feed %s is looked up", o.Source.Name, f.Name)
	}
	w := &way{lookup: f.Lookup, poll: f.Poll, base: base, origin: o.Source.OriginName(), own: ledger.Source(o.Source.Name), feed: f}
	version := o.Source.Version
	if version == "" && f.Poll != nil {
		version = f.Poll.Version
	}
	w.fixed = strings.NewReplacer("{account}", url.PathEscape(o.Source.Account), "{version}", url.PathEscape(version))
	if a := f.Lookup.Absent; a != nil {
		w.expects = []int{int(a.Status)}
	}
	w.caller = &poll.Caller{
		Source: o.Source, Auth: *f.Lookup.Auth, Tokens: o.Tokens, Nonce: o.Nonce, Client: o.Client, Clock: o.Clock,
		Timeout: o.Timeout, MaxAnswer: o.MaxAnswer, Expected: w.expects,
	}
	return w, nil
}

// names are those by which the system may know an order: its id at the origin
// whose ids the source carries, or aliases of the declared types that the origin
// or the source itself issued. An absence is one under every name, so there are
// none if one cannot be asked for.
func (w *way) names(a *ledger.Awaited) []string {
	if len(w.lookup.By) == 0 {
		if a.Order.Origin() != w.origin {
			return nil
		}
		id := a.Order.NativeID()
		if !w.can(id) {
			return nil
		}
		return []string{id}
	}
	var out []string
	for _, n := range a.Aliases {
		if !slices.Contains(w.lookup.By, n.Type) || n.Scope != w.origin && n.Scope != w.own || slices.Contains(out, n.Value) {
			continue
		}
		if len(out) == maxNames || !w.can(n.Value) {
			return nil
		}
		out = append(out, n.Value)
	}
	return out
}

// can reports whether a name may stand in a question. Paths and parameters are
// escaped; SQL takes plain characters alone.
func (w *way) can(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	return w.lookup.Window == "" || strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:-") == ""
}

// question builds the request for one name.
func (w *way) question(ctx context.Context, name string) (*http.Request, error) {
	raw := w.base.EscapedPath() + strings.ReplaceAll(w.fixed.Replace(w.lookup.Path), "{name}", url.PathEscape(name))
	whole, err := url.Parse(w.base.Scheme + "://" + w.base.Host + raw)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	method, body := http.MethodGet, []byte(nil)
	q := url.Values{}
	for key, text := range w.lookup.Query {
		q.Set(key, strings.ReplaceAll(text, "{name}", name))
	}
	if w.lookup.Window != "" {
		sql := strings.ReplaceAll(w.poll.SQL, "{window}", strings.ReplaceAll(w.lookup.Window, "{name}", name))
		if body, err = json.Marshal(map[string]string{"q": sql}); err != nil {
			return nil, fmt.Errorf("encode query: %w", err)
		}
		method = http.MethodPost
		q.Set("limit", fmt.Sprint(w.poll.Limit))
		q.Set("offset", "0")
	}
	whole.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, whole.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for key, text := range w.lookup.Headers {
		req.Header.Set(key, text)
	}
	return req, nil
}

// Why an answer says nothing.
var (
	errNotAbsent  = errors.New("the answer is not what the system says where there is no such order; check base_url")
	errMore       = errors.New("the list in the answer is not complete")
	errClock      = errors.New("the source's clock is further off than declared; nothing it says is a proof")
	errOwn        = errors.New("the source shows nothing of an order that it told us of itself; is it allowed to show old orders?")
	errUnreadable = errors.New("the answer shows a document that cannot be read")
)

// items are the documents of an answer; none means that there is no such order.
func (w *way) items(ans *poll.Answer) ([]json.RawMessage, error) {
	if slices.Contains(w.expects, ans.Status) {
		if poll.ValueAt(ans.Body, w.lookup.Absent.Has) == nil {
			return nil, errNotAbsent
		}
		return nil, nil
	}
	path := w.lookup.Items
	if path == "." {
		path = ""
	}
	list, err := poll.ItemsOf(ans.Body, path)
	if err != nil {
		return nil, err
	}
	if w.lookup.More != "" && string(poll.ValueAt(ans.Body, w.lookup.More)) != "false" {
		return nil, errMore
	}
	if w.lookup.Total != "" && string(poll.ValueAt(ans.Body, w.lookup.Total)) != fmt.Sprint(len(list)) {
		return nil, errMore
	}
	return list, nil
}

// answer is what all names of an order gave together.
type answer struct {
	asked  ledger.Instant // of the first question
	found  bool
	parked bool
}

// ask asks for an order by each of its names, and appends what is shown.
func (l *Looker) ask(ctx context.Context, a *asking, w *ledger.Awaited, names []string) (answer, error) {
	var got answer
	for _, name := range names {
		if err := l.opts.Budget.Take(ctx); err != nil {
			return got, err
		}
		req, err := a.way.question(ctx, name)
		if err != nil {
			return got, &poll.Fault{Outcome: connector.OutcomeBroken, Err: err}
		}
		ans, err := a.way.caller.Call(ctx, req)
		if err != nil {
			return got, err
		}
		if ans.Off(l.skew) {
			return got, &poll.Fault{Outcome: connector.OutcomeUnavailable, Status: ans.Status, Err: errClock}
		}
		items, err := a.way.items(ans)
		if err != nil {
			return got, &poll.Fault{Outcome: connector.OutcomeBroken, Status: ans.Status, Err: err}
		}
		if got.asked == 0 {
			got.asked = ans.Asked
		}
		if err := l.emit(ctx, shown{a, w, items, ans}, &got); err != nil {
			return got, err
		}
	}
	if !got.found && w.Order.Origin() == a.key.Source {
		return got, &poll.Fault{Outcome: connector.OutcomeBroken, Status: http.StatusOK, Err: errOwn}
	}
	return got, nil
}

// shown is what an answer shows of an order.
type shown struct {
	a     *asking
	w     *ledger.Awaited
	items []json.RawMessage
	ans   *poll.Answer
}

// emit appends what an answer shows; it is acknowledged before anything is
// proven by it. Documents of other orders, which some systems show because their
// names begin alike, are news like any.
func (l *Looker) emit(ctx context.Context, s shown, got *answer) error {
	var out connector.Outgoing
	unreadable := false
	for _, item := range s.items {
		res := l.mapper.Map(catalog.Input{Feed: s.a.feed, Raw: item, ReceivedAt: s.ans.Received, AskedAt: s.ans.Asked})
		switch {
		case res.Event != nil && res.Event.Order == s.w.Order:
			got.found = true
		case res.Unkeyed != nil && slices.Contains(s.w.Aliases, res.Unkeyed.By):
			got.found, got.parked = true, true
		case res.Quarantined != nil:
			unreadable = true
		}
		out.Join(res.Outgoing())
	}
	if !out.Empty() {
		if err := l.opts.Log.Append(ctx, out); err != nil {
			return fmt.Errorf("append what was found of %s: %w", s.w.Order, err)
		}
	}
	if unreadable {
		return &poll.Fault{Outcome: connector.OutcomeBroken, Status: s.ans.Status, Err: errUnreadable}
	}
	return nil
}
