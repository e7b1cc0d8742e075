package chaos_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// What is personal in the shop's documents, in every spelling: none of it may
// be found anywhere.
const (
	plantedWord  = "zqcanary"
	plantedPhone = "3099077055"
)

// stampLayout is how both systems write instants.
const stampLayout = "2006-01-02T15:04:05.000Z"

// within is the promise of the rule that the campaign is judged by, margin what
// the clocks and stamps of both systems may blur.
const (
	within = 3 * time.Second
	margin = 1500 * time.Millisecond
)

// delivery is a webhook that is sent until it is acknowledged.
type delivery struct {
	source string // empty: the storefront
	order  int64
	topic  string
	id     string
	body   []byte
	seal   string // instead of the right one
	want   int    // the answer that ends it; 0: any of 2xx
}

// sale is what the shop knows of an order.
type sale struct {
	born time.Time
	// taken is when the back office took it; zero: never.
	taken time.Time
}

// document is an order of the back office as it stands.
type document struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Number    string `json:"number"`
	Status    string `json:"status"`
	Created   string `json:"created_at"`
	Updated   string `json:"updated_at"`
	Email     string `json:"email"`
	Contact   string `json:"contact"`
}

// shop sells, pushes what it sold, and answers for the back office. It
// remembers what was acknowledged and what could be read.
type shop struct {
	hook   string // where webhooks go
	mapper map[string]func([]byte) catalog.Result
	client *http.Client

	mu       sync.Mutex
	rng      *rand.Rand
	next     int64
	sales    map[int64]*sale
	docs     map[string]*document
	changed  chan struct{} // closed and replaced at every answer
	lanes    [6]chan *delivery
	pending  int // deliveries that are not done
	held     []*delivery
	keep     int // of how many coming orders the creation is held back until the update is sent
	delay    int // of how many it is held back until the end
	acked    map[ledger.EventID]ledger.OrderKey
	unkeyed  map[ledger.EventID]ledger.OrderKey // acknowledged, and joined by a name
	sent     []*delivery                        // acknowledged, to be repeated
	poisoned map[string]bool
	answers  map[string]int
	wrong    []string
	answered int  // deliveries that were acknowledged
	replies  int  // answers of the edge, whatever they were
	ended    bool // nothing new is sold
}

func newShop(seed uint64) *shop {
	s := &shop{
		rng: rand.New(rand.NewPCG(seed, 0x5a1e)), next: 1000, sales: map[int64]*sale{}, docs: map[string]*document{}, changed: make(chan struct{}),
		mapper: map[string]func([]byte) catalog.Result{},
		acked:  map[ledger.EventID]ledger.OrderKey{}, unkeyed: map[ledger.EventID]ledger.OrderKey{}, poisoned: map[string]bool{}, answers: map[string]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 5 * time.Second},
	}
	for i := range s.lanes {
		s.lanes[i] = make(chan *delivery, 1<<16)
	}
	return s
}

// order is a storefront's order in a state.
func order(id int64, born, updated time.Time, payment string) []byte {
	return fmt.Appendf(nil, `{"id":%d,"name":"#%d","order_number":%d,"created_at":%q,"updated_at":%q,"currency":"EUR","total_price":"49.90",
"current_total_price":"49.90","financial_status":%q,"fulfillment_status":null,"cancelled_at":null,"closed_at":null,"line_items":[],"fulfillments":[],"refunds":[],
"email":"%s.%d@plant.example","phone":"+49 %s","note":"ring %s","customer":{"first_name":%q,"last_name":%q,"email":"%s.%d@plant.example"},
"shipping_address":{"name":%q,"phone":%q,"address1":%q}}`,
		id, id, id, born.Format(stampLayout), updated.Format(stampLayout), payment, plantedWord, id, plantedPhone, plantedWord,
		plantedWord, plantedWord, plantedWord, id, plantedWord, plantedPhone, plantedWord)
}

// sell lets one order be born. Its fate is drawn: most are taken by the back
// office in time, some late, some never.
func (s *shop) sell(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id, born := s.next, time.Now().UTC().Truncate(time.Millisecond)
	s.sales[id] = &sale{born: born}
	created := &delivery{order: id, topic: "orders/create", id: fmt.Sprintf("c-%d", id), body: order(id, born, born, "pending")}
	paid := &delivery{order: id, topic: "orders/updated", id: fmt.Sprintf("u-%d", id), body: order(id, born, born.Add(300*time.Millisecond), "paid")}
	switch {
	case s.keep > 0:
		s.keep--
		s.post(paid)
		s.post(created)
	case s.delay > 0:
		s.delay--
		s.held = append(s.held, created)
		s.post(paid)
	default:
		s.post(created)
		s.post(paid)
	}
	if s.rng.IntN(100) < 40 {
		s.pay(id, born)
	}
	fate := s.rng.IntN(100)
	switch wait := time.Duration(100+s.rng.IntN(1200)) * time.Millisecond; {
	case fate < 8:
	case fate < 14:
		time.AfterFunc(within+margin+wait, func() { s.take(ctx, id, "open") })
	default:
		time.AfterFunc(wait, func() { s.take(ctx, id, "open") })
		if fate < 50 {
			time.AfterFunc(wait+time.Second, func() { s.take(ctx, id, "released") })
		}
	}
}

