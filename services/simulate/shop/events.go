package shop

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Newest asks for a list of the payment provider: what was created at Since or
// later, the newest first, behind the item of id After.
type Newest struct {
	Collection Collection
	At         time.Time
	Since      time.Time
	After      string
	// Family is the beginning of the types of events, "" for all.
	Family string
	Limit  int
}

// Newest answers such a query. Events stay as they were; objects are shown as
// they are now. After must be the id of an item that was listed.
func (w *World) Newest(q Newest) (Page, error) {
	w.grow(q.At)
	var all []*doc
	for _, d := range w.docs[q.Collection].since(q.Since) {
		if len(d.versions) > 0 && !d.versions[0].at.After(q.At) && !d.versions[0].at.Truncate(time.Second).Before(q.Since) && strings.HasPrefix(d.kind, q.Family) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *doc) int {
		if c := b.versions[0].at.Compare(a.versions[0].at); c != 0 {
			return c
		}
		return strings.Compare(b.name, a.name)
	})
	if q.After != "" {
		all = all[1+slices.IndexFunc(all, func(d *doc) bool { return d.name == q.After }):]
	}
	var p Page
	if q.Limit > 0 && len(all) > q.Limit {
		all, p.More = all[:q.Limit], true
	}
	for _, d := range all {
		n := len(d.versions) - 1
		for d.versions[n].at.After(q.At) {
			n--
		}
		raw, err := encode(d.versions[n].body)
		if err != nil {
			return Page{}, err
		}
		p.Items, p.Orders = append(p.Items, json.RawMessage(raw)), append(p.Orders, d.order)
	}
	return p, nil
}
