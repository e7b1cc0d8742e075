package shop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// version is one state of a document, from the instant it was written.
type version struct {
	at   time.Time
	body any
}

// doc is one document of a system with all its versions, ascending.
type doc struct {
	collection Collection
	id         int64
	name       string // its id, where that is no number
	kind       string // the type of an event
	order      string // the key of the order it speaks of
	versions   []version
	skew       time.Duration // of the ERP's clock
}

// wrong is one thing that a ledger must find out.
type wrong struct {
	claims  []string
	subject string
	anchor  time.Time
	heals   time.Time
	// begins is when it can be claimed at the earliest, if that is before the
	// anchor and the claim's span; ripe is when it comes to be, if not at once.
	begins, ripe time.Time
}

// life is everything that will ever be written down about one order.
type life struct {
	cfg   *Config
	rng   *rand.Rand
	index int
	fault Fault
	born  time.Time
	name  string // delivered, split, returned, …
	key   string

	front      order
	frontDoc   *doc
	money      account
	depot      warehouseOrder
	depotDoc   *doc
	labels     int
	twin       bool // its parcel carries the tracking number of the order before
	sales      row
	salesDoc   *doc
	parcels    []parcel
	docs       []*doc
	deliveries []*Delivery
	wrongs     []wrong
	actions    int
	nextRow    int64
}

// parcel is one shipment, in every system.
type parcel struct {
	lines    []shippedLine
	ship     *doc
	row      row
	front    int // index into front.Fulfillments
	tracking string
	labelled time.Time
	shown    time.Time // in the storefront
	scans    *doc
}

// product is what the shop sells.
type product struct {
	sku, title string
	minor      int64
}

var products = [...]product{
	{"MUG-BLUE", "Mug, blue", 1550},
	{"MUG-RED", "Mug, red", 1550},
	{"LAMP-XL", "Desk lamp", 4900},
	{"CHAIR-OAK", "Oak chair", 12900},
	{"RUG-140", "Rug 140 cm", 8950},
	{"CLOCK-W", "Wall clock", 3475},
}

// newLife lays the foundations of order number index.
func newLife(c *Config, index int, born time.Time) *life {
	l := &life{cfg: c, rng: c.stream(uint64(index) + 1), index: index, born: born, name: "open"}
	l.fault, l.twin = c.faultOf(index), c.faultOf(index-1) == TrackingTwice
	shift := c.Opening.Unix() % 10_000_000
	id := orderID(c, index)
	l.key = keyOf(c, index)
	l.nextRow = shift*1_000_000 + int64(index)*20
	number := 1001 + index
	l.front = order{
		ID: id, GraphQL: fmt.Sprintf("gid://shopify/Order/%d", id), Name: "#" + strconv.Itoa(number), OrderNumber: number, Number: number - 1000,
		Confirmed: true, Currency: currency, PresentmentCurrency: currency, FinancialStatus: "pending", Gateways: []string{"stripe"}, SourceName: "web",
		Email: fmt.Sprintf("buyer-%d@example.org", number), BrowserIP: "203.0.113.7", Token: fmt.Sprintf("%016x", l.rng.Uint64()),
		Fulfillments: []fulfillment{}, Refunds: []refund{},
	}
	l.front.ContactEmail = l.front.Email
	l.front.Customer = customer{ID: id + 1, Email: l.front.Email}
	l.fillBasket()
	return l
}

func orderID(c *Config, index int) int64 {
	return 5_000_000_000_000 + c.Opening.Unix()%10_000_000*100_000 + int64(index)
}

// keyOf is the key of an order.
func keyOf(c *Config, index int) string {
	return c.Sources.Storefront + "~" + strconv.FormatInt(orderID(c, index), 10)
}

// fillBasket chooses one to three different products.
func (l *life) fillBasket() {
	for i, at := range l.rng.Perm(len(products))[:1+l.rng.IntN(3)] {
		p := products[at]
		n := 1 + l.rng.IntN(2)
		l.front.LineItems = append(l.front.LineItems, lineItem{
			ID: l.front.ID*10 + int64(i), SKU: p.sku, Title: p.title,
			Quantity: n, CurrentQuantity: n, Price: major(p.minor), minor: p.minor,
		})
	}
	l.front.TotalPrice = major(l.total())
	l.front.SubtotalPrice, l.front.CurrentTotalPrice = l.front.TotalPrice, l.front.TotalPrice
}

// total is what the lines now cost, in minor units.
func (l *life) total() int64 {
	var sum int64
	for _, it := range l.front.LineItems {
		sum += it.minor * int64(it.CurrentQuantity)
	}
	return sum
}

// span draws a span between two bounds, in whole milliseconds. Orders that come
// back unnoticed hurry, so that the return comes early enough to be watched.
func (l *life) span(low, high time.Duration) time.Duration {
	if l.fault == ReturnNotPropagated {
		high = low + (high-low)/8
	}
	return low + time.Duration(l.rng.Int64N(int64((high-low)/time.Millisecond)+1))*time.Millisecond
}

// plain reports whether nothing at all happens to the order.
func (l *life) plain() bool { return l.fault == "" && !l.twin }

