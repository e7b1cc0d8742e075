package judge

import (
	"bytes"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// bounds are what the copies of a document teach (S-5).
type bounds struct {
	received  ledger.Instant
	asked     ledger.Instant // greatest, 0 if never read
	prev      ledger.Instant // smallest, 0 if none
	delivered bool
}

// document is one state of one object, with every way on which it came.
type document struct {
	ev    *ledger.Event
	keyed []bounds // one of each copy that named the order itself
	// named are the copies that an alias brought: of each alias the greatest route.
	named map[ledger.Alias]named
}

type named struct {
	route int64
	live  bool
	bounds
}

func (d *dossier) document(ev *ledger.Event) *document {
	doc := d.docs[ev.ID]
	if doc == nil {
		doc = &document{ev: ev, named: map[ledger.Alias]named{}}
		d.docs[ev.ID] = doc
	}
	return doc
}

// hear takes a copy that names its order itself.
func (d *dossier) hear(ev *ledger.Event) {
	doc := d.document(ev)
	doc.keyed = append(doc.keyed, bounds{ev.ReceivedAt, ev.AskedAt, ev.PrevAsked, ev.AskedAt == 0})
}

// join takes what an alias brought, or took back.
func (d *dossier) join(r *ledger.Reemit) {
	doc := d.document(&r.Event)
	if old, ok := doc.named[r.Alias]; ok && r.Route <= old.route {
		return
	}
	ev := &r.Event
	doc.named[r.Alias] = named{r.Route, r.Live, bounds{ev.ReceivedAt, ev.AskedAt, ev.PrevAsked, r.Delivered}}
}

// heard joins the bounds of all copies that count; false if none does.
func (doc *document) heard() (bounds, bool) {
	all := slices.Clone(doc.keyed)
	for _, n := range doc.named { //lint:a extremes do not depend on order
		if n.live {
			all = append(all, n.bounds)
		}
	}
	if len(all) == 0 {
		return bounds{}, false
	}
	out := all[0]
	for _, b := range all[1:] {
		out.received, out.asked = min(out.received, b.received), max(out.asked, b.asked)
		if b.prev != 0 && (out.prev == 0 || b.prev < out.prev) {
			out.prev = b.prev
		}
		out.delivered = out.delivered || b.delivered
	}
	return out, true
}

func (d *dossier) alive() bool {
	for _, doc := range d.docs { //lint:a any will do
		if _, ok := doc.heard(); ok {
			return true
		}
	}
	return false
}

// word is one claim of one document, with what the document's copies taught.
type word struct {
	ledger.Claim
	bounds
	ev    *ledger.Event
	state ledger.State
}

// objectKey names a register: one object of one source on one axis.
type objectKey struct {
	source ledger.Source
	axis   ledger.Axis
	object ledger.Object
}

func compareObjects(a, b objectKey) int {
	if a.source != b.source {
		if a.source < b.source {
			return -1
		}
		return 1
	}
	if a.axis != b.axis {
		return int(a.axis) - int(b.axis)
	}
	return a.object.Compare(b.object)
}

// words sorts the claims of the living documents by what they speak of. Within
// an object they stand by event id.
func (d *dossier) words(l *law) map[objectKey][]word {
	out := map[objectKey][]word{}
	for _, doc := range d.living() {
		b, _ := doc.heard()
		for _, c := range doc.ev.Claims {
			if c.Axis.Valid() {
				k := objectKey{doc.ev.Source, c.Axis, c.Object}
				out[k] = append(out[k], word{c, b, doc.ev, l.state(doc.ev.System, c.Axis, c.Native)})
			}
		}
	}
	return out
}

// living lists the documents that count, by event id.
func (d *dossier) living() []*document {
	var out []*document
	for _, doc := range d.docs { //lint:sorted below
		if _, ok := doc.heard(); ok {
			out = append(out, doc)
		}
	}
	slices.SortFunc(out, func(a, b *document) int { return bytes.Compare(a.ev.ID[:], b.ev.ID[:]) })
	return out
}

// shelvedSince is the first receipt of a document with a word that the matrix
// does not know; false if there is none.
func (d *dossier) shelvedSince(l *law) (ledger.Instant, bool) {
	first, any := ledger.Forever, false
	for _, doc := range d.living() {
		b, _ := doc.heard()
		for _, c := range doc.ev.Claims {
			if c.Axis.Valid() && l.state(doc.ev.System, c.Axis, c.Native) == ledger.Unmapped {
				first, any = min(first, b.received), true
			}
		}
	}
	return first, any
}

// stampOf is the newest stamp that a document carries.
func stampOf(ev *ledger.Event) ledger.Instant {
	s := ledger.Instant(0)
	for _, c := range ev.Claims {
		s = max(s, c.Earliest)
	}
	return s
}

// byStamp sorts documents by stamp, then event id.
func byStamp(docs []*document) []*document {
	slices.SortStableFunc(docs, func(a, b *document) int { return compareInstants(stampOf(a.ev), stampOf(b.ev)) })
	return docs
}
