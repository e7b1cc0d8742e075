package poll

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestBaseString is the example of RFC 5849 §3.4.1.1, less its form body.
func TestBaseString(t *testing.T) {
	u, err := url.Parse("http://EXAMPLE.COM:80/r%20v/X?id=123&b5=%3D%253D&a3=a&c%40=&a2=r%20b")
	if err != nil {
		t.Fatal(err)
	}
	got := baseString("get", u, [][2]string{{"oauth_consumer_key", "9djdj82h48djs9d2"}, {"oauth_token", "kkk9d7dh3k39sjv7"}})
	want := "GET&http%3A%2F%2Fexample.com%2Fr%2520v%2FX&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26id%3D123%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if got != want {
		t.Errorf("base string\n%s\nwant\n%s", got, want)
	}
}

func TestOAuthHeader(t *testing.T) {
	req, err := http.NewRequest(http.MethodPost, "https://123-sb1.suitetalk.test/services/rest/query/v1/suiteql?limit=1000&offset=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := oauth1{realm: "123_SB1", consumerKey: "ck", consumerSecret: "cs", token: "ti", tokenSecret: "ts"}
	a, b := o.header(req, "n1", 1700000000), o.header(req, "n2", 1700000000)
	if a == b || !strings.HasPrefix(a, `OAuth realm="123_SB1", oauth_consumer_key="ck", oauth_nonce="n1", oauth_signature_method="HMAC-SHA256"`) {
		t.Errorf("header %s", a)
	}
}