// chance draws true in percent of a hundred cases.
func (l *life) chance(percent int) bool { return l.rng.IntN(100) < percent }

// write adds a version. Two versions never share a second, since stamps have no
// finer one: at is moved on where they would. It returns where it ended up.
func (d *doc) write(at time.Time, body func(at time.Time) any) time.Time {
	if n := len(d.versions); n > 0 {
		last := d.versions[n-1].at
		if !at.Truncate(time.Second).After(last.Truncate(time.Second)) {
			at = last.Truncate(time.Second).Add(time.Second + time.Duration(at.Nanosecond()))
		}
	}
	d.versions = append(d.versions, version{at: at, body: body(at)})
	return at
}

func (l *life) newDoc(c Collection, id int64) *doc {
	d := &doc{collection: c, id: id, order: l.key}
	l.docs = append(l.docs, d)
	return d
}

// front end of the storefront --------------------------------------------------

// storefront writes a new version of the order and sends its webhooks.
func (l *life) storefront(at time.Time, change func(o *order, at time.Time), topics ...string) time.Time {
	if l.frontDoc == nil {
		l.frontDoc = l.newDoc(Orders, l.front.ID)
	}
	at = l.frontDoc.write(at, func(at time.Time) any {
		o := l.front
		o.LineItems = slices.Clone(o.LineItems)
		o.Fulfillments = slices.Clone(o.Fulfillments)
		o.Refunds = slices.Clone(o.Refunds)
		o.UpdatedAt = l.cfg.storefrontStamp(at)
		change(&o, at)
		l.front = o
		return o
	})
	l.actions++
	for _, t := range topics {
		l.send(l.cfg.Sources.Storefront, t, at, l.front)
	}
	if l.fault == WebhookRestamped {
		l.restamp(at.Add(l.span(time.Second, 3*time.Second)), topics)
	}
	return at
}

// restamp writes the storefront's order again, with nothing changed but its
// stamp, and tells it again.
func (l *life) restamp(at time.Time, topics []string) {
	at = l.frontDoc.write(at, func(at time.Time) any {
		l.front.UpdatedAt = l.cfg.storefrontStamp(at)
		return l.front
	})
	l.actions++
	for _, t := range topics {
		l.send(l.cfg.Sources.Storefront, t, at, l.front)
	}
}

// also sends further webhooks of the storefront's last action.
func (l *life) also(at time.Time, topic string, body any) {
	l.send(l.cfg.Sources.Storefront, topic, at, body)
}

// send makes a webhook that leaves shortly after its change.
func (l *life) send(source, topic string, at time.Time, body any) {
	n := len(l.deliveries)
	l.deliveries = append(l.deliveries, &Delivery{
		Source: source, Topic: topic, ID: l.uuid(), Order: l.key,
		Action: fmt.Sprintf("%d-%d", l.front.ID, l.actions), Triggered: at, Send: at.Add(l.span(200*time.Millisecond, 1200*time.Millisecond)), seq: n, body: body,
	})
}

func (l *life) uuid() string {
	a, b := l.rng.Uint64(), l.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
}

// ERP ----------------------------------------------------------------------------

func (l *life) rowID() int64 {
	l.nextRow++
	return l.nextRow
}

// record makes an ERP document of the order.
func (l *life) record(c Collection, prefix string) (*doc, row) {
	id := l.rowID()
	d := l.newDoc(c, id)
	d.skew = l.cfg.Skew.ERP
	return d, row{
		Links: []string{}, ID: strconv.FormatInt(id, 10), Record: string(c), TranID: prefix + strconv.FormatInt(id, 10),
		Order: strconv.FormatInt(l.front.ID, 10),
	}
}

// post writes a version of an ERP document.
func post(d *doc, r *row, at time.Time, status string) time.Time {
	return d.write(at, func(at time.Time) any {
		if r.Created == "" {
			r.Created = netsuiteStamp(at.Add(d.skew))
		}
		r.Status, r.Modified = status, netsuiteStamp(at.Add(d.skew))
		return *r
	})
}

// salesOrder moves the sales order on, making it if there is none.
func (l *life) salesOrder(at time.Time, status string) time.Time {
	if l.salesDoc == nil {
		l.salesDoc, l.sales = l.record(SalesOrders, "SO")
		l.sales.Total, l.sales.Currency = l.front.CurrentTotalPrice, currency
	}
	at = post(l.salesDoc, &l.sales, at, status)
	switch {
	case l.fault == StatusThrice:
		at = post(l.salesDoc, &l.sales, at.Add(time.Second), status)
		at = post(l.salesDoc, &l.sales, at.Add(time.Second), status)
	case l.fault == CronOverlap && status == soPendingFulfilment:
		at = post(l.salesDoc, &l.sales, at.Add(time.Second), soPendingApproval)
		at = post(l.salesDoc, &l.sales, at.Add(2*time.Second), status)
	}
	return at
}

// wrongs --------------------------------------------------------------------------

// goesWrong notes what a ledger must claim because of the order's fault.
func (l *life) goesWrong(anchor, heals time.Time) {
	spec, _ := Lookup(l.fault)
	l.wrongs = append(l.wrongs, wrong{claims: spec.Claims, subject: "order:" + l.key, anchor: anchor, heals: heals})
}
