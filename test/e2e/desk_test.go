package e2e_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// secret is what every source of these tests shares with the edge.
const secret = "hush"

// desk is an instance in this process, and what a person with curl would do
// with it.
type desk struct {
	t *testing.T
	*role.Instance
	closed bool
}

// close ends the instance, once.
func (d *desk) close() {
	d.t.Helper()
	if d.closed {
		return
	}
	d.closed = true
	if err := d.Close(); err != nil {
		d.t.Errorf("close: %v", err)
	}
}

// deskSources are a storefront, a gateway, and a program whose deliveries carry
// a signed time.
func deskSources(t *testing.T) []connector.Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []connector.Source{
		{Name: "shop", System: "shopify", Origin: true, SecretFiles: []string{file}, Poll: connector.PollSettings{Disabled: true}},
		{Name: "pay", System: "demopay", OriginSource: "shop", SecretFiles: []string{file}},
		{Name: "timed", System: "generic", OriginSource: "shop", SecretFiles: []string{file}, Verify: &connector.Verify{Scheme: "standard-webhooks"}},
	}
}

// polled lets the storefront be asked as well: by an API that lists these
// orders, and whose answers carry the time.
func polled(t *testing.T, cfg *config.Config, orders ...json.RawMessage) {
	t.Helper()
	if orders == nil {
		orders = []json.RawMessage{}
	}
	body, err := json.Marshal(map[string]any{"orders": orders})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/orders.json") || r.Header.Get("X-Shopify-Access-Token") != secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	t.Cleanup(api.Close)
	shop := &cfg.Sources[0]
	shop.BaseURL, shop.Poll = api.URL, connector.PollSettings{Interval: connector.Span(time.Second)}
	shop.LiveFrom = connector.Moment(ledger.At(time.Now().Add(-time.Hour)))
	shop.Tokens = map[string]connector.SecretRef{"access_token": {File: shop.SecretFiles[0]}}
}

// newDesk starts an instance with the sources above; change may alter its
// configuration before.
func newDesk(t *testing.T, change func(*config.Config)) *desk {
	t.Helper()
	cfg := loopback()
	cfg.Sources = deskSources(t)
	if change != nil {
		change(cfg)
	}
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, Instance: i}
	t.Cleanup(d.close)
	await(t, 20*time.Second, func() error { // a word is unknown only beside a policy
		for _, s := range d.Node.Stats() {
			if s.Policy == 0 && cfg.Ledger.DiskReserveBytes == 0 {
				return yet("partition %d has no policy", s.Partition)
			}
		}
		return nil
	})
	return d
}

// answer is what came back over HTTP.
type answer struct {
	Code   int
	Header http.Header
	Body   string
	Took   time.Duration
}

// do sends one request.
func do(t *testing.T, method, url string, body io.Reader, header map[string]string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{Code: res.StatusCode, Header: res.Header, Body: string(raw), Took: time.Since(began)}
}

func mac(body string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(body))
	return h.Sum(nil)
}

// signed are the headers of a delivery to a source, as its sender would sign
// it now.
func signed(source, topic, body string) map[string]string {
	h := map[string]string{"Content-Type": "application/json"}
	switch source {
	case "shop":
		h["X-Shopify-Topic"], h["X-Shopify-Hmac-Sha256"] = topic, base64.StdEncoding.EncodeToString(mac(body))
	case "pay":
		h["X-Demopay-Signature"] = "sha256=" + hex.EncodeToString(mac(body))
	case "timed":
		return signedAt(body, time.Now())
	default:
		h["X-Signature"] = "sha256=" + hex.EncodeToString(mac(body))
	}
	return h
}

// signedAt are the headers of a delivery whose signature covers a time.
func signedAt(body string, at time.Time) map[string]string {
	ts := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{
		"Content-Type": "application/json", "Webhook-Id": "msg-1", "Webhook-Timestamp": ts,
		"Webhook-Signature": "v1," + base64.StdEncoding.EncodeToString(mac("msg-1."+ts+"."+body)),
	}
}

// post delivers a webhook.
func (d *desk) post(source, body string, header map[string]string) answer {
	d.t.Helper()
	return do(d.t, http.MethodPost, "http://"+d.Endpoints.Webhooks+"/webhooks/"+source, bytes.NewBufferString(body), header)
}

