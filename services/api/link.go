package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// Links knows where the systems themselves show what they keep.
type Links interface {
	// Link returns the page on which a source shows an object of an order, and what
	// the page is; false if none is known.
	Link(source ledger.Source, o ledger.Object, order ledger.OrderKey) (title, address string, ok bool)
}

type noLinks struct{}

func (noLinks) Link(ledger.Source, ledger.Object, ledger.OrderKey) (string, string, bool) {
	return "", "", false
}

// linkOf is the page of an object that a document of an order speaks about; nil
// if none is known. Merged orders have documents of several orders: what a
// document itself names counts.
func linkOf(l Links, ev *ledger.Event, o ledger.Object, order ledger.OrderKey) *orderledgerv1.Link {
	if ev == nil || o.Type == "" {
		return nil
	}
	title, address, ok := l.Link(ev.Source, o, cmp.Or(ev.Order, order))
	if !ok {
		return nil
	}
	return &orderledgerv1.Link{Source: string(ev.Source), Object: &orderledgerv1.ObjectRef{Type: o.Type, Id: o.ID}, Title: title, Url: address}
}

// eventsOf are the documents of a story by their ids.
func eventsOf(told []ledger.Told) map[ledger.EventID]*ledger.Event {
	out := map[ledger.EventID]*ledger.Event{}
	for i := range told {
		if e := told[i].Event; e != nil {
			out[e.ID] = e
		}
	}
	return out
}

// allLinks are the pages of every document of the order, the origin's first.
func (o *known) allLinks() []*orderledgerv1.Link {
	type at struct {
		s ledger.Source
		o ledger.Object
	}
	seen := map[at]bool{}
	var out []*orderledgerv1.Link
	for i := range o.told {
		e := o.told[i].Event
		if e == nil {
			continue
		}
		objects := []ledger.Object{e.Object}
		for c := range e.Claims {
			objects = append(objects, e.Claims[c].Object)
		}
		for _, x := range objects {
			if seen[at{e.Source, x}] {
				continue
			}
			seen[at{e.Source, x}] = true
			if l := linkOf(o.links, e, x, o.key); l != nil {
				out = append(out, l)
			}
		}
	}
	rank := func(l *orderledgerv1.Link) int {
		if l.GetSource() == string(o.key.Origin()) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b *orderledgerv1.Link) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.GetSource(), b.GetSource()))
	})
	return out
}

// linkEvidence adds to the evidence of an exception where each document is shown.
func linkEvidence(x *orderledgerv1.Exception, page func(ledger.EventID) *orderledgerv1.Link) {
	for _, e := range x.GetEvidence() {
		if id, err := ledger.ParseEventID(e.GetEventId()); err == nil {
			e.Link = page(id)
		}
	}
}

// pageOf is where a document of the order is shown.
func (o *known) pageOf(id ledger.EventID) *orderledgerv1.Link {
	if e := o.events[id]; e != nil {
		return linkOf(o.links, e, e.Object, o.key)
	}
	return nil
}

// evidencePages are the pages of the documents that an exception rests on.
func (s *Server) evidencePages(r *ledger.Reader, x *ledger.Exception) (func(ledger.EventID) *orderledgerv1.Link, error) {
	none := func(ledger.EventID) *orderledgerv1.Link { return nil }
	if !x.Subject.OfOrder() {
		return none, nil
	}
	told, err := r.Timeline(x.Subject.Order)
	if err != nil {
		return none, err
	}
	o := &known{key: x.Subject.Order, events: eventsOf(told), links: s.opt.Links}
	return o.pageOf, nil
}
