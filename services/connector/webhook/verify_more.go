package webhook

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// presentStripe reads "Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>…]". The
// header lists several signatures while a secret is rotated; schemes other than
// v1 are ignored, or a sender could choose a weaker one.
func presentStripe(v connector.Verify, h http.Header, body []byte, now time.Time) signature {
	var s signature
	stamp := ""
	for item := range strings.SplitSeq(h.Get("Stripe-Signature"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		switch {
		case name == "t" && stamp == "":
			stamp = value
		case name == "v1" && len(s.candidates) < maxCandidates:
			s.candidates = append(s.candidates, decoded("hex", "", value)...)
		}
	}
	s.signed = [][]byte{[]byte(stamp), []byte("."), body}
	s.fresh, s.signedAt = fresh(v, stamp, now)
	return s
}

// fresh reports whether a signed timestamp in unix seconds lies within the
// tolerance, and which instant it is.
func fresh(v connector.Verify, stamp string, now time.Time) (bool, ledger.Instant) {
	tolerance := v.Tolerance.Duration()
	if tolerance == 0 {
		tolerance = defaultTolerance
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || unix <= 0 || unix >= 1<<33 {
		return false, 0
	}
	at := time.Unix(unix, 0)
	age := now.Sub(at)
	return age <= tolerance && age >= -tolerance, ledger.At(at)
}

// presentQuery reads a secret out of the URL that the sender was given. It is
// for senders that can neither sign nor set a header; whatever logs URLs on the
// way sees it.
func presentQuery(v connector.Verify, query url.Values, body []byte) signature {
	name := v.Parameter
	if name == "" {
		name = "token"
	}
	s := signature{signed: [][]byte{body}, fresh: true, bearer: true}
	if values := query[name]; len(values) == 1 && values[0] != "" {
		s.candidates = [][]byte{[]byte(values[0])}
	}
	return s
}
