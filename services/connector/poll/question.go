package poll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// asker builds the requests of one feed.
type asker struct {
	poll *catalog.Poll
	base *url.URL
	path string
	zone *time.Location
}

func newAsker(o *Options, poll *catalog.Poll) (*asker, error) {
	base, err := url.Parse(strings.TrimSuffix(o.Source.BaseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("source %s: base_url: %w", o.Source.Name, err)
	}
	var zone *time.Location
	if zone, err = time.LoadLocation(o.System.ZoneOf(o.Source)); err != nil {
		return nil, fmt.Errorf("source %s: zone: %w", o.Source.Name, err)
	}
	version := o.Source.Version
	if version == "" {
		version = poll.Version
	}
	path := strings.NewReplacer("{account}", url.PathEscape(o.Source.Account), "{version}", url.PathEscape(version)).Replace(poll.Path)
	return &asker{poll: poll, base: base, path: path, zone: zone}, nil
}

// resumable reports whether a poll can go on after a kill: lists sorted by what
// changed last and lists that go on behind an id can, lists by offset cannot.
func (a *asker) resumable() bool {
	switch a.poll.Kind.Text {
	case "offset":
		return false
	case "cursor":
		return true
	default:
		return a.poll.KeyVersion != ""
	}
}

// fillers are the values that templates may name.
func (a *asker) fillers(o *open) (map[string]string, error) {
	since := o.From
	if o.After.Version != "" && a.poll.Kind.Text == "link-header" {
		// Taking up a list whose continuation was lost: everything before the
		// last item acknowledged has been read already.
		at, ok := a.stampOf(o.After.Version)
		if !ok {
			return nil, errKey
		}
		since = max(since, at.Add(-ledger.Second))
	}
	if a.poll.Kind.Text == "page" {
		since = a.sinceOf(o)
	}
	if o.After.Version != "" && (!safeKey(o.After.Version) || !safeKey(o.After.ID)) {
		return nil, errKey
	}
	number, size := window(o.offset, a.poll.Limit)
	offset := o.offset
	if offset > 0 {
		offset-- // one item twice, to see that the list did not move
	}
	return map[string]string{
		"{since}": a.spell(since), "{page}": strconv.FormatInt(number, 10), "{page.size}": strconv.FormatInt(size, 10),
		"{limit}": strconv.FormatInt(a.poll.Limit, 10), "{offset}": strconv.FormatInt(offset, 10),
		"{key.version}": o.After.Version, "{key.id}": o.After.ID,
	}, nil
}

// spell writes an instant as the system's filter wants it.
func (a *asker) spell(at ledger.Instant) string {
	switch layout := a.poll.SinceLayout; layout {
	case "":
		return at.Time().UTC().Format(time.RFC3339)
	case "unix":
		return strconv.FormatInt(at.Time().Unix(), 10)
	default:
		return local(at.Time(), a.zone).Format(layout)
	}
}

// local is the earliest local time at or after an instant. Before clocks are
// set back, what comes after is stamped with times that were passed already.
func local(at time.Time, zone *time.Location) time.Time {
	here := at.In(zone)
	_, end := here.ZoneBounds()
	if end.IsZero() {
		return here
	}
	_, before := here.Zone()
	back := end.In(zone)
	_, after := back.Zone()
	if after < before && back.Sub(here) < time.Duration(before-after)*time.Second {
		return back // its local time is the lesser one
	}
	return here
}

// errKey says that an item's sort key cannot be used. Keys end up in queries,
// so only plain characters are let through.
var errKey = errors.New("sort key of an item is empty or holds characters that a stamp or id cannot have")

func safeKey(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:+_-") == ""
}

func fill(text string, with map[string]string) string {
	for k, v := range with {
		text = strings.ReplaceAll(text, k, v)
	}
	return text
}

// question builds the request for the next page of o.
func (a *asker) question(ctx context.Context, o *open) (*http.Request, error) {
	with, err := a.fillers(o)
	if err != nil {
		return nil, err
	}
	u := *a.base
	u.Path = a.base.Path + a.path
	method, body := http.MethodGet, []byte(nil)
	switch {
	case o.next != "":
		u.RawQuery = o.next
	case a.poll.Kind.Text == "suiteql":
		window := a.poll.First
		if o.After.Version != "" {
			window = a.poll.Next
		}
		sql := strings.ReplaceAll(a.poll.SQL, "{window}", fill(window, with))
		if body, err = json.Marshal(map[string]string{"q": sql}); err != nil {
			return nil, fmt.Errorf("encode query: %w", err)
		}
		method = http.MethodPost
		u.RawQuery = url.Values{"limit": {with["{limit}"]}, "offset": {"0"}}.Encode()
	default:
		query := a.poll.Query
		if more := o.After.Version != "" || a.poll.Kind.Text == "cursor" && o.After.ID != ""; more && len(a.poll.After) > 0 {
			query = a.poll.After
		}
		v := url.Values{}
		for name, text := range query {
			v.Set(name, fill(text, with))
		}
		u.RawQuery = v.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, text := range a.poll.Headers {
		req.Header.Set(name, text)
	}
	return req, nil
}

// stampOf reads the version of a sort key.
func (a *asker) stampOf(s string) (ledger.Instant, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return ledger.At(t), true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, a.zone); err == nil {
			return ledger.At(t), true
		}
	}
	return 0, false
}