// accept delivers a signed webhook that must be acknowledged.
func (d *desk) accept(source, topic, body string) {
	d.t.Helper()
	if a := d.post(source, body, signed(source, topic, body)); a.Code != http.StatusOK {
		d.t.Fatalf("signed webhook of %s: %d %s", source, a.Code, a.Body)
	}
}

// get asks the REST API.
func (d *desk) get(path string, out any) {
	d.t.Helper()
	a := do(d.t, http.MethodGet, d.Endpoints.API+path, nil, nil)
	if a.Code != http.StatusOK {
		d.t.Fatalf("GET %s: %d %s", path, a.Code, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), out); err != nil {
		d.t.Fatalf("GET %s: %v in %s", path, err, a.Body)
	}
}

// folded waits until everything in the log is folded.
func (d *desk) folded() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	for p := range d.Node.Partitions() {
		if err := d.Node.Barrier(ctx, p); err != nil {
			d.t.Fatal(err)
		}
	}
}

// entry is one line of GET /v1/quarantine.
type entry struct {
	ID, Source, Reason, Problem, Hint, OrderKey, NativeWord, State, BodyDigest string
	Position                                                                   struct {
		Topic, Offset string
		Partition     int32
	}
}

// quarantine lists what is set aside.
func (d *desk) quarantine() []entry {
	d.t.Helper()
	d.folded()
	var out struct{ Entries []entry }
	d.get("/v1/quarantine?pageSize=200", &out)
	return out.Entries
}

// line is one entry of GET …/timeline.
type line struct {
	Kind, Source, Axis, NativeWord, CanonicalState, EventID, Text string
	Object                                                        *struct{ Type, ID string }
}

// claim says what a line claims: axis, object type, word, canonical state.
func (l *line) claim() string {
	if l.Object == nil {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(l.Axis, "AXIS_")) + " " + l.Object.Type + " " + l.NativeWord + " " + l.CanonicalState
}

// timeline reads an order's timeline.
func (d *desk) timeline(order ledger.OrderKey) []line {
	d.t.Helper()
	d.folded()
	var out struct{ Entries []line }
	d.get("/v1/orders/"+url.PathEscape(string(order))+"/timeline?pageSize=200", &out)
	return out.Entries
}

// claims lists what a source claims in an order's timeline.
func (d *desk) claims(order ledger.OrderKey, source string) []string {
	d.t.Helper()
	out := []string{}
	for _, l := range d.timeline(order) {
		if c := l.claim(); l.Source == source && c != "" {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// records counts what stands in the log, by topic, without ticks and policies.
func (d *desk) records() map[string]int {
	d.t.Helper()
	out := map[string]int{}
	dec := d.Stack.Codec.NewDecoder()
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed, kafkalog.TopicQuarantine} {
		ends, err := d.Stack.Log.EndOffsets(d.t.Context(), topic)
		if err != nil {
			d.t.Fatal(err)
		}
		for p, end := range ends {
			list, err := kafkalog.ReadRange(d.t.Context(), d.Stack.Log, kafkalog.Position{Topic: topic, Partition: p}, end)
			if err != nil {
				d.t.Fatal(err)
			}
			for i := range list {
				rec := engine.Decode(dec, &list[i]).Record
				if rec.Tick == nil && rec.Policy == nil {
					out[topic]++
				}
			}
		}
	}
	return out
}

// order is a Shopify order in a state.
func order(id int64, payment string) string {
	return fmt.Sprintf(`{"id":%d,"name":"#%d","order_number":%d,"created_at":"2026-03-02T09:59:59Z","updated_at":"2026-03-02T10:00:00Z",
"currency":"EUR","total_price":"49.90","current_total_price":"49.90","financial_status":%q,"fulfillment_status":null,
"cancelled_at":null,"closed_at":null,"line_items":[],"fulfillments":[],"refunds":[]}`, id, id%10_000, id%10_000, payment)
}

// orderKey is the key of an order of the desk's storefront.
func orderKey(id int64) ledger.OrderKey {
	return ledger.OrderKey(fmt.Sprintf("shop~%d", id))
}
