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
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// asker builds the requests of one feed.
type asker struct {
	poll   *catalog.Poll
	base   *url.URL
	path   string
	zone   *time.Location
	source *connector.Source
	tokens map[string]string
	nonce  func() string
}

func newAsker(o *Options, poll *catalog.Poll) (*asker, error) {
	base, err := url.Parse(strings.TrimSuffix(o.Source.BaseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("source %s: base_url: %w", o.Source.Name, err)
	}
	zone := time.UTC
	if o.Source.Zone != "" {
		if zone, err = time.LoadLocation(o.Source.Zone); err != nil {
			return nil, fmt.Errorf("source %s: zone: %w", o.Source.Name, err)
		}
	}
	version := o.Source.Version
	if version == "" {
		version = poll.Version
	}
	path := strings.NewReplacer("{account}", url.PathEscape(o.Source.Account), "{version}", url.PathEscape(version)).Replace(poll.Path)
	return &asker{poll: poll, base: base, path: path, zone: zone, source: o.Source, tokens: o.Tokens, nonce: o.Nonce}, nil
}

// resumable reports whether a poll can go on after a kill: lists sorted by what
// changed last can, lists by offset cannot.
func (a *asker) resumable() bool {
	return a.poll.Kind.Text != "offset" && a.poll.KeyVersion != ""
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
	layout := a.poll.SinceLayout
	text := since.Time().UTC().Format(time.RFC3339)
	if layout != "" {
		text = since.Time().In(a.zone).Format(layout)
	}
	if o.After.Version != "" && (!safeKey(o.After.Version) || !safeKey(o.After.ID)) {
		return nil, errKey
	}
	offset := o.offset
	if offset > 0 {
		offset-- // one item twice, to see that the list did not move
	}
	return map[string]string{
		"{since}": text, "{limit}": strconv.FormatInt(a.poll.Limit, 10), "{offset}": strconv.FormatInt(offset, 10),
		"{key.version}": o.After.Version, "{key.id}": o.After.ID,
	}, nil
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
func (a *asker) question(ctx context.Context, o *open, now time.Time) (*http.Request, error) {
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
		if a.poll.Kind.Text == "keyset" && o.After.Version != "" {
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
	a.authorise(req, now)
	return req, nil
}

func (a *asker) authorise(req *http.Request, now time.Time) {
	auth := a.poll.Auth
	switch auth.Scheme {
	case "header":
		req.Header.Set(auth.Header, a.tokens[auth.Token])
	case "bearer":
		req.Header.Set("Authorization", "Bearer "+a.tokens[auth.Token])
	case "basic":
		user, password, _ := strings.Cut(a.tokens[auth.Token], ":")
		req.SetBasicAuth(user, password)
	case "oauth1":
		req.Header.Set("Authorization", oauth1{
			realm: a.source.Account, consumerKey: a.tokens["consumer_key"], consumerSecret: a.tokens["consumer_secret"],
			token: a.tokens["token_id"], tokenSecret: a.tokens["token_secret"],
		}.header(req, a.nonce(), now.Unix()))
	}
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
