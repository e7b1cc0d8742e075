package e2e_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// lanes is how many senders work side by side. The webhooks of one order stay
// in one lane.
const lanes = 6

// neighbourhood is a shop of the recent past: its systems answer polls, and its
// webhooks wait to be sent.
type neighbourhood struct {
	t          *testing.T
	deliveries []*shop.Delivery
	sender     *transport.Sender
	mappers    map[string]func(*shop.Delivery, []byte) catalog.Result
	// sources is the YAML of `sources:`.
	sources string

	mu       sync.Mutex
	acked    map[ledger.EventID]ledger.OrderKey
	answered int
	refusals map[string]int
	changed  chan struct{}
}

// newNeighbourhood opens a shop an hour ago, every order of which has happened,
// and whose webhooks go to a port.
func newNeighbourhood(t *testing.T, orders, port int) *neighbourhood {
	t.Helper()
	opened := time.Now().UTC().Truncate(time.Second).Add(-2 * time.Hour)
	cfg := shop.Config{Seed: 8, Opening: opened, Orders: orders, Every: 15 * time.Second, Injections: shop.Spread(shop.OrderFaults(), orders)}
	world, err := shop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	creds := transport.NewCredentials(1) // those that simulate.WriteConfig writes
	api, err := transport.NewServer(transport.ServerConfig{Shop: transport.Share(world), Credentials: creds, Clock: connector.SystemClock{}, Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := api.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	n := &neighbourhood{t: t, acked: map[ledger.EventID]ledger.OrderKey{}, refusals: map[string]int{}, changed: make(chan struct{}, 1)}
	n.sender, err = transport.NewSender(transport.SenderConfig{
		Webhooks: fmt.Sprintf("http://127.0.0.1:%d", port), Names: world.Config().Sources,
		Credentials: creds, Client: http.DefaultClient, Clock: connector.SystemClock{}, Logger: quiet(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	sending, err := shop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sending.Due(time.Now()) {
		if d.Source == world.Config().Sources.Storefront {
			n.deliveries = append(n.deliveries, d)
		}
	}
	n.configure(strings.TrimPrefix(listener.URL, "http://"), opened)
	return n
}

// configure writes the sources and binds the mappers that know the identity of
// what is sent.
func (n *neighbourhood) configure(api string, opened time.Time) {
	file, err := simulate.WriteConfig(n.t.TempDir(), api, opened)
	if err != nil {
		n.t.Fatal(err)
	}
	cfg := loopback()
	if err := cfg.Read(file); err != nil {
		n.t.Fatal(err)
	}
	// Whatever names no order is joined, which other tests are about.
	names := shop.DefaultSources()
	keyed := func(source string) bool { return source == names.Storefront || source == names.ERP }
	cfg.Sources = slices.DeleteFunc(cfg.Sources, func(s connector.Source) bool { return !keyed(s.Name) })
	for i, block := range strings.Split(strings.ReplaceAll(readFile(n.t, file), "interval: 10s", "interval: 2s"), "- name: ") {
		if name, _, _ := strings.Cut(block, "\n"); i == 0 || keyed(name) {
			n.sources += strings.Repeat("- name: ", min(i, 1)) + block
		}
	}
	cat, err := role.BoundCatalog(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	n.mappers = map[string]func(*shop.Delivery, []byte) catalog.Result{}
	for i := range cfg.Sources {
		sys, err := cat.System(cfg.Sources[i].System)
		if err != nil {
			n.t.Fatal(err)
		}
		m, err := sys.NewMapper(catalog.MapperOptions{Source: &cfg.Sources[i]})
		if err != nil {
			n.t.Fatal(err)
		}
		n.mappers[cfg.Sources[i].Name] = func(d *shop.Delivery, body []byte) catalog.Result {
			return m.Map(catalog.Input{Feed: sys.WebhookFeed(), Raw: body, ReceivedAt: ledger.At(time.Now()), Delivery: ledger.Delivery{Topic: d.Topic, ID: d.ID}})
		}
	}
}

// send delivers every webhook, each until it is acknowledged, and remembers
// which event was.
func (n *neighbourhood) send(ctx context.Context) {
	queues := make([]chan *shop.Delivery, lanes)
	var wg sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan *shop.Delivery, len(n.deliveries))
		wg.Go(func() {
			for d := range queues[i] {
				for ctx.Err() == nil && !n.attempt(ctx, d) {
					pause(ctx, 50*time.Millisecond)
				}
			}
		})
	}
	for _, d := range n.deliveries {
		h := fnv.New32a()
		_, _ = h.Write([]byte(d.Order))
		queues[h.Sum32()%lanes] <- d
	}
	for i := range queues {
		close(queues[i])
	}
	wg.Wait()
}

// pause is a sender's patience between two attempts.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// attempt sends once and reports whether it was acknowledged.
func (n *neighbourhood) attempt(ctx context.Context, d *shop.Delivery) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := n.sender.Request(ctx, d)
	if err != nil {
		n.t.Error(err)
		return true
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		n.refused("no answer")
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			n.t.Errorf("%s %s: answer %d, Retry-After %q", d.Source, d.Topic, res.StatusCode, res.Header.Get("Retry-After"))
		}
		n.refused(res.Status)
		return false
	}
	n.acknowledged(d)
	return true
}

func (n *neighbourhood) refused(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refusals[why]++
}

func (n *neighbourhood) acknowledged(d *shop.Delivery) {
	body, err := d.Body("")
	if err != nil {
		n.t.Error(err)
		return
	}
	res := n.mappers[d.Source](d, body)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answered++
	if res.Event == nil {
		n.t.Errorf("%s %s gives no event: %+v", d.Source, d.Topic, res)
		return
	}
	n.acked[res.Event.ID] = res.Event.Order
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// count is how many webhooks were acknowledged.
func (n *neighbourhood) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.answered
}

// reach waits until so many webhooks were acknowledged, or all were.
func (n *neighbourhood) reach(want int, done <-chan struct{}) {
	n.t.Helper()
	patience := time.NewTimer(60 * time.Second)
	defer patience.Stop()
	for n.count() < want {
		select {
		case <-n.changed:
		case <-done:
			return
		case <-patience.C:
			n.t.Fatalf("%d of %d webhooks acknowledged, %d wanted now: no progress (%v)", n.count(), len(n.deliveries), want, n.refusals)
		}
	}
}
