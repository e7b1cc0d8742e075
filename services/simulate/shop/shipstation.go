package shop

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// WarehouseZone is where the warehouse's clocks hang; its stamps name no offset.
const WarehouseZone = "America/Los_Angeles"

// warehouseLayout is how the warehouse writes its stamps.
const warehouseLayout = "2006-01-02T15:04:05.0000000"

// The stores of the warehouse's account: the storefront's, and that of orders
// taken over the telephone.
const (
	StorefrontStore = 501
	TelephoneStore  = 502
)

// BatchSpan is how often the warehouse tells what changed: one notice each for
// orders and shipments.
const BatchSpan = 30 * time.Second

func (c *Config) warehouseStamp(t time.Time) string {
	return t.Add(c.Skew.Warehouse).In(c.zone).Format(warehouseLayout)
}

// warehouseOrder is an order as the warehouse knows it: by its number.
type warehouseOrder struct {
	ID       int64           `json:"orderId"`
	Number   string          `json:"orderNumber"`
	Key      string          `json:"orderKey"`
	Ordered  string          `json:"orderDate"`
	Created  string          `json:"createDate"`
	Modified string          `json:"modifyDate"`
	Status   string          `json:"orderStatus"`
	Email    string          `json:"customerEmail"`
	ShipTo   shipTo          `json:"shipTo"`
	Items    []warehouseItem `json:"items"`
	Total    float64         `json:"orderTotal"`
	Advanced advanced        `json:"advancedOptions"`
}

type shipTo struct {
	Name   string `json:"name"`
	Street string `json:"street1"`
	City   string `json:"city"`
}

type warehouseItem struct {
	ID       int64   `json:"orderItemId"`
	LineKey  string  `json:"lineItemKey"`
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"unitPrice"`
}

type advanced struct {
	Store int `json:"storeId"`
}

// shipment is a label that the warehouse printed.
type shipment struct {
	ID       int64           `json:"shipmentId"`
	OrderID  int64           `json:"orderId"`
	OrderKey string          `json:"orderKey"`
	Number   string          `json:"orderNumber"`
	Created  string          `json:"createDate"`
	Shipped  string          `json:"shipDate"`
	Tracking string          `json:"trackingNumber"`
	Return   bool            `json:"isReturnLabel"`
	Carrier  string          `json:"carrierCode"`
	Service  string          `json:"serviceCode"`
	Notified bool            `json:"marketplaceNotified"`
	Voided   bool            `json:"voided"`
	VoidDate *string         `json:"voidDate"`
	Items    []warehouseItem `json:"shipmentItems"`
	Advanced advanced        `json:"advancedOptions"`
}

// notice is what the warehouse sends: where to read what changed.
type notice struct {
	URL  string `json:"resource_url"`
	Type string `json:"resource_type"`
}

// warehouse moves the warehouse's order on, making it if there is none.
func (l *life) warehouse(at time.Time, status string) time.Time {
	if l.depotDoc == nil {
		id := l.rowID()
		l.depotDoc = l.newDoc(WarehouseOrders, id)
		l.depot = warehouseOrder{
			ID: id, Number: l.front.Name, Key: "import-" + l.front.Token, Email: l.front.Email, Ordered: l.cfg.warehouseStamp(l.born), Total: float64(l.total()) / 100,
			ShipTo: shipTo{Name: "A. Buyer", Street: "1 Long Street", City: "Smalltown"}, Items: l.stored(l.allLines()), Advanced: advanced{StorefrontStore},
		}
	}
	return l.depotDoc.write(at, func(at time.Time) any {
		if l.depot.Created == "" {
			l.depot.Created = l.cfg.warehouseStamp(at)
		}
		l.depot.Status, l.depot.Modified = status, l.cfg.warehouseStamp(at)
		return l.depot
	})
}

// stored are lines as the warehouse keeps them.
func (l *life) stored(lines []shippedLine) []warehouseItem {
	var out []warehouseItem
	for _, s := range lines {
		at := slices.IndexFunc(l.front.LineItems, func(it lineItem) bool { return it.ID == s.ID })
		out = append(out, warehouseItem{
			ID: s.ID % 1_000_000_000, LineKey: strconv.FormatInt(s.ID, 10), SKU: s.SKU, Quantity: s.Quantity, Price: float64(l.front.LineItems[at].minor) / 100,
		})
	}
	return out
}

// label prints the label of a parcel; now and then the first one is wrong, is
// voided, and another is printed. The order is shipped when all of it is.
func (l *life) label(at time.Time, n int) time.Time {
	p := &l.parcels[n]
	if l.plain() && l.chance(12) {
		void, d := l.printed(at, p, l.nextTracking())
		at = d.write(at.Add(l.span(2*time.Second, 4*time.Second)), func(at time.Time) any {
			stamp := l.cfg.warehouseStamp(at)
			void.Voided, void.VoidDate = true, &stamp
			return void
		})
	}
	p.tracking = l.nextTracking()
	if l.twin {
		p.tracking = l.cfg.tracking((l.index - 1) * trackingPerOrder)
	}
	_, d := l.printed(at.Add(time.Second), p, p.tracking)
	at, p.labelled = d.versions[0].at, d.versions[0].at
	shipped := 0
	for i := range l.parcels {
		if !l.parcels[i].labelled.IsZero() {
			shipped += quantity(l.parcels[i].lines)
		}
	}
	if shipped >= quantity(l.allLines()) {
		l.warehouse(at.Add(time.Second), "shipped")
	}
	l.scan(at.Add(l.span(time.Second, 3*time.Second)), n, "announced")
	return at
}

// printed makes a shipment.
func (l *life) printed(at time.Time, p *parcel, tracking string) (shipment, *doc) {
	id := l.rowID()
	d := l.newDoc(Shipments, id)
	s := shipment{
		ID: id, OrderID: l.depot.ID, OrderKey: l.depot.Key, Number: l.depot.Number, Tracking: spaced(tracking), Carrier: "other", Service: "parcel",
		Notified: true, Items: l.stored(p.lines), Advanced: advanced{StorefrontStore},
	}
	d.write(at, func(at time.Time) any {
		s.Created, s.Shipped = l.cfg.warehouseStamp(at), at.In(l.cfg.zone).Format(time.DateOnly)
		return s
	})
	return s, d
}

// spaced writes a tracking number as the warehouse's labels show it.
func spaced(tracking string) string {
	return strings.ToLower(tracking[:2]) + " " + tracking[2:]
}

func quantity(lines []shippedLine) (n int) {
	for _, s := range lines {
		n += s.Quantity
	}
	return n
}

// telephoneOrder is an order of the warehouse that never had a storefront order.
func telephoneOrder(l *life) *doc {
	id := l.nextRow + 2
	d := &doc{collection: WarehouseOrders, id: id}
	o := warehouseOrder{
		ID: id, Number: "T-" + strconv.FormatInt(id, 10), Key: "manual-" + strconv.FormatInt(id, 10), Status: "awaiting_shipment",
		Items: []warehouseItem{{ID: 1, LineKey: "1", SKU: products[0].sku, Quantity: 1, Price: 15.5}}, Advanced: advanced{TelephoneStore},
	}
	d.write(l.born.Add(9*time.Second), func(at time.Time) any {
		o.Ordered = l.cfg.warehouseStamp(at)
		o.Created, o.Modified = o.Ordered, o.Ordered
		return o
	})
	return d
}
