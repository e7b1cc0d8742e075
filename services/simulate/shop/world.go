package shop

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Collection names a list that an API can be asked for.
type Collection string

// The collections: the storefront's orders, the ERP's record types, what the
// warehouse and the payment provider list.
const (
	Orders           Collection = "orders"
	SalesOrders      Collection = "SalesOrd"
	ItemFulfillments Collection = "ItemShip"
	Invoices         Collection = "CustInvc"
	CreditMemos      Collection = "CustCred"
	WarehouseOrders  Collection = "warehouse-orders"
	Shipments        Collection = "shipments"
	PaymentIntents   Collection = "payment_intents"
	Charges          Collection = "charges"
	Refunds          Collection = "refunds"
	PaymentEvents    Collection = "events"
	// Parcels are told by the courier, who lists nothing.
	Parcels Collection = "parcels"
)

// World is the shop. It is not safe for concurrent use.
type World struct {
	cfg    Config
	births *births
	lives  []*life
	docs   map[Collection]*shelf
	due    queue
	sent   time.Time // everything that leaves up to here was yielded
	seq    int
	// noticed are the batches of the warehouse whose notices were made.
	noticed map[batch]bool
	// followers, once there are any, get every version instead of the shelves.
	followers []*Follower
}

// New opens a shop.
func New(c Config) (*World, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := &World{cfg: c, docs: map[Collection]*shelf{}, noticed: map[batch]bool{}}
	w.births = newBirths(&w.cfg)
	return w, nil
}

// Config returns the configuration with its defaults filled in.
func (w *World) Config() Config { return w.cfg }

// grow lets every order be born whose time has come.
func (w *World) grow(to time.Time) {
	for {
		at, ok := w.births.peek()
		if !ok || at.After(to) {
			return
		}
		l := newLife(&w.cfg, len(w.lives), at)
		w.births.pop()
		l.live()
		if l.twin {
			w.lives[l.index-1].collides(l)
		}
		if w.forgets() && l.index > 0 {
			w.lives[l.index-1].forget()
		}
		w.lives = append(w.lives, l)
		if l.index%10 == 4 {
			l.docs = append(l.docs, foreign(l), telephoneOrder(l))
		}
		for _, d := range l.docs {
			if w.forgets() {
				w.follow(d)
				continue
			}
			if w.docs[d.collection] == nil {
				w.docs[d.collection] = &shelf{}
			}
			w.docs[d.collection].add(d)
			w.notice(d)
		}
		for _, d := range l.deliveries {
			w.push(d)
		}
	}
}

func (w *World) push(d *Delivery) {
	w.seq++
	d.seq = w.seq
	heap.Push(&w.due, d)
}

// foreign is a sales order that was taken over the telephone: it has no
// storefront order.
func foreign(l *life) *doc {
	id := l.nextRow + 1
	d := &doc{collection: SalesOrders, id: id}
	r := row{Links: []string{}, ID: fmt.Sprint(id), Record: string(SalesOrders), TranID: fmt.Sprintf("SO%d", id), Total: "120.00", Currency: currency}
	at := post(d, &r, l.born.Add(7*time.Second), soPendingApproval)
	post(d, &r, at.Add(time.Minute), soPendingFulfilment)
	return d
}

// Due yields the webhooks that leave up to an instant and were not yielded
// before, in the order in which they leave.
func (w *World) Due(to time.Time) []*Delivery {
	w.grow(to)
	var out []*Delivery
	for len(w.due) > 0 && !w.due[0].Send.After(to) {
		d, ok := heap.Pop(&w.due).(*Delivery)
		if !ok {
			break
		}
		out = append(out, d)
	}
	w.sent = to
	return out
}

// Next returns when the next webhook leaves or the next order is born, whichever
// is sooner; false if nothing will ever happen again.
func (w *World) Next() (time.Time, bool) {
	at, ok := w.births.peek()
	if len(w.due) > 0 && (!ok || w.due[0].Send.Before(at)) {
		return w.due[0].Send, true
	}
	return at, ok
}

// Key is where a list goes on: behind the item of that stamp (whole seconds)
// and id.
type Key struct {
	Stamp time.Time
	ID    int64
}

// Stamp says which of a document's stamps a list goes by.
type Stamp uint8

// The stamps: of the newest version, of the first, and of the one that ended
// the document (a voided label).
const (
	Changed Stamp = 0
	Created Stamp = 1
	Voided  Stamp = 2
)

// Query asks what a collection's API answers at an instant: the newest version
// of every document stamped at Since or later, and behind After, ascending by
// (stamp, id).
type Query struct {
	Collection Collection
	At         time.Time
	Since      time.Time
	After      *Key
	Limit      int
	By         Stamp
	// Batch lists what a notice of the warehouse names instead; "": none.
	Batch string
	// Named lists only what one of these names finds, as each system is asked about
	// one order; nil: everything.
	Named []string
}

// Page is the answer to a Query.
type Page struct {
	Items []json.RawMessage
	// Orders are the keys of the orders that the items speak of, as nobody but
	// the simulation knows; "" for those of no order.
	Orders []string
	// Last is the key of the last item, More whether the list goes on.
	Last Key
	More bool
}

