package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
)

// bought is a Shopify order with the address of whoever bought it.
func bought(id int64, email string) string {
	return strings.Replace(order(id, "paid"), `{"id"`, fmt.Sprintf(`{"email":%q,"customer":{"id":1,"email":%q},"id"`, email, email), 1)
}

// charged is Stripe's event of a captured charge, with the address of its receipt.
func charged(charge, email string) string {
	return fmt.Sprintf(`{"id":"evt_%[1]s","object":"event","api_version":"2024-06-20","created":1772445600,"type":"charge.succeeded","livemode":true,"data":{"object":
{"id":%[1]q,"object":"charge","livemode":true,"created":1772445600,"status":"succeeded","amount":4990,"amount_captured":4990,"amount_refunded":0,
"captured":true,"refunded":false,"currency":"eur","payment_intent":null,"receipt_email":%[2]q}}}`, charge, email)
}

// ask carries out a command line against the desk.
func (d *desk) ask(args ...string) (code int, out, problem string) {
	d.t.Helper()
	var o, e strings.Builder
	code = cli.Run(d.t.Context(), cli.Deps{Out: &o, Err: &e}, append(args, "--endpoint", d.Endpoints.GRPC))
	return code, o.String(), e.String()
}

// TestAnEmailFindsItsOrders: an order is found by the address that the
// storefront, or its payment alone, was given; several orders of one buyer are
// candidates. Nothing is joined by it, and nothing collides (S-35, S-38a, S-39).
func TestAnEmailFindsItsOrders(t *testing.T) {
	key := filepath.Join(t.TempDir(), "hash.key")
	if err := os.WriteFile(key, []byte("a key of both sides\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cards := withCards("live")
	d := newDesk(t, func(cfg *config.Config) {
		cards(cfg)
		cfg.HashKeyFile = key
	})
	d.accept("shop", "orders/create", bought(1001, "Ann@Example.org"))
	d.accept("shop", "orders/create", bought(1002, "ann@example.org"))
	d.accept("shop", "orders/create", bought(1003, "bob@example.org"))
	d.accept("shop", "order_transactions/create", strings.Replace(paidWith("ch_bob"), "123456", "1003", 1))
	d.acceptCards(charged("ch_bob", "bobs.firm@example.org"))
	d.acceptCards(charged("ch_nobody", "bob@example.org"))
	found := func(email string, want ...string) {
		t.Helper()
		await(t, 20*time.Second, func() error {
			a := do(t, http.MethodGet, d.Endpoints.API+"/v1/orders:lookup?alias="+url.QueryEscape(email), nil, nil)
			for _, id := range []string{"1001", "1002", "1003"} {
				hit := strings.Contains(a.Body, "shop~"+id)
				if a.Code != http.StatusOK || hit != strings.Contains(strings.Join(want, " "), id) {
					return yet("%s finds %d %s, want %q", email, a.Code, a.Body, want)
				}
			}
			if strings.Contains(strings.ToLower(a.Body), email) {
				t.Errorf("the answer repeats %s", email)
			}
			return nil
		})
	}
	found("ann@example.org", "1001", "1002")
	found("bob@example.org", "1003")
	found("bobs.firm@example.org", "1003") // only the payment was given it
	if a := do(t, http.MethodGet, d.Endpoints.API+"/v1/orders:lookup?alias=eve%40example.org", nil, nil); a.Code != http.StatusNotFound {
		t.Errorf("a stranger: %d %s", a.Code, a.Body)
	}
	code, out, problem := d.ask("order", "get", "ANN@example.org")
	if code != cli.ExitError || !strings.Contains(problem, "fits 2 orders") || !strings.Contains(problem, "shop~1001") || !strings.Contains(problem, "shop~1002") {
		t.Errorf("of two orders: %d %s%s", code, out, problem)
	}
	if code, out, problem = d.ask("order", "get", "bob@example.org"); code != cli.ExitOK || !strings.Contains(out, "shop~1003") {
		t.Errorf("of one order: %d %s%s", code, out, problem)
	}
	d.folded()
	var list struct{ Exceptions []struct{ Exception string } }
	d.get("/v1/exceptions?pageSize=100", &list)
	for _, x := range list.Exceptions {
		if strings.Contains(x.Exception, "Collision") {
			t.Errorf("one address of two orders is %s", x.Exception)
		}
	}
	if got := d.claims(orderKey(1003), "cards"); len(got) != 2 {
		t.Errorf("a payment was joined by its address: %q", got)
	}
}
