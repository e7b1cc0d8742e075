package api_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/connector/document"
)

func sortRows(p *ledger.Policy) { slices.SortFunc(p.Rows, ledger.MatrixRow.Compare) }

// locked is a log that calls write to at once.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Whatever name the caller has, the same order is found; an e-mail address and
// a telephone number under their hashes, of which nothing else is kept.
func TestLookUpByEveryName(t *testing.T) {
	key, log := []byte("a key of both sides"), &locked{}
	s := apitest.Start(t, func(o *api.Options) {
		o.HashKey, o.Logger = key, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	e := ledgertest.ShopEvent("1001", ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "open"})
	e.Aliases = append(e.Aliases,
		ledger.Alias{Scope: ledgertest.ERP, Type: "erp-number", Value: "SO-77"}, ledger.Alias{Scope: ledgertest.Payments, Type: "payment-id", Value: "pi_3Nx"},
		ledger.Alias{Scope: ledgertest.ERP, Type: "tracking", Value: "1Z999AA10123456784"},
		ledger.Alias{Scope: ledgertest.Shop, Type: "email", Value: document.HashPersonal("ann@example.org", key)},
		ledger.Alias{Scope: ledgertest.Shop, Type: "phone", Value: document.HashPersonal("+49 30 1234567", key)})
	e.ID = e.ComputeID()
	s.Event(e)
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	for _, name := range []string{
		"#1001", "1001", "SO-77", "erp-number:SO-77", "pi_3Nx", "payment-id:pi_3Nx", "1Z999AA10123456784", "tracking:1Z999AA10123456784",
		"ann@example.org", " Ann@Example.ORG ", "email:ann@example.org", "+49 (30) 123-4567", "phone:49301234567", "email:" + document.HashPersonal("ann@example.org", key),
	} {
		r, err := c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: name})
		if err != nil || r.GetOrder().GetOrderKey() != "shop~1001" {
			t.Errorf("%s: %v %v", name, r, err)
		}
	}
	code, body := get(t, s, "/v1/orders:lookup?alias=ann%40example.org")
	if code != 200 || !bytes.Contains(body, []byte(`"shop~1001"`)) {
		t.Errorf("REST: %d %s", code, body)
	}
	_, err := c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: "bob@example.org"})
	wantReason(t, err, codes.NotFound, "ORDER_NOT_FOUND")
	if strings.Contains(err.Error(), "bob") || !strings.Contains(err.Error(), "this e-mail address") {
		t.Errorf("the answer repeats the address: %v", err)
	}
	for _, secret := range []string{"bob@", "ann@", "Ann@", "1234567"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log.String(), "LookupOrder") {
		t.Error("the log holds nothing of the look-ups")
	}
}

// Without the key nobody is told that there is no such order.
func TestLookUpByEmailNeedsTheKey(t *testing.T) {
	s := apitest.Start(t)
	_, err := orderledgerv1.NewOrderServiceClient(s.Conn).LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: "ann@example.org"})
	wantReason(t, err, codes.FailedPrecondition, "HASH_KEY_MISSING")
	if !strings.Contains(err.Error(), "hash_key_file") {
		t.Errorf("it does not say what to do: %v", err)
	}
}
