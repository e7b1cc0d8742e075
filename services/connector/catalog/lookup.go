package catalog

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/connector"
)

// Lookup says how the system is asked about one order. The answer shows every
// object of the feed that belongs to the order, or that there is none, and so
// proves it for this order (S-17). What is left out is that of the feed's poll.
type Lookup struct {
	// Lag is the longest time after which what was done shows in an answer.
	Lag connector.Span `yaml:"lag"`
	// Wait is how long a verdict waits for the feed to be heard before a question
	// is spent on it.
	Wait connector.Span `yaml:"wait"`
	// By are the types of the aliases by which the system may know the order, each
	// of which is asked for; empty: the order's id at its origin. {name} stands for
	// it in Path, Query and Window.
	By    Types             `yaml:"by"`
	Path  string            `yaml:"path"`
	Query map[string]string `yaml:"query"`
	// Window stands for {window} in the poll's sql (kind suiteql).
	Window string `yaml:"window"`
	// Items is the path of the list in the answer; "." is the answer itself.
	Items string `yaml:"items"`
	// Total is the path of how many items there are, More that of a boolean that
	// there are more. A list that is not complete is no answer.
	Total   string            `yaml:"total"`
	More    string            `yaml:"more"`
	Headers map[string]string `yaml:"headers"`
	Auth    *Auth             `yaml:"auth"`
	// Absent says what besides an empty list means that there is no such order.
	Absent *Absent `yaml:"absent"`
}

// Types are types of aliases, written as one word or as a list.
type Types []string

// UnmarshalNode reads a word or a list of words.
func (t *Types) UnmarshalNode(n *yaml.Node) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, w := range list {
		if w.Kind != yaml.ScalarNode || w.Value == "" {
			return errors.New("want the type of an alias, or a list of them")
		}
		*t = append(*t, w.Value)
	}
	return nil
}

// Absent is the answer of a system that knows no such order.
type Absent struct {
	Status int64 `yaml:"status"`
	// Has is a path that the answer's body has: whoever answers 404 to every
	// question, such as a wrong address, does not.
	Has string `yaml:"has"`
}

// LookupFeeds returns the feeds that can be asked about one order.
func (s *System) LookupFeeds() []*Feed {
	var out []*Feed
	for i := range s.Feeds {
		if s.Feeds[i].Lookup != nil {
			out = append(out, &s.Feeds[i])
		}
	}
	return out
}

// lookup completes a feed's look-up from its poll, and checks it.
func (c *compiler) lookup(feed *Feed, t *fileFeed) {
	l, p := t.Lookup, t.Poll
	if l == nil {
		return
	}
	at := "feeds[" + feed.Name + "].lookup"
	if p != nil {
		l.inherit(p)
	}
	switch {
	case l.Path == "" || !strings.HasPrefix(l.Path, "/"):
		c.bad(t.Name, "%s.path: must begin with /", at)
	case l.Items == "":
		c.bad(t.Name, "%s.items: say where in the answer the list is, or \".\" for an answer that is the document itself", at)
	case l.sql() && (p == nil || p.Kind.Text != "suiteql"):
		c.bad(t.Name, "%s.window: belongs to a feed polled by suiteql", at)
	case !slices.ContainsFunc(append(l.texts(), l.Window), func(s string) bool { return strings.Contains(s, "{name}") }):
		c.bad(t.Name, "%s: {name} stands nowhere, so every order would be asked for alike", at)
	case l.Absent != nil && (l.Absent.Status < 400 || l.Absent.Status > 499 || l.Absent.Has == ""):
		c.bad(t.Name, "%s.absent: want the status, such as 404, and has: a path of the answer's body, so that a wrong address is not taken for a missing order", at)
	case l.Absent != nil && (l.Absent.Status == 401 || l.Absent.Status == 403 || l.Absent.Status == 429):
		c.bad(t.Name, "%s.absent.status: %d refuses the question, and says nothing of the order", at, l.Absent.Status)
	case l.Items == "." && l.Absent == nil:
		c.bad(t.Name, "%s.absent: say what the answer is where there is no such order", at)
	}
	if l.Auth == nil {
		l.Auth = &Auth{Scheme: "none"}
	}
}

// inherit takes from a poll what a look-up does not say.
func (l *Lookup) inherit(p *Poll) {
	if l.Path == "" {
		l.Path = p.Path
	}
	if l.Items == "" {
		l.Items = p.Items
	}
	if l.sql() && l.More == "" {
		l.More = p.More
	}
	if l.Headers == nil {
		l.Headers = p.Headers
	}
	if l.Auth == nil {
		l.Auth = &p.Auth
	}
}

func (l *Lookup) sql() bool { return l.Window != "" }

// texts are what {name} may stand in, besides Window.
func (l *Lookup) texts() []string {
	out := []string{l.Path}
	for _, v := range l.Query {
		out = append(out, v)
	}
	return out
}
