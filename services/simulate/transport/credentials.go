package transport

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// Credentials are the secrets that the simulated systems and a connector share.
// They protect nothing: everything stays on loopback.
type Credentials struct {
	StorefrontSecret string
	StorefrontToken  string
	PaymentSecret    string
	PaymentKey       string
	WarehouseToken   string
	WarehouseKey     string // key:secret
	CourierSecret    string
	Account          string
	ConsumerKey      string
	ConsumerSecret   string
	TokenID          string
	TokenSecret      string
}

// NewCredentials derives credentials from a seed, so that a configuration
// written once fits every later run of that seed.
func NewCredentials(seed uint64) Credentials {
	rng := rand.New(rand.NewPCG(seed, 0x5ec7e7))
	next := func(prefix string) string { return fmt.Sprintf("%s_%016x%016x", prefix, rng.Uint64(), rng.Uint64()) }
	return Credentials{
		StorefrontSecret: next("shpss"), StorefrontToken: next("shpat"), PaymentSecret: next("whsec"), PaymentKey: next("rk_test"), Account: "123456_SB1",
		WarehouseToken: next("hook"), WarehouseKey: next("sk") + ":" + next("ss"), CourierSecret: next("dpsec"),
		ConsumerKey: next("ck"), ConsumerSecret: next("cs"), TokenID: next("ti"), TokenSecret: next("ts"),
	}
}

// SourcesOptions describe how a connector is to be configured for a simulation.
type SourcesOptions struct {
	Names       shop.Sources
	Credentials Credentials
	// BaseURL is where the simulated APIs answer (Server.URL).
	BaseURL string
	// Dir receives one file per secret.
	Dir string
	// LiveFrom is when the shop opened.
	LiveFrom time.Time
	// Interval is how often every feed is asked.
	Interval time.Duration
	// Settle overrides the catalog's, if set: the simulated systems show what they
	// wrote at once.
	Settle time.Duration
}

// Sources writes the secrets into files and returns the `sources:` that a
// connector needs to hear the simulated systems.
func Sources(o SourcesOptions) ([]connector.Source, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder for secrets: %w", err)
	}
	c := o.Credentials
	files := map[string]string{
		"storefront.secret": c.StorefrontSecret, "storefront.token": c.StorefrontToken, "payment.secret": c.PaymentSecret, "payment.key": c.PaymentKey,
		"warehouse.token": c.WarehouseToken, "warehouse.key": c.WarehouseKey, "courier.secret": c.CourierSecret,
		"erp.consumer_key": c.ConsumerKey, "erp.consumer_secret": c.ConsumerSecret, "erp.token_id": c.TokenID, "erp.token_secret": c.TokenSecret,
	}
	for name, secret := range files {
		if err := os.WriteFile(filepath.Join(o.Dir, name), []byte(secret+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("write secret: %w", err)
		}
	}
	ref := func(name string) connector.SecretRef { return connector.SecretRef{File: filepath.Join(o.Dir, name)} }
	live, polls := connector.Moment(ledger.At(o.LiveFrom)), connector.PollSettings{Interval: connector.Span(o.Interval), PerSecond: 10, Burst: 10}
	return []connector.Source{
		{
			Name: o.Names.Storefront, System: "shopify", Origin: true, BaseURL: o.BaseURL, LiveFrom: live, Poll: polls,
			SecretFiles: []string{filepath.Join(o.Dir, "storefront.secret")}, Feeds: o.feeds("orders"),
			Tokens: map[string]connector.SecretRef{"access_token": ref("storefront.token")},
		},
		{
			Name: o.Names.Payment, System: "stripe", OriginSource: o.Names.Storefront, BaseURL: o.BaseURL, LiveFrom: live, Poll: polls,
			SecretFiles: []string{filepath.Join(o.Dir, "payment.secret")}, Feeds: o.feeds(PaymentFeeds()...),
			Tokens: map[string]connector.SecretRef{"api_key": ref("payment.key")}, Options: map[string]string{"mode": "test"},
		},
		{
			Name: o.Names.ERP, System: "netsuite", OriginSource: o.Names.Storefront, BaseURL: o.BaseURL, Account: c.Account, LiveFrom: live, Poll: polls,
			Feeds: o.feeds(ERPFeeds()...),
			Tokens: map[string]connector.SecretRef{
				"consumer_key": ref("erp.consumer_key"), "consumer_secret": ref("erp.consumer_secret"),
				"token_id": ref("erp.token_id"), "token_secret": ref("erp.token_secret"),
			},
		},
		{
			Name: o.Names.Warehouse, System: "shipstation", OriginSource: o.Names.Storefront, BaseURL: o.BaseURL, LiveFrom: live, Poll: o.warehousePolls(),
			SecretFiles: []string{filepath.Join(o.Dir, "warehouse.token")}, Feeds: o.feeds(WarehouseFeeds()...),
			Tokens: map[string]connector.SecretRef{"api_key": ref("warehouse.key")}, Options: map[string]string{"stores": strconv.Itoa(shop.StorefrontStore)},
		},
		{
			Name: o.Names.Courier, System: "demoparcel", OriginSource: o.Names.Storefront, LiveFrom: live,
			SecretFiles: []string{filepath.Join(o.Dir, "courier.secret")},
		},
	}, nil
}

// ERPFeeds lists the polled feeds of the ERP.
func ERPFeeds() []string {
	return []string{"credit-memos", "invoices", "item-fulfillments", "sales-orders"}
}

// PaymentFeeds lists the polled feeds of the payment provider that prove
// something.
func PaymentFeeds() []string { return []string{"charges", "payment-intents", "refunds"} }

// WarehouseFeeds lists the polled feeds of the warehouse.
func WarehouseFeeds() []string { return []string{"orders", "shipment-voids", "shipments"} }

// warehousePolls keep three feeds, and what notices name, within the forty
// requests a minute that the warehouse allows.
func (o *SourcesOptions) warehousePolls() connector.PollSettings {
	return connector.PollSettings{Interval: connector.Span(max(o.Interval, 15*time.Second)), PerSecond: 0.5, Burst: 5}
}

// StorefrontFeeds lists the polled feeds of the storefront.
func StorefrontFeeds() []string { return []string{"orders"} }

func (o *SourcesOptions) feeds(names ...string) map[string]connector.FeedSettings {
	if o.Settle == 0 {
		return nil
	}
	out := map[string]connector.FeedSettings{}
	for _, n := range names {
		settle := connector.Span(o.Settle)
		out[n] = connector.FeedSettings{Settle: &settle}
	}
	return out
}
