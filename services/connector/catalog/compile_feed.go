package catalog

import (
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

func (c *compiler) feed(s *System, f *file, t *fileFeed) {
	at := "feeds[" + t.Name.Text + "]"
	if t.Name.Text == "" || s.Feed(t.Name.Text) != nil {
		c.bad(t.Name, "%s.name: must be given and unique", at)
		return
	}
	feed := Feed{Name: t.Name.Text, Settle: t.Settle, ExpectedEvery: t.ExpectedEvery, Poll: t.Poll, Webhook: t.Webhook, Lookup: t.Lookup, Files: t.Files, Kafka: t.Kafka}
	for _, w := range t.Documents {
		e := c.byName[w.Text]
		if e == nil {
			var known []string
			for n := range c.byName {
				known = append(known, n)
			}
			c.bad(w, "%s.documents: no document %q%s", at, w.Text, strictyaml.Hint(w.Text, known))
			continue
		}
		feed.Documents = append(feed.Documents, w.Text)
		feed.documents = append(feed.documents, e.doc)
	}
	if len(t.Documents) == 0 {
		c.bad(t.Name, "%s.documents: name at least one", at)
	}
	c.proves(at, &feed, t)
	c.way(s, &feed, t)
	c.lookup(&feed, t)
	s.Feeds = append(s.Feeds, feed)
}

// way compiles how a feed's documents come: asked for, pushed, in files, or on a
// topic.
func (c *compiler) way(s *System, feed *Feed, t *fileFeed) {
	at := "feeds[" + t.Name.Text + "]"
	ways := 0
	for _, there := range []bool{t.Poll != nil, t.Webhook != nil, t.Files != nil, t.Kafka != nil} {
		if there {
			ways++
		}
	}
	switch {
	case ways != 1:
		c.bad(t.Name, "%s: give poll:, webhook:, files: or kafka:, exactly one of them", at)
	case t.Poll != nil:
		c.poll(at+".poll", t)
	case t.Webhook != nil:
		c.webhook(s, feed, t)
	case t.Kafka != nil:
		c.kafka(feed, t)
	default:
		c.files(s, feed, t)
	}
}

func (c *compiler) proves(at string, feed *Feed, t *fileFeed) {
	switch t.Coverage.Text {
	case "proven", "":
		feed.Coverage = ledger.CoverageProven
	case "assumed":
		feed.Coverage = ledger.CoverageAssumed
		if feed.Settle == 0 {
			c.bad(t.Coverage, "%s.settle: assumed coverage needs a settle time", at)
		}
	default:
		c.bad(t.Coverage, "%s.coverage: %q is neither proven nor assumed", at, t.Coverage.Text)
	}
	for i := range t.Proves {
		p := ledger.Proof{Axis: c.axis(at+".proves.axis", t.Proves[i].Axis), Object: t.Proves[i].Object.Text}
		if !feed.claims(p) {
			c.bad(t.Proves[i].Object, "%s.proves: none of its documents claims %s on an object %q", at, p.Axis, p.Object)
		}
		feed.Proves = append(feed.Proves, p)
	}
	slices.SortFunc(feed.Proves, func(a, b ledger.Proof) int {
		if a.Axis != b.Axis {
			return int(a.Axis) - int(b.Axis)
		}
		return strings.Compare(a.Object, b.Object)
	})
}

// claims reports whether a document of the feed, or a part of one, makes a
// claim of that axis and object type.
func (f *Feed) claims(p ledger.Proof) bool {
	for _, d := range f.documents {
		if d.claimsOn(p) || slices.ContainsFunc(d.embeds, func(e embedded) bool { return e.doc.claimsOn(p) }) {
			return true
		}
	}
	return false
}

func (d *mapping) claimsOn(p ledger.Proof) bool {
	return slices.ContainsFunc(d.claims, func(cl claim) bool {
		typ := cl.objectType
		if typ == "" {
			typ = d.objectType
		}
		return cl.axis == p.Axis && typ == p.Object
	})
}

func (c *compiler) webhook(s *System, feed *Feed, t *fileFeed) {
	at := "feeds[" + feed.Name + "].webhook"
	if w := s.WebhookFeed(); w != nil {
		c.bad(t.Name, "%s: feed %q receives webhooks already; a system has one such feed", at, w.Name)
	}
	if err := t.Webhook.Verify.Validate(); err != nil {
		c.bad(t.Name, "%s.verify: %s", at, err)
	}
	feed.topic = c.expr(at+".topic", t.Webhook.Topic)
	feed.trigger = c.fetch(at+".fetch", t)
	if feed.Coverage == ledger.CoverageProven && len(feed.Proves) > 0 {
		c.bad(t.Name, "%s: deliveries prove that a source lives, not that it was heard completely; declare coverage: assumed or let a polled feed prove", at)
	}
	for _, d := range feed.documents {
		if d.scheme == ledger.SchemeNone && d.nativeID == nil {
			c.bad(c.byName[d.name].text.Name, "documents[%s]: %s carries it, so it needs a version: or a native_id:; without either a repeated delivery cannot be told from news", d.name, at)
		}
	}
}

// pollKinds are the ways to page through a change list.
var pollKinds = [...]string{"cursor", "keyset", "link-header", "offset", "page", "suiteql"}

func (c *compiler) poll(at string, t *fileFeed) {
	p := t.Poll
	missing := func(ok bool, key, why string) {
		if !ok {
			c.bad(p.Kind, "%s.%s: %s", at, key, why)
		}
	}
	if !slices.Contains(pollKinds[:], p.Kind.Text) {
		c.bad(p.Kind, "%s.kind: %q is no way to page%s", at, p.Kind.Text, strictyaml.Hint(p.Kind.Text, pollKinds[:]))
	}
	missing(strings.HasPrefix(p.Path, "/"), "path", "must begin with /")
	missing(p.Limit > 0, "limit", "say how many items a page may hold")
	missing(p.Interval > 0, "interval", "say how long to wait between polls")
	switch p.Kind.Text {
	case "keyset":
		missing(len(p.After) > 0, "after", "the parameters of later pages are missing")
		missing(p.KeyVersion != "" && p.KeyID != "", "key_version", "keyset paging needs key_version and key_id")
	case "suiteql":
		missing(strings.Contains(p.SQL, "{window}"), "sql", "must hold {window}")
		missing(p.First != "" && p.Next != "", "window_first", "window_first and window_next are missing")
		missing(p.KeyVersion != "" && p.KeyID != "", "key_version", "keyset paging needs key_version and key_id")
	case "cursor":
		missing(len(p.After) > 0, "after", "the parameters of later pages are missing")
		missing(p.More != "" && p.KeyID != "", "more", "paging by cursor needs more and key_id")
	case "page", "offset":
		missing(p.KeyID != "", "key_id", "paging by offset needs key_id, to see whether the list moved")
		missing(p.Limit > 1, "limit", "paging by offset reads one item twice; allow at least two a page")
		missing(p.Total != "", "total", "paging by offset is safe only where the answer says how many items there are")
	}
	switch p.Auth.Scheme {
	case "", "none", "oauth1":
	case "header", "bearer", "basic":
		missing(p.Auth.Token != "", "auth.token", "name the token in the source's configuration")
		missing(p.Auth.Scheme != "header" || p.Auth.Header != "", "auth.header", "name the header")
	default:
		c.bad(p.Kind, "%s.auth.scheme: %q is none of none, header, bearer, basic, oauth1", at, p.Auth.Scheme)
	}
}
