package webhook_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/webhook"
)

// stripeAt is where the published vector was signed.
var stripeAt = time.Unix(1492774577, 0)

const stripeSecret = "whsec_test_secret"

func stripeGate(t *testing.T, at time.Time, secrets ...string) *gate {
	return newGate(t, connectortest.NewClock(at), func(c *webhook.Config) {
		c.Endpoints = append(c.Endpoints, endpoint(t, "cards", "generic", &connector.Verify{Scheme: "stripe"}, secrets...))
	})
}

// stripe signs as Stripe does, at an instant.
func stripe(secret, body string, at int64) string {
	return hex.EncodeToString(mac(secret, fmt.Sprintf("%d.%s", at, body)))
}

func TestStripeSignature(t *testing.T) {
	const body = `{"id":450789469,"name":"#1001"}`
	const vector = "2ea7b650cfb8472acbf68c0002a1f352d45913d00400baf0dae84feaea69682d"
	if got := stripe(stripeSecret, body, stripeAt.Unix()); got != vector {
		t.Fatalf("signed %s, want the vector", got)
	}
	stamp := fmt.Sprint(stripeAt.Unix())
	other := stripe("whsec_other", body, stripeAt.Unix())
	for name, tc := range map[string]struct {
		header string
		after  time.Duration // of receipt
		body   string
		want   int
	}{
		"the vector":            {header: "t=" + stamp + ",v1=" + vector, want: 200},
		"at the tolerance":      {header: "t=" + stamp + ",v1=" + vector, after: 300 * time.Second, want: 200},
		"beyond the tolerance":  {header: "t=" + stamp + ",v1=" + vector, after: 301 * time.Second, want: 401},
		"from the future":       {header: "t=" + stamp + ",v1=" + vector, after: -301 * time.Second, want: 401},
		"several signatures":    {header: "t=" + stamp + ",v1=" + other + ",v1=" + vector + ",v0=" + other, want: 200},
		"spaces":                {header: "t=" + stamp + ", v1=" + vector, want: 200},
		"only the weaker one":   {header: "t=" + stamp + ",v0=" + vector, want: 401},
		"another secret":        {header: "t=" + stamp + ",v1=" + other, want: 401},
		"no timestamp":          {header: "v1=" + vector, want: 401},
		"another timestamp":     {header: fmt.Sprintf("t=%d,v1=%s", stripeAt.Unix()+1, vector), want: 401},
		"two timestamps":        {header: fmt.Sprintf("t=%d,t=%s,v1=%s", stripeAt.Unix()+1, stamp, vector), want: 401},
		"timestamp of no time":  {header: "t=soon,v1=" + vector, want: 401},
		"upper case":            {header: "t=" + stamp + ",v1=" + strings.ToUpper(vector), want: 200},
		"cut short":             {header: "t=" + stamp + ",v1=" + vector[:62], want: 401},
		"another body":          {header: "t=" + stamp + ",v1=" + vector, body: body + " ", want: 401},
		"nothing":               {want: 401},
		"more than is compared": {header: "t=" + stamp + strings.Repeat(",v1="+other, 4) + ",v1=" + vector, want: 401},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.body == "" {
				tc.body = body
			}
			g := stripeGate(t, stripeAt.Add(tc.after), stripeSecret)
			if w := g.post("cards", tc.body, "Stripe-Signature", tc.header); w.Code != tc.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tc.want)
			}
			if entries := g.log.Entries(); tc.want == 401 && len(entries) != 0 {
				t.Error("something unauthentic entered the log")
			}
		})
	}
}

// TestStripeTwoSecrets: while a secret is rolled both sign, and either is
// enough.
func TestStripeTwoSecrets(t *testing.T) {
	const body = `{"id":450789469,"name":"#1001"}`
	for _, secret := range []string{"whsec_old", "whsec_new"} {
		g := stripeGate(t, stripeAt, "whsec_old", "whsec_new")
		header := fmt.Sprintf("t=%d,v1=%s", stripeAt.Unix(), stripe(secret, body, stripeAt.Unix()))
		if w := g.post("cards", body, "Stripe-Signature", header); w.Code != http.StatusOK {
			t.Errorf("%s: %d", secret, w.Code)
		}
	}
}

func TestQueryToken(t *testing.T) {
	for query, want := range map[string]int{
		"?token=letmein": 200, "?token=letmeout": 401, "": 401, "?token=": 401, "?token=letmein&token=x": 401, "?key=letmein": 401,
	} {
		g := newGate(t, connectortest.NewClock(now), func(c *webhook.Config) {
			c.Endpoints = append(c.Endpoints, endpoint(t, "quiet", "generic", &connector.Verify{Scheme: "query-token"}, "letmein"))
		})
		if w := g.post("quiet"+query, `{"hello":1}`); w.Code != want {
			t.Errorf("%q: %d, want %d", query, w.Code, want)
		}
	}
}
