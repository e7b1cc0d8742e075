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
