package role_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/role"
)

const order = `{"id":820982911,"name":"#1001","order_number":1001,"created_at":"2026-03-02T09:59:59Z","updated_at":"2026-03-02T10:00:00Z",
"currency":"EUR","total_price":"49.90","current_total_price":"49.90","financial_status":"paid","fulfillment_status":null,
"cancelled_at":null,"closed_at":null,"email":"someone@example.com","line_items":[],"fulfillments":[],"refunds":[]}`

// post sends a signed Shopify webhook.
func post(t *testing.T, addr, secret, body string) int {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/webhooks/shop", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Topic", "orders/create")
	req.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestSignedWebhookReachesTheLedger(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.ClickHouse.Disabled = true
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, SecretFiles: []string{secret}, Poll: connector.PollSettings{Disabled: true}}}
	cfg.Finish()
	logger := slog.New(slog.DiscardHandler)
	s, err := role.OpenStack(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := role.StartLedger(t.Context(), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	cat, err := role.LoadCatalog(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := role.ProposeConfigured(t.Context(), s, n, cat); err != nil {
		t.Fatal(err)
	}
	e, err := role.StartEdge(t.Context(), s, role.EdgeOptions{Catalog: cat, Observer: connector.Silent{}, Clock: connector.SystemClock{}, Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	if code := post(t, e.Addr, "wrong", order); code != http.StatusUnauthorized {
		t.Fatalf("forged: %d, want 401", code)
	}
	if code := post(t, e.Addr, "hush", order); code/100 != 2 {
		t.Fatalf("signed: %d, want 2xx", code)
	}
	k, err := ledger.NewOrderKey("shop", "820982911")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Barrier(ctx, n.PartitionOf(k)); err != nil {
		t.Fatal(err)
	}
	err = n.Read(n.PartitionOf(k), func(r *ledger.Reader, _ engine.Freshness) error {
		v, ok, err := r.Order(k)
		if err != nil {
			return err
		}
		if !ok || len(v.Words) == 0 {
			t.Fatalf("order %s: found %v, words %v", k, ok, v.Words)
		}
		if len(v.Summary.Sums) != 1 || v.Summary.Sums[0].Money != (ledger.Money{Minor: 4990, Currency: "EUR"}) {
			t.Fatalf("sums %v", v.Summary.Sums)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