// List answers a query. What happens later than At has no influence on it.
func (w *World) List(q Query) (Page, error) {
	w.grow(q.At)
	type found struct {
		key   Key
		body  any
		order string
	}
	var all []found
	for _, d := range w.docs[q.Collection].since(q.Since.Add(-time.Second)) {
		if d.versions[len(d.versions)-1].at.Before(q.Since.Add(-time.Second)) {
			continue // it changed no more
		}
		n := 0
		for n < len(d.versions) && !d.versions[n].at.After(q.At) {
			n++
		}
		if n == 0 {
			continue
		}
		at, ok := q.stamp(d.versions[:n])
		ok = ok && q.finds(d, n-1)
		k := Key{Stamp: at, ID: d.id}
		if q.Collection != WarehouseOrders && q.Collection != Shipments { // whose stamps are finer
			k.Stamp = at.Truncate(time.Second)
		}
		if !ok || k.Stamp.Before(q.Since) || (q.After != nil && !k.behind(*q.After)) {
			continue
		}
		all = append(all, found{k, d.versions[n-1].body, d.order})
	}
	slices.SortFunc(all, func(a, b found) int {
		if b.key.behind(a.key) {
			return -1
		}
		return 1
	})
	var p Page
	if q.Limit > 0 && len(all) > q.Limit {
		all, p.More = all[:q.Limit], true
	}
	for _, f := range all {
		b, err := encode(f.body)
		if err != nil {
			return Page{}, err
		}
		p.Items, p.Orders, p.Last = append(p.Items, b), append(p.Orders, f.order), f.key
	}
	return p, nil
}

// finds reports whether a document as it stands is what a query asks for: the ERP
// is asked by the storefront's id, the warehouse by the number, of which it also
// shows those that only begin like it, and everyone else by the document's own id.
func (q *Query) finds(d *doc, version int) bool {
	return q.Named == nil || slices.ContainsFunc(q.Named, func(name string) bool {
		switch b := d.versions[version].body.(type) {
		case row:
			return b.Order == name
		case warehouseOrder:
			return strings.HasPrefix(b.Number, name)
		default:
			return strconv.FormatInt(d.id, 10) == name
		}
	})
}

// stamp chooses the stamp by which a query lists a document, false if the
// document has none.
func (q *Query) stamp(versions []version) (time.Time, bool) {
	switch {
	case q.Batch != "":
		in := slices.ContainsFunc(versions, func(v version) bool { return batchOf(q.Collection, v.at).id() == q.Batch })
		return versions[0].at, in
	case q.By == Created:
		return versions[0].at, true
	case q.By == Voided:
		return versions[len(versions)-1].at, len(versions) > 1
	default:
		return versions[len(versions)-1].at, true
	}
}

func (k Key) behind(l Key) bool {
	if !k.Stamp.Equal(l.Stamp) {
		return k.Stamp.After(l.Stamp)
	}
	return k.ID > l.ID
}

// Silent reports whether a source's API answers nothing but errors at an instant.
func (w *World) Silent(source string, at time.Time) bool {
	return slices.ContainsFunc(w.cfg.Silences, func(s Silence) bool {
		return s.Source == source && !at.Before(s.From) && at.Before(s.Until)
	})
}

// Truth tells everything that happens to the orders born up to an instant. A
// ledger began to listen at listening.
func (w *World) Truth(to, listening time.Time, timing truth.Timing) (*truth.Truth, error) {
	w.grow(to)
	t := &truth.Truth{Seed: w.cfg.Seed, Opening: w.cfg.Opening, ListeningFrom: listening}
	for _, l := range w.lives {
		if l.born.After(to) {
			break
		}
		o := truth.Order{Key: l.key, Number: l.front.Name, Born: l.born, Life: l.name, Fault: string(l.fault)}
		if spec, ok := Lookup(l.fault); ok {
			o.Mark = spec.Mark
		}
		for _, x := range l.wrongs {
			if x.ripe.After(to) {
				continue
			}
			steps, err := timing.Steps(x.claims, x.anchor)
			if err != nil {
				return nil, fmt.Errorf("truth of %s (%s): %w", l.key, l.fault, err)
			}
			if !x.begins.IsZero() {
				steps[0].NotBefore = steps[0].NotBefore.Add(x.begins.Sub(x.anchor))
			}
			o.Expect = append(o.Expect, truth.Expectation{Fault: string(l.fault), Subject: x.subject, Steps: steps, Heals: x.heals})
		}
		t.Orders = append(t.Orders, o)
	}
	t.Join()
	return t, w.silences(t, timing)
}

func (w *World) silences(t *truth.Truth, timing truth.Timing) error {
	spec, _ := Lookup(SourceSilent)
	for _, s := range w.cfg.Silences {
		steps, err := timing.Steps(spec.Claims, s.From)
		if err != nil {
			return fmt.Errorf("truth of %s: %w", s.Source, err)
		}
		for _, f := range s.Feeds {
			t.Feeds = append(t.Feeds, truth.Expectation{Fault: string(SourceSilent), Subject: truth.FeedSubject(s.Source, f), Steps: steps, Heals: s.Until})
		}
	}
	return nil
}
