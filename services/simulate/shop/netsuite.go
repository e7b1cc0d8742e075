package shop

import "time"

// Layout is how the ERP writes its stamps: in UTC, to the second.
const Layout = "2006-01-02T15:04:05"

func netsuiteStamp(t time.Time) string { return t.UTC().Format(Layout) }

// row is one line of a SuiteQL answer. Columns that are null are left out, as
// the query service does.
type row struct {
	Links    []string `json:"links"`
	ID       string   `json:"id"`
	Record   string   `json:"recordtype"`
	TranID   string   `json:"tranid"`
	Status   string   `json:"status"`
	Order    string   `json:"order_externalid,omitempty"`
	Total    string   `json:"foreigntotal,omitempty"`
	Currency string   `json:"currency,omitempty"`
	Created  string   `json:"createddate"`
	Modified string   `json:"lastmodifieddate"`
}

// The letters of a sales order's status.
const (
	soPendingApproval    = "A"
	soPendingFulfilment  = "B"
	soCancelled          = "C"
	soPartiallyFulfilled = "D"
	soPendingBilling     = "F"
	soBilled             = "G"
)

// payment is what the gateway's events carry.
type payment struct {
	ID             string `json:"id"`
	OrderID        string `json:"order_id"`
	Status         string `json:"status"`
	Amount         string `json:"amount"`
	AmountRefunded string `json:"amount_refunded,omitempty"`
	Currency       string `json:"currency"`
	CreatedAt      string `json:"created_at"`
	UpdatedAt      string `json:"updated_at"`
	Customer       struct {
		Email string `json:"email"`
	} `json:"customer"`
}

// paymentEvent is one event of the gateway.
type paymentEvent struct {
	ID      string  `json:"id"`
	Type    string  `json:"type"`
	Created int64   `json:"created"`
	Payment payment `json:"payment"`
}

const demopayLayout = "2006-01-02T15:04:05.000Z"
