package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector"
)

// theSecret is known to no seed of the fuzzer.
var theSecret = []byte("c2b1f0a3-known-to-the-signer-alone")

// signer signs as a sender of one scheme does, written apart from what verifies.
type signer func(r *http.Request, body []byte, at time.Time)

func hmacOf(parts ...string) []byte {
	m := hmac.New(sha256.New, theSecret)
	m.Write([]byte(strings.Join(parts, "")))
	return m.Sum(nil)
}

var signers = []struct {
	verify connector.Verify
	sign   signer
}{
	{connector.Verify{Scheme: "shopify"}, func(r *http.Request, body []byte, _ time.Time) {
		r.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(hmacOf(string(body))))
	}},
	{connector.Verify{Scheme: "stripe"}, func(r *http.Request, body []byte, at time.Time) {
		r.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%x", at.Unix(), hmacOf(fmt.Sprint(at.Unix()), ".", string(body))))
	}},
	{connector.Verify{Scheme: "standard-webhooks"}, func(r *http.Request, body []byte, at time.Time) {
		stamp := fmt.Sprint(at.Unix())
		r.Header.Set("Webhook-Id", "msg_1")
		r.Header.Set("Webhook-Timestamp", stamp)
		r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(hmacOf("msg_1.", stamp, ".", string(body))))
	}},
	{connector.Verify{Scheme: "hmac-sha256", Header: "X-Signature", Prefix: "sha256="}, func(r *http.Request, body []byte, _ time.Time) {
		r.Header.Set("X-Signature", "sha256="+hex.EncodeToString(hmacOf(string(body))))
	}},
	{connector.Verify{Scheme: "bearer"}, func(r *http.Request, _ []byte, _ time.Time) {
		r.Header.Set("Authorization", "Bearer "+string(theSecret))
	}},
	{connector.Verify{Scheme: "query-token"}, func(r *http.Request, _ []byte, _ time.Time) {
		r.URL.RawQuery = url.Values{"token": {string(theSecret)}}.Encode()
	}},
}

var headersOfSchemes = []string{"X-Shopify-Hmac-Sha256", "Stripe-Signature", "Webhook-Signature", "X-Signature", "Authorization"}

// FuzzVerify: what its sender signed is taken; nothing else is, whatever stands
// in the headers, the query and the body (I-21).
func FuzzVerify(f *testing.F) {
	f.Add(uint8(0), []byte(`{"id":1}`), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "1772450000", "", uint16(3))
	f.Add(uint8(1), []byte(`{}`), "t=1772450000,v1=00", "1772450000", "token=", uint16(0))
	f.Add(uint8(2), []byte(``), "v1, v1,AAAA v2,AAAA", "-1", "token=a&token=b", uint16(9))
	f.Add(uint8(3), []byte(`x`), "sha256=", "9999999999999", "%", uint16(1))
	f.Add(uint8(4), []byte(`x`), "Bearer ", "", "token", uint16(1))
	f.Add(uint8(5), []byte(`x`), "", "", "token=letmein", uint16(1))
	f.Fuzz(func(t *testing.T, scheme uint8, body []byte, header, stamp, query string, at uint16) {
		s := signers[int(scheme)%len(signers)]
		now := time.Unix(1_772_450_000, 0)
		var keys [connector.MaxSecrets][]byte
		for i := range keys {
			keys[i] = []byte("a decoy of the server")
		}
		keys[0] = secretBytes(s.verify.Scheme, theSecret)
		taken := func(r *http.Request, body []byte, now time.Time) bool {
			p := present(s.verify, r, body, now)
			return p.verify(keys)
		}
		forged := httptest.NewRequest(http.MethodPost, "/webhooks/x", nil)
		for _, name := range headersOfSchemes {
			forged.Header[name] = []string{header}
		}
		forged.Header.Set("Webhook-Timestamp", stamp)
		forged.URL.RawQuery = query
		if taken(forged, body, now) {
			t.Fatalf("%s took what nobody signed: %q %q", s.verify.Scheme, header, query)
		}
		good := httptest.NewRequest(http.MethodPost, "/webhooks/x", nil)
		s.sign(good, body, now)
		if !taken(good, body, now) {
			t.Fatalf("%s refused what its sender signed", s.verify.Scheme)
		}
		covered := s.verify.Scheme != "bearer" && s.verify.Scheme != "query-token" // those sign nothing
		if covered && len(body) > 0 {
			bent := append([]byte(nil), body...)
			bent[int(at)%len(bent)] ^= 1 + byte(at>>8)&0x7f
			if taken(good, bent, now) {
				t.Fatalf("%s took another body", s.verify.Scheme)
			}
		}
		if (s.verify.Scheme == "stripe" || s.verify.Scheme == "standard-webhooks") && taken(good, body, now.Add(defaultTolerance+time.Second+time.Duration(at)*time.Second)) {
			t.Fatalf("%s took an old delivery", s.verify.Scheme)
		}
	})
}
