package poll

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// oauth1 signs requests with OAuth 1.0a, HMAC-SHA256, as token-based
// authentication uses it: no body parameters.
type oauth1 struct {
	realm          string
	consumerKey    string
	consumerSecret string
	token          string
	tokenSecret    string
}

// header returns the Authorization header of a request.
func (o oauth1) header(req *http.Request, nonce string, unix int64) string {
	params := [][2]string{
		{"oauth_consumer_key", o.consumerKey},
		{"oauth_nonce", nonce},
		{"oauth_signature_method", "HMAC-SHA256"},
		{"oauth_timestamp", strconv.FormatInt(unix, 10)},
		{"oauth_token", o.token},
		{"oauth_version", "1.0"},
	}
	mac := hmac.New(sha256.New, []byte(percent(o.consumerSecret)+"&"+percent(o.tokenSecret)))
	mac.Write([]byte(baseString(req.Method, req.URL, params)))
	params = append(params, [2]string{"oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))})
	parts := []string{fmt.Sprintf(`realm="%s"`, percent(o.realm))}
	for _, p := range params {
		parts = append(parts, fmt.Sprintf(`%s="%s"`, p[0], percent(p[1])))
	}
	return "OAuth " + strings.Join(parts, ", ")
}

// baseString is that of RFC 5849 §3.4.1.
func baseString(method string, u *url.URL, params [][2]string) string {
	all := slices.Clone(params)
	for name, values := range u.Query() {
		for _, v := range values {
			all = append(all, [2]string{name, v})
		}
	}
	pairs := make([]string, 0, len(all))
	for _, p := range all {
		pairs = append(pairs, percent(p[0])+"="+percent(p[1]))
	}
	slices.Sort(pairs)
	host := strings.ToLower(u.Host)
	if port := u.Port(); (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		host = strings.ToLower(u.Hostname())
	}
	where := strings.ToLower(u.Scheme) + "://" + host + u.EscapedPath()
	return strings.ToUpper(method) + "&" + percent(where) + "&" + percent(strings.Join(pairs, "&"))
}

// percent is the encoding of RFC 5849 §3.6.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
