package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// TestWhatIsNotAuthenticIsRefusedAlike: whoever cannot sign learns nothing, and
// leaves nothing in the log (I-21).
func TestWhatIsNotAuthenticIsRefusedAlike(t *testing.T) {
	d := newDesk(t, nil)
	body := order(1001, "paid")
	generic := `{"id":"evt-1","order_id":"1001","axis":"order","object":"order","object_id":"1001","status":"placed","at":"2026-03-02T10:00:00Z","sequence":1}`
	without := func(h map[string]string, name string) map[string]string {
		delete(h, name)
		return h
	}
	var first answer
	for name, c := range map[string]struct {
		source, body string
		header       map[string]string
	}{
		"signed for another body":    {"shop", body, signed("shop", "orders/create", body+" ")},
		"unsigned":                   {"shop", body, without(signed("shop", "orders/create", body), "X-Shopify-Hmac-Sha256")},
		"signature is no base64":     {"shop", body, map[string]string{"Content-Type": "application/json", "X-Shopify-Hmac-Sha256": "%%%"}},
		"source does not exist":      {"nobody", body, signed("shop", "orders/create", body)},
		"another source's signature": {"pay", body, signed("shop", "orders/create", body)},
		"expired":                    {"timed", generic, signedAt(generic, time.Now().Add(-10*time.Minute))},
		"from the future":            {"timed", generic, signedAt(generic, time.Now().Add(10*time.Minute))},
		"broken and unsigned":        {"shop", `{"id":`, map[string]string{"Content-Type": "application/json"}},
	} {
		a := d.post(c.source, c.body, c.header)
		a.Took = 0
		a.Header.Del("Date")
		if a.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
		if first.Code == 0 {
			first = a
		}
		if fmt.Sprint(a) != fmt.Sprint(first) {
			t.Errorf("%s: answered %v, others %v", name, a, first)
		}
	}
	if n := d.records(); len(n) != 0 {
		t.Errorf("the log holds %v", n)
	}
	// The very same deliveries, properly signed, are taken.
	d.accept("shop", "orders/create", body)
	d.accept("timed", "", generic)
	if n := d.records(); n[kafkalog.TopicEvents] != 2 {
		t.Errorf("the log holds %v", n)
	}
}

// TestWhatCannotBeReadIsNotTaken: size, pace and kind of a body are bounded
// before anybody looks at it.
func TestWhatCannotBeReadIsNotTaken(t *testing.T) {
	d := newDesk(t, nil)
	slow := make(chan string, 1)
	go func() { slow <- drip(d.Endpoints.Webhooks) }()
	large := order(1001, strings.Repeat("x", 10<<20))
	if a := d.post("shop", large, signed("shop", "orders/create", large)); a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MiB: %d", a.Code)
	}
	// Without a length the bound holds all the same.
	a := do(t, http.MethodPost, "http://"+d.Endpoints.Webhooks+"/webhooks/shop", io.MultiReader(bytes.NewBufferString(large)), signed("shop", "orders/create", large))
	if a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MiB in chunks: %d", a.Code)
	}
	body := order(1001, "paid")
	for name, change := range map[string][2]string{
		"a form":            {"Content-Type", "application/x-www-form-urlencoded"},
		"plain text":        {"Content-Type", "text/plain"},
		"no type":           {"Content-Type", ""},
		"another charset":   {"Content-Type", "application/json; charset=iso-8859-1"},
		"a compressed body": {"Content-Encoding", "gzip"},
	} {
		h := signed("shop", "orders/create", body)
		h[change[0]] = change[1]
		if a := d.post("shop", body, h); a.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
	}
	if got := <-slow; !strings.Contains(got, " 408 ") {
		t.Errorf("a body that never ends: %q", got)
	}
	if n := d.records(); len(n) != 0 {
		t.Errorf("the log holds %v", n)
	}
}

// drip sends half a body and waits for the answer.
func drip(addr string) string {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err.Error()
	}
	if _, err := fmt.Fprintf(conn, "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"id\":"); err != nil {
		return err.Error()
	}
	text, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return text
}

// TestWhatIsAuthenticIsKept: what cannot be parsed or identified is
// acknowledged, set aside with its bytes, and listed (S-10).
func TestWhatIsAuthenticIsKept(t *testing.T) {
	d := newDesk(t, nil)
	bodies := map[string]struct{ body, reason, problem string }{
		"broken":        {`{"id":1001,"name":`, "broken-json", "not valid JSON"},
		"empty":         {``, "broken-json", "not valid JSON"},
		"nested":        {strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "broken-json", "nested too deeply"},
		"latin-1":       {"{\"id\":1001,\"name\":\"K\xf6ln\"}", "broken-json", "not valid UTF-8"},
		"twice":         {`{"id":1,"id":2}`, "broken-json", "a key twice"},
		"unknown topic": {`{"id":99,"kind":"collection"}`, "unrecognised", "no document of the catalog"},
	}
	for _, b := range bodies {
		d.accept("shop", "collections/create", b.body)
	}
	d.accept("shop", "collections/create", bodies["broken"].body) // once more: the same entry
	entries := d.quarantine()
	if len(entries) != len(bodies) {
		t.Errorf("%d entries of %d bodies", len(entries), len(bodies))
	}
	for name, b := range bodies {
		sum := sha256.Sum256([]byte(b.body))
		at := slices.IndexFunc(entries, func(e entry) bool {
			return e.Reason == b.reason && strings.Contains(e.Problem, b.problem) && (b.body == "" || e.BodyDigest == hex.EncodeToString(sum[:]) || b.reason == "unrecognised")
		})
		if at < 0 || entries[at].Source != "shop" || entries[at].Hint == "" || entries[at].Position.Topic != kafkalog.TopicQuarantine {
			t.Errorf("%s: no entry (%d) among %+v", name, at, entries)
		}
	}
	// A topic nobody described, about an order we can tell: kept with the order.
	d.accept("shop", "orders/create", order(1001, "paid"))
	d.accept("shop", "gift_wrappings/create", `{"id":7,"order_id":1001,"wrapping":"red"}`)
	if got := d.claims(orderKey(1001), "shop"); !slices.Contains(got, "unspecified unknown  ") {
		t.Errorf("the unknown document is not in the timeline: %q", got)
	}
	if n := d.records(); n[kafkalog.TopicEvents] != 2 || n[kafkalog.TopicQuarantine] != len(bodies)+1 {
		t.Errorf("the log holds %v", n)
	}
}
