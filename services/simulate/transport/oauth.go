package transport

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errToken is why a request with token-based authentication is refused.
var errToken = errors.New("invalid login attempt")

// tokenAge is how far the timestamp of a request may be off.
const tokenAge = 5 * time.Minute

// checkOAuth verifies OAuth 1.0a with HMAC-SHA256: every parameter, the age of
// the timestamp, the signature over method, address and query.
func (c *Credentials) checkOAuth(r *http.Request, now time.Time) error {
	given, ok := oauthParams(r.Header.Get("Authorization"))
	if !ok {
		return errToken
	}
	want := map[string]string{
		"realm": c.Account, "oauth_consumer_key": c.ConsumerKey, "oauth_token": c.TokenID,
		"oauth_signature_method": "HMAC-SHA256", "oauth_version": "1.0",
	}
	for k, v := range want {
		if given[k] != v {
			return errToken
		}
	}
	unix, err := strconv.ParseInt(given["oauth_timestamp"], 10, 64)
	if age := now.Sub(time.Unix(unix, 0)); err != nil || age > tokenAge || age < -tokenAge || given["oauth_nonce"] == "" {
		return errToken
	}
	mac := hmac.New(sha256.New, []byte(percent(c.ConsumerSecret)+"&"+percent(c.TokenSecret)))
	mac.Write([]byte(signatureBase(r, given)))
	signature, err := base64.StdEncoding.DecodeString(given["oauth_signature"])
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return errToken
	}
	return nil
}

// oauthParams reads the parameters of an Authorization header.
func oauthParams(header string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(header, "OAuth ")
	if !ok {
		return nil, false
	}
	out := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, false
		}
		plain, err := url.PathUnescape(strings.Trim(v, `"`))
		if err != nil {
			return nil, false
		}
		out[k] = plain
	}
	return out, true
}

// signatureBase is the text that was signed (RFC 5849, 3.4.1).
func signatureBase(r *http.Request, params map[string]string) string {
	var pairs []string
	for k, v := range params {
		if k != "realm" && k != "oauth_signature" {
			pairs = append(pairs, percent(k)+"="+percent(v))
		}
	}
	for k, list := range r.URL.Query() {
		for _, v := range list {
			pairs = append(pairs, percent(k)+"="+percent(v))
		}
	}
	slices.Sort(pairs)
	host := strings.TrimSuffix(strings.ToLower(r.Host), ":80")
	return r.Method + "&" + percent("http://"+host+r.URL.EscapedPath()) + "&" + percent(strings.Join(pairs, "&"))
}

// percent is the encoding of RFC 5849, 3.6.
func percent(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~", "*", "%2A").Replace(url.QueryEscape(s))
}
