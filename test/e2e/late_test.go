package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// pastOrders is how many orders happened before anybody wanted history: more than one
// commit of a refill in every partition.
const pastOrders = 24_000

// TestHistoryAttachedLate: a process runs without ClickHouse and then with it.
// Its past is told by folding the log again, though it is killed with -9 in the
// middle of that and deliveries go on: every row is there, once (S-41).
func TestHistoryAttachedLate(t *testing.T) {
	d, webhooks := newStorefront(t, "clickhouse: {disabled: true}\n")
	without := readFile(t, d.config)
	d.start()
	d.ready()
	remember(t, d.ends.Kafka, pastOrders)
	d.settled()
	d.stop()

	with := strings.Replace(without, "clickhouse: {disabled: true}", "clickhouse: {native_port: 0, http_port: 0}", 1)
	if err := os.WriteFile(d.config, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLoad(t, webhooks)
	t.Cleanup(l.end)
	d.start()
	d.ready()
	await(t, 60*time.Second, func() error { return told(d, 1, pastOrders) })
	d.kill()
	d.start()
	d.ready()
	await(t, 60*time.Second, func() error {
		if left := d.metric("sink_refill_remaining_records"); left <= 0 {
			return yet("%v records are to be folded again", left)
		}
		return nil
	})
	l.more(20) // while the past is told
	await(t, 90*time.Second, func() error {
		if left := d.metric("sink_refill_remaining_records"); left != 0 {
			return yet("%v records are to be folded again", left)
		}
		return nil
	})
	l.more(20)
	l.end()
	dense(t, d.ends.ClickHouseHTTP, pastOrders+len(l.acked))
	d.stop()
	if left, err := filepath.Glob(filepath.Join(d.data(), "ledger", "refill-*")); err != nil || len(left) > 0 {
		t.Errorf("scratch stores are left: %v, %v", left, err)
	}
	lacks(t, readFile(t, d.Log()), "refolding the log to fill a sink", "a sink is filled")
}

// told is met while ClickHouse knows more orders than some, and fewer than all.
func told(d *dev, some, all int) error {
	got, err := ask(d.ends.ClickHouseHTTP, "SELECT uniqExact(order_key) FROM events")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(got)
	if err != nil {
		return err
	}
	if n < some {
		return yet("ClickHouse knows %d orders", n)
	}
	if n >= all {
		d.t.Fatalf("ClickHouse knows all %d orders: too late to break in", n)
	}
	return nil
}

// remember writes orders to the log as the storefront's edge would have.
func remember(t *testing.T, kafka string, orders int) {
	t.Helper()
	log := openLog(t, kafka, true)
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	cat, err := role.LoadCatalog(nil)
	if err != nil {
		t.Fatal(err)
	}
	sys, err := cat.System("shopify")
	if err != nil {
		t.Fatal(err)
	}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: &deskSources(t)[0]})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, orders)
	for id := range int64(orders) {
		res := m.Map(catalog.Input{
			Feed: sys.WebhookFeed(), Raw: []byte(order(1_000_000+id, "pending")), ReceivedAt: ledger.At(time.Now()),
			Delivery: ledger.Delivery{Topic: "orders/create", ID: fmt.Sprint(id)},
		})
		if res.Event == nil {
			t.Fatalf("an order gives no event: %+v", res)
		}
		value, err := codec.Encode(nil, res.Event)
		if err != nil {
			t.Fatal(err)
		}
		log.AppendAsync(kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: kafkalog.ByKey, Key: []byte(res.Event.Order), Value: value},
			func(_ kafkalog.Position, err error) { answers <- err })
	}
	for range orders {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
}
