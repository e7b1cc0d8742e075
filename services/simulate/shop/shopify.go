package shop

import (
	"fmt"
	"time"
)

// storefrontZone is the offset in which the storefront writes its stamps.
var storefrontZone = time.FixedZone("", 60*60)

func (c *Config) storefrontStamp(t time.Time) string {
	return t.Add(c.Skew.Storefront).In(storefrontZone).Format(time.RFC3339)
}

// major writes minor units of a currency with two digits as a decimal.
func major(minor int64) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d", sign, minor/100, minor%100)
}

// currency is the only one the shop takes.
const currency = "EUR"

// order is an order as the storefront's REST documents hold it.
type order struct {
	ID                  int64         `json:"id"`
	GraphQL             string        `json:"admin_graphql_api_id"`
	Name                string        `json:"name"`
	Number              int           `json:"number"`
	OrderNumber         int           `json:"order_number"`
	CreatedAt           string        `json:"created_at"`
	ProcessedAt         string        `json:"processed_at"`
	UpdatedAt           string        `json:"updated_at"`
	CancelledAt         *string       `json:"cancelled_at"`
	CancelReason        *string       `json:"cancel_reason"`
	ClosedAt            *string       `json:"closed_at"`
	Confirmed           bool          `json:"confirmed"`
	Test                bool          `json:"test"`
	Currency            string        `json:"currency"`
	PresentmentCurrency string        `json:"presentment_currency"`
	FinancialStatus     string        `json:"financial_status"`
	FulfillmentStatus   *string       `json:"fulfillment_status"`
	TotalPrice          string        `json:"total_price"`
	SubtotalPrice       string        `json:"subtotal_price"`
	CurrentTotalPrice   string        `json:"current_total_price"`
	Gateways            []string      `json:"payment_gateway_names"`
	SourceName          string        `json:"source_name"`
	Tags                string        `json:"tags"`
	Email               string        `json:"email"`
	ContactEmail        string        `json:"contact_email"`
	Phone               *string       `json:"phone"`
	BrowserIP           string        `json:"browser_ip"`
	Token               string        `json:"token"`
	Customer            customer      `json:"customer"`
	LineItems           []lineItem    `json:"line_items"`
	Fulfillments        []fulfillment `json:"fulfillments"`
	Refunds             []refund      `json:"refunds"`
}

type customer struct {
	ID    int64  `json:"id"`
	Email string `json:"email"`
}

type lineItem struct {
	ID                int64   `json:"id"`
	SKU               string  `json:"sku"`
	Title             string  `json:"title"`
	Quantity          int     `json:"quantity"`
	CurrentQuantity   int     `json:"current_quantity"`
	Price             string  `json:"price"`
	FulfillmentStatus *string `json:"fulfillment_status"`
	minor             int64
}

type shippedLine struct {
	ID       int64  `json:"id"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

type fulfillment struct {
	ID              int64         `json:"id"`
	OrderID         int64         `json:"order_id"`
	Name            string        `json:"name"`
	Status          string        `json:"status"`
	ShipmentStatus  *string       `json:"shipment_status"`
	CreatedAt       string        `json:"created_at"`
	UpdatedAt       string        `json:"updated_at"`
	TrackingCompany string        `json:"tracking_company"`
	TrackingNumber  string        `json:"tracking_number"`
	TrackingNumbers []string      `json:"tracking_numbers"`
	LineItems       []shippedLine `json:"line_items"`
}

type refund struct {
	ID          int64        `json:"id"`
	OrderID     int64        `json:"order_id"`
	CreatedAt   string       `json:"created_at"`
	ProcessedAt string       `json:"processed_at"`
	Note        string       `json:"note"`
	LineItems   []refundLine `json:"refund_line_items"`
	// Transactions of a refund carry what a transaction's own webhook carries.
	Transactions []transaction `json:"transactions"`
}

type refundLine struct {
	ID          int64   `json:"id"`
	LineItemID  int64   `json:"line_item_id"`
	Quantity    int     `json:"quantity"`
	RestockType string  `json:"restock_type"`
	Subtotal    float64 `json:"subtotal"`
	LineItem    struct {
		SKU string `json:"sku"`
	} `json:"line_item"`
}

type transaction struct {
	ID        int64  `json:"id"`
	OrderID   int64  `json:"order_id"`
	Kind      string `json:"kind"`
	Status    string `json:"status"`
	Gateway   string `json:"gateway"`
	Amount    string `json:"amount"`
	Currency  string `json:"currency"`
	PaymentID string `json:"payment_id"`
	// Authorization is what the gateway calls the payment.
	Authorization *string `json:"authorization"`
	CreatedAt     string  `json:"created_at"`
	Test          bool    `json:"test"`
}

type returnDoc struct {
	ID        int64        `json:"id"`
	GraphQL   string       `json:"admin_graphql_api_id"`
	OrderID   int64        `json:"order_id"`
	Name      string       `json:"name"`
	Status    string       `json:"status"`
	CreatedAt string       `json:"created_at"`
	UpdatedAt string       `json:"updated_at"`
	Lines     []returnLine `json:"return_line_items"`
}

type returnLine struct {
	ID              int64  `json:"id"`
	Quantity        int    `json:"quantity"`
	ReturnReason    string `json:"return_reason"`
	FulfillmentLine struct {
		ID       int64 `json:"id"`
		LineItem struct {
			SKU string `json:"sku"`
		} `json:"line_item"`
	} `json:"fulfillment_line_item"`
}

// orderEdit is what the storefront sends about an edit; it names the order and
// what changed, and holds no order.
type orderEdit struct {
	Edit struct {
		ID          int64     `json:"id"`
		OrderID     int64     `json:"order_id"`
		CreatedAt   string    `json:"created_at"`
		CommittedAt string    `json:"committed_at"`
		LineItems   editLines `json:"line_items"`
	} `json:"order_edit"`
}

type editLines struct {
	Additions []editLine `json:"additions"`
	Removals  []editLine `json:"removals"`
}

type editLine struct {
	ID    int64 `json:"id"`
	Delta int   `json:"delta"`
}
