package bench_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/webhook"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logsink"
)

const (
	webhookSecret  = "hush"
	webhookSenders = 64
	bareTopic      = "bare"
)

// delivery is a signed order document of a storefront, with three lines.
func delivery(n int) (body []byte, signature string) {
	body = fmt.Appendf(nil, `{"id":%[1]d,"admin_graphql_api_id":"gid://shopify/Order/%[1]d","name":"#%[2]d","order_number":%[2]d,"created_at":"2026-03-02T09:59:59Z",`+
		`"updated_at":"2026-03-02T10:00:00Z","processed_at":"2026-03-02T09:59:59Z","currency":"EUR","presentment_currency":"EUR","total_price":"149.70","current_total_price":"149.70",`+
		`"subtotal_price":"125.80","total_tax":"23.90","total_discounts":"0.00","taxes_included":true,"financial_status":"paid","fulfillment_status":null,"cancelled_at":null,"cancel_reason":null,`+
		`"closed_at":null,"confirmed":true,"test":false,"source_name":"web","tags":"","note":null,"gateway":"shopify_payments","email":"someone@example.com","phone":null,`, 820_000_000+n, 1000+n)
	body = append(body, `"line_items":[`...)
	for i := range 3 {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"id":%d,"variant_id":%d,"product_id":%d,"title":"A thing of size %d","sku":"SKU-%04d","quantity":1,"current_quantity":1,"fulfillable_quantity":1,`+
			`"fulfillment_status":null,"price":"49.90","grams":500,"requires_shipping":true,"taxable":true,"gift_card":false,"vendor":"house","total_discount":"0.00"}`, 10*n+i, 7000+i, 6000+i, i, 40+i)
	}
	body = append(body, `],"fulfillments":[],"refunds":[],"shipping_lines":[{"id":1,"title":"Standard","price":"4.90","code":"std"}],"tax_lines":[{"title":"VAT","rate":0.19,"price":"23.90"}]}`...)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	return body, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// gate is an HTTP server on loopback.
func gate(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + l.Addr().String() + "/webhooks/shop"
}

// oursGate verifies, maps and appends as an edge does.
func oursGate(t *testing.T, c *cluster) string {
	t.Helper()
	cat, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	system, err := cat.System("shopify")
	if err != nil {
		t.Fatal(err)
	}
	e, err := webhook.NewEndpoint(webhook.EndpointOptions{System: system, Secrets: [][]byte{[]byte(webhookSecret)}, HashKey: []byte("k"),
		Source: &connector.Source{Name: "shop", System: "shopify", Origin: true, Poll: connector.PollSettings{Disabled: true}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := webhook.NewServer(t.Context(), webhook.Config{Endpoints: []*webhook.Endpoint{e}, Sink: logsink.New(c.log, c.codec), Clock: connector.SystemClock{},
		Logger: slog.New(slog.DiscardHandler), AppendTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return gate(t, s)
}

// bareGate reads a body and produces the same bytes that our side appends for
// it, and nothing else.
func bareGate(t *testing.T, c *cluster, key, value []byte) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addr()), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(clusterLinger),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), partitions, 1, nil, bareTopic); err != nil {
		t.Fatal(err)
	}
	var next atomic.Int32
	return gate(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rec := &kgo.Record{Topic: bareTopic, Key: fmt.Appendf(key[:len(key):len(key)], "%d", next.Add(1)%1000), Value: value}
		if err := client.ProduceSync(context.WithoutCancel(r.Context()), rec).FirstErr(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}\n")
	}))
}

// post sends deliveries [from, to) over as many connections as there are
// senders, and returns what a second brought.
func post(t *testing.T, url string, from, to int) float64 {
	t.Helper()
	type signed struct {
		body      []byte
		signature string
	}
	ready := make([]signed, to-from)
	for i := range ready {
		ready[i].body, ready[i].signature = delivery(from + i)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: webhookSenders}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, webhookSenders)
	start := time.Now()
	for range webhookSenders {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ready)); i = next.Add(1) - 1 {
				if err := deliver(t.Context(), client, url, ready[i].body, ready[i].signature); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	return float64(len(ready)) / took.Seconds()
}

func deliver(ctx context.Context, client *http.Client, url string, body []byte, signature string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Topic", "orders/create")
	req.Header.Set("X-Shopify-Hmac-Sha256", signature)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if cerr := res.Body.Close(); err != nil || cerr != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %w, %w", res.Status, answer, err, cerr)
	}
	return nil
}

// held counts the records of a topic.
func (c *cluster) held(topic string) (n int64) {
	c.t.Helper()
	ends, err := c.log.EndOffsets(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, end := range ends {
		n += end
	}
	return n
}

// appended is the first record our side appended, with which the bare side is
// given the same bytes to produce.
func (c *cluster) appended() *kafkalog.Record {
	c.t.Helper()
	for p, end := range c.ends() {
		if end > 0 {
			list, err := kafkalog.ReadRange(c.t.Context(), c.log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: int32(p)}, 1)
			if err != nil || len(list) == 0 {
				c.t.Fatalf("%d records read back: %v", len(list), err)
			}
			return &list[0]
		}
	}
	c.t.Fatal("nothing was appended")
	return nil
}

// measureWebhook compares accepting deliveries with a handler that only
// produces.
func measureWebhook(t *testing.T, s scale) []figure {
	c := newCluster(t)
	url := oursGate(t, c)
	post(t, url, 0, webhookSenders)
	rec := c.appended()
	bareURL := bareGate(t, c, []byte("shop~82"), rec.Value)
	post(t, bareURL, 0, webhookSenders)
	var ours, bare []float64
	sent := webhookSenders
	for range s.rounds {
		ours = append(ours, post(t, url, sent, sent+s.deliveries))
		bare = append(bare, post(t, bareURL, sent, sent+s.deliveries))
		sent += s.deliveries
	}
	if a, b := c.held(kafkalog.TopicEvents), c.held(bareTopic); a != int64(sent) || b != a {
		t.Fatalf("%d deliveries were acknowledged, the log holds %d and %d", sent, a, b)
	}
	body, _ := delivery(1)
	return []figure{
		of("webhook accepted", "per s", ours...).noting("verified, mapped, appended with acks=all to Kafka, then 200; bodies of %d B, records of %s B; %d senders in the same process, whose work is in both sides", len(body), number(float64(len(rec.Value))), webhookSenders),
		of("bare handler", "per s", bare...).noting("net/http, the same requests, records of the same bytes produced with acks=all, then 200"),
		of("ratio", "×", ratios(ours, bare)...).atLeast(0.7),
	}
}