// pay lets an order be paid: the provider tells of a payment of which it does
// not say whose it is, and the storefront, before or after, which payment it has
// asked for. s.mu is held.
func (s *shop) pay(id int64, born time.Time) {
	at := born.Add(200 * time.Millisecond).Format(stampLayout)
	payment := &delivery{source: provider, order: id + int64(s.rng.IntN(2)), topic: "payment.captured", id: fmt.Sprintf("p-%d", id), body: fmt.Appendf(nil,
		`{"id":"evt_%d","type":"payment.captured","payment":{"id":"pi_%d","status":"captured","updated_at":%q,"amount":"49.90","currency":"EUR","customer":{"name":%q,"email":"%s@plant.example"}}}`,
		id, id, at, plantedWord, plantedWord)}
	names := &delivery{order: id, topic: "order_transactions/create", id: fmt.Sprintf("t-%d", id), body: fmt.Appendf(nil,
		`{"id":%d,"order_id":%d,"kind":"sale","gateway":"pay","status":"success","created_at":%q,"amount":"49.90","currency":"EUR","authorization":"pi_%d","receipt":{"holder":%q}}`,
		id+1_000_000, id, at, id, plantedWord)}
	if s.rng.IntN(2) == 0 {
		payment, names = names, payment
	}
	s.post(payment)
	s.post(names)
}

// take lets the back office write an order down, or go on with it.
func (s *shop) take(ctx context.Context, id int64, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	ref := fmt.Sprint(id)
	d := s.docs[ref]
	if d == nil {
		s.sales[id].taken = now
		d = &document{ID: fmt.Sprint(50_000 + id), Reference: ref, Number: "BO" + ref, Created: now.Format(stampLayout),
			Email: fmt.Sprintf("%s.%d@plant.example", plantedWord, id), Contact: plantedWord}
		s.docs[ref] = d
	}
	d.Status, d.Updated = status, now.Format(stampLayout)
}

// post puts a delivery into its order's lane; s.mu is held.
func (s *shop) post(d *delivery) {
	s.pending++
	s.lanes[d.order%int64(len(s.lanes))] <- d
}

// run sends from every lane until ctx ends.
func (s *shop) run(ctx context.Context) {
	for _, lane := range s.lanes {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case d := <-lane:
					for ctx.Err() == nil && !s.attempt(ctx, d) {
						pause(ctx, 50*time.Millisecond)
					}
					s.mu.Lock()
					s.pending--
					s.mu.Unlock()
				}
			}
		}()
	}
}

// pause is the patience between two attempts.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// from is the name of the source that sends a delivery.
func (d *delivery) from() string { return cmp.Or(d.source, storefront) }

func mac(body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

func seal(body []byte) string { return base64.StdEncoding.EncodeToString(mac(body)) }

// attempt sends once and reports whether that was all.
func (s *shop) attempt(ctx context.Context, d *delivery) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.hook+d.from(), bytes.NewReader(d.body))
	if err != nil {
		s.finds("a webhook: %v", err)
		return true
	}
	mark := d.seal
	if mark == "" {
		mark = seal(d.body)
	}
	for k, v := range map[string]string{"Content-Type": "application/json", "X-Shopify-Topic": d.topic, "X-Shopify-Webhook-Id": d.id,
		"X-Shopify-Hmac-Sha256": mark, "X-Demopay-Signature": "sha256=" + hex.EncodeToString(mac(d.body))} {
		req.Header.Set(k, v)
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.note(noAnswer)
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	s.note(fmt.Sprint(res.StatusCode))
	switch {
	case d.want != 0 && res.StatusCode == d.want:
		return true
	case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "":
		return false
	case d.want != 0 || res.StatusCode/100 != 2:
		s.finds("%s %s: answer %d, Retry-After %q, wanted %d", d.topic, d.id, res.StatusCode, res.Header.Get("Retry-After"), d.want)
		return true
	}
	s.acknowledged(d)
	return true
}

// acknowledged remembers what must stand in the log from now on.
func (s *shop) acknowledged(d *delivery) {
	r := s.mapper[d.from()](d.body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered++
	switch {
	case r.Event != nil:
		s.acked[r.Event.ID] = r.Event.Order
		s.sent = append(s.sent, d)
	case r.Unkeyed != nil:
		var id int64
		_, _ = fmt.Sscanf(d.id, "p-%d", &id)
		s.unkeyed[r.Unkeyed.Event.ID] = ledger.OrderKey(fmt.Sprintf("%s~%d", storefront, id))
		s.sent = append(s.sent, d)
	case r.Quarantined != nil:
		s.poisoned[r.Quarantined.ID] = true
	default:
		s.wrong = append(s.wrong, fmt.Sprintf("%s %s was acknowledged and gives %+v", d.topic, d.id, r))
	}
}

// note counts an answer, or what there was instead.
func (s *shop) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[what]++
	if what != noAnswer {
		s.replies++
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// noAnswer is that of an edge that is not there.
const noAnswer = "no answer"

// finds remembers something that must not be.
func (s *shop) finds(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// count is how many answers the edge gave; the channel is closed when there are
// more.
func (s *shop) count() (int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replies, s.changed
}

// left is how many deliveries are not done.
func (s *shop) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}

// release sends what was held back.
func (s *shop) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, d := range s.held {
		s.post(d)
	}
	s.held = nil
}

// ServeHTTP lists the orders of the back office by (updated_at, id).
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, after, id := q.Get("since"), q.Get("after"), q.Get("id")
	if r.URL.Path != "/orders" || r.Header.Get("X-Token") != secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	list := slices.SortedFunc(maps.Values(s.docs), func(a, b *document) int {
		return bytes.Compare([]byte(a.Updated+a.ID), []byte(b.Updated+b.ID))
	})
	out := []document{}
	for _, d := range list {
		if d.Updated >= since && (after == "" || d.Updated+d.ID > after+id) && len(out) < pageSize {
			out = append(out, *d)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"orders": out})
}
