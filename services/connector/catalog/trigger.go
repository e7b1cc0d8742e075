package catalog

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/document"
)

// ReasonElsewhere is the reason of quarantine of a delivery that names a place
// which is not the source's own.
const ReasonElsewhere = "foreign-url"

// Fetch says that deliveries of a webhook carry no document, only where lists
// of them can be read.
type Fetch struct {
	// Shape recognises such a delivery, URL is the place that it names.
	Shape Expr `yaml:"shape"`
	URL   Expr `yaml:"url"`
	// Lists are the places that may be read, behind the source's base URL.
	Lists []FetchList `yaml:"lists"`
	// Page and PageSize are the query parameters of paging, Pages is the path,
	// in an answer, of how many pages there are.
	Page     string `yaml:"page"`
	PageSize string `yaml:"page_size"`
	Pages    string `yaml:"pages"`
	Limit    int64  `yaml:"limit"`
	Auth     Auth   `yaml:"auth"`
}

// FetchList is one place that may be read.
type FetchList struct {
	Path string `yaml:"path"`
	// Items is the path of the list in the answer.
	Items string `yaml:"items"`
	// Query are parameters to ask with, so that the list shows as much as the
	// polled one does.
	Query map[string]string `yaml:"query"`
}

// Trigger is a delivery that only says where to read.
type Trigger struct {
	// URL was checked: it lies within the source's own base URL.
	URL string
}

// trigger is the compiled form of a Fetch.
type trigger struct {
	shape, url *program
	lists      []FetchList
}

func (c *compiler) fetch(at string, t *fileFeed) *trigger {
	f := t.Webhook.Fetch
	if f == nil {
		return nil
	}
	out := &trigger{shape: c.need(at+".shape", f.Shape, t.Name), url: c.need(at+".url", f.URL, t.Name), lists: f.Lists}
	if len(f.Lists) == 0 {
		c.bad(t.Name, "%s.lists: name the places that may be read", at)
	}
	for _, l := range f.Lists {
		if !strings.HasPrefix(l.Path, "/") || l.Items == "" {
			c.bad(t.Name, "%s.lists: want a path that begins with / and the path of the items", at)
		}
	}
	if f.Page == "" || f.PageSize == "" || f.Pages == "" || f.Limit <= 0 {
		c.bad(t.Name, "%s: page, page_size, pages and limit are needed", at)
	}
	return out
}

// triggered recognises a delivery that only says where to read. The second
// result is false for all others.
func (x *extraction) triggered() (*Trigger, bool, error) {
	t := x.in.Feed.trigger
	if t == nil {
		return nil, false, nil
	}
	if hit, err := x.truth(t.shape, x.doc); err != nil || !hit {
		return nil, false, nil
	}
	raw, err := x.needText(t.url, x.doc)
	if err != nil {
		return nil, true, err
	}
	if _, _, err := x.in.Feed.Within(x.mapper.baseURL, raw); err != nil {
		return nil, true, err
	}
	return &Trigger{URL: raw}, true, nil
}

// ErrElsewhere says that a delivery names a place that is not the source's own.
// Following it would let a stranger send our credentials wherever he likes.
var ErrElsewhere = errors.New("the place it names lies outside of the source's base_url, or is no list that may be read")

// Within checks a place that a delivery named: it must have the scheme, host
// and port of the source's base URL, https unless that is this machine, and
// the path of one of the feed's lists.
func (f *Feed) Within(base, raw string) (*url.URL, FetchList, error) {
	own, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || own.Host == "" {
		return nil, FetchList{}, fmt.Errorf("set base_url, so that it is known where to read: %w", ErrElsewhere)
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 2048 || u.User != nil || u.Opaque != "" || u.Fragment != "" || u.RawPath != "" {
		return nil, FetchList{}, ErrElsewhere
	}
	if !strings.EqualFold(u.Scheme, own.Scheme) || !strings.EqualFold(u.Host, own.Host) || (u.Scheme != "https" && !loopback(u.Hostname())) {
		return nil, FetchList{}, ErrElsewhere
	}
	if f.trigger == nil || path.Clean(u.Path) != u.Path {
		return nil, FetchList{}, ErrElsewhere
	}
	i := slices.IndexFunc(f.trigger.lists, func(l FetchList) bool { return u.Path == own.Path+l.Path })
	if i < 0 {
		return nil, FetchList{}, ErrElsewhere
	}
	return u, f.trigger.lists[i], nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkFetch demands what reading the places named by deliveries needs.
func (s *System) checkFetch(src *connector.Source, bad func(path, format string, args ...any)) {
	f := s.WebhookFeed()
	if f == nil || f.Webhook.Fetch == nil || len(src.SecretFiles)+len(src.SecretEnv) == 0 {
		return
	}
	if src.BaseURL == "" {
		bad("base_url", "deliveries of %s only name where to read; say which place is its own", s.Name)
	}
	if t := f.Webhook.Fetch.Auth.Token; t != "" {
		if _, ok := src.Tokens[t]; !ok {
			bad("tokens."+t, "reading what deliveries name needs it")
		}
	}
}

// Decline quarantines a document that the mapper itself would take: what it
// asks for cannot be done here.
func (m *Mapper) Decline(in Input, reason, detail string) Result {
	doc, err := document.Decode(in.Raw, m.limits)
	if err != nil {
		return m.quarantine(&in, in.Raw, ReasonBroken, err.Error())
	}
	m.redaction.Apply(doc)
	body, err := document.Encode(doc)
	if err != nil {
		return m.quarantine(&in, in.Raw, ReasonBroken, err.Error())
	}
	return m.quarantine(&in, body, reason, detail)
}
