package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// defaultTolerance bounds the age of signed timestamps, both ways.
const defaultTolerance = 5 * time.Minute

// signature is what a delivery presents, ready to be compared: the bytes that
// were signed, and the candidate signatures found.
type signature struct {
	signed     [][]byte // concatenated before hashing
	candidates [][]byte
	// fresh is false where a signed timestamp is outside the tolerance.
	fresh bool
	// bearer: candidates are secrets themselves, not MACs.
	bearer   bool
	signedAt ledger.Instant
	id       string // a delivery id that the signature covers
}

// present reads what a delivery presents for a scheme. It never fails: what is
// missing or malformed has no candidates.
func present(v connector.Verify, r *http.Request, body []byte, now time.Time) signature {
	h := r.Header
	switch v.Scheme {
	case "stripe":
		return presentStripe(v, h, body, now)
	case "query-token":
		return presentQuery(v, r.URL.Query(), body)
	case "shopify":
		return signature{
			signed: [][]byte{body}, fresh: true,
			candidates: decoded("base64", "", first(h, "X-Shopify-Hmac-Sha256", "Shopify-Hmac-Sha256")),
		}
	case "standard-webhooks":
		return presentStandard(v, h, body, now)
	case "bearer":
		token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
		s := signature{signed: [][]byte{body}, fresh: true, bearer: true}
		if ok && token != "" {
			s.candidates = [][]byte{[]byte(token)}
		}
		return s
	default:
		encoding := v.Encoding
		if encoding == "" {
			encoding = "hex"
		}
		return signature{signed: [][]byte{body}, fresh: true, candidates: decoded(encoding, v.Prefix, h.Get(v.Header))}
	}
}

func presentStandard(v connector.Verify, h http.Header, body []byte, now time.Time) signature {
	id, ts := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	s := signature{signed: [][]byte{[]byte(id), []byte("."), []byte(ts), []byte("."), body}, id: id}
	s.fresh, s.signedAt = fresh(v, ts, now)
	// The header lists several signatures while a secret is rotated.
	for _, one := range strings.Fields(h.Get("Webhook-Signature")) {
		if len(s.candidates) == maxCandidates {
			break
		}
		if b64, ok := strings.CutPrefix(one, "v1,"); ok {
			s.candidates = append(s.candidates, decoded("base64", "", b64)...)
		}
	}
	return s
}

// maxCandidates bounds how many signatures of one delivery are compared.
const maxCandidates = 4

func first(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// decoded returns the bytes of an encoded signature, or none.
func decoded(encoding, prefix, text string) [][]byte {
	text, ok := strings.CutPrefix(text, prefix)
	if !ok || text == "" || len(text) > 256 {
		return nil
	}
	var b []byte
	var err error
	if encoding == "hex" {
		b, err = hex.DecodeString(text)
	} else {
		b, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil
	}
	return [][]byte{b}
}

// secretBytes is the HMAC key of a configured secret. Standard Webhooks secrets
// are base64 behind "whsec_"; all others are the text itself.
func secretBytes(scheme string, secret []byte) []byte {
	if rest, ok := strings.CutPrefix(string(secret), "whsec_"); ok && scheme == "standard-webhooks" {
		if b, err := base64.StdEncoding.DecodeString(rest); err == nil {
			return b
		}
	}
	return secret
}

// verify compares in constant time over exactly connector.MaxSecrets keys,
// decoys among them, whatever was presented: a stranger learns nothing from how
// long a refusal takes.
func (s *signature) verify(keys [connector.MaxSecrets][]byte) bool {
	ok := 0
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		for _, part := range s.signed {
			mac.Write(part)
		}
		want := mac.Sum(nil)
		if s.bearer {
			sum := sha256.Sum256(key)
			want = sum[:]
		}
		for i := range maxCandidates {
			got := make([]byte, sha256.Size)
			if i < len(s.candidates) {
				got = s.candidates[i]
			}
			if s.bearer {
				sum := sha256.Sum256(got)
				got = sum[:]
			}
			if hmac.Equal(got, want) && i < len(s.candidates) {
				ok++
			}
		}
	}
	return ok > 0 && s.fresh
}
