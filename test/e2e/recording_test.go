package e2e_test

import (
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// partitions of every log in these tests.
const partitions = 4

// opening is when the recorded shop opens.
var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// collections names what each polled feed lists.
var collections = map[string]shop.Collection{
	"shopify/orders": shop.Orders, "netsuite/sales-orders": shop.SalesOrders,
	"netsuite/item-fulfillments": shop.ItemFulfillments, "netsuite/invoices": shop.Invoices, "netsuite/credit-memos": shop.CreditMemos,
}

// recording makes the records that a shop's life gives, each with a fixed
// timestamp: policy, events, ticks with coverage.
type recording struct {
	t       *testing.T
	codec   *avroevent.Codec
	world   *shop.World
	at      time.Time
	records []kafkalog.Record
	sources []*recordedSource
}

type recordedSource struct {
	cfg    *connector.Source
	system *catalog.System
	mapper *catalog.Mapper
	feeds  []*recordedFeed
}

type recordedFeed struct {
	spec     ledger.FeedSpec
	feed     *catalog.Feed
	asked    ledger.Instant
	coverage ledger.FeedCoverage
}

// record plays a shop with every fault for some time and returns what its log
// would hold.
func record(t *testing.T, orders int, span time.Duration) []kafkalog.Record {
	t.Helper()
	world, err := shop.New(shop.Config{Seed: 21, Opening: opening, Orders: orders, Every: 10 * time.Second, Injections: shop.Spread(shop.OrderFaults(), orders)})
	if err != nil {
		t.Fatal(err)
	}
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{t: t, codec: codec, world: world, at: opening}
	cfg := loopback()
	cfg.Sources, err = transport.Sources(transport.SourcesOptions{
		Names: world.Config().Sources, Credentials: transport.NewCredentials(1),
		BaseURL: "http://127.0.0.1:1", Dir: t.TempDir(), LiveFrom: opening,
	})
	if err != nil {
		t.Fatal(err)
	}
	cat, err := role.BoundCatalog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.bind(cfg, cat)
	for ; !r.at.After(opening.Add(span)); r.at = r.at.Add(10 * time.Second) {
		r.step()
	}
	return r.records
}

// bind opens the sources and writes the policy to every partition.
func (r *recording) bind(cfg *config.Config, cat *catalog.Catalog) {
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		sys, err := cat.System(src.System)
		if err != nil {
			r.t.Fatal(err)
		}
		m, err := sys.NewMapper(catalog.MapperOptions{Source: src})
		if err != nil {
			r.t.Fatal(err)
		}
		s := &recordedSource{cfg: src, system: sys, mapper: m}
		spec := sys.SourceSpec(src)
		for _, f := range spec.Feeds {
			if feed := sys.Feed(f.Name); feed.Poll != nil {
				s.feeds = append(s.feeds, &recordedFeed{
					spec: f, feed: feed,
					coverage: ledger.FeedCoverage{Source: spec.Name, Feed: f.Name, Epoch: ledger.Epoch{Number: 1, OpenedBy: "recorded"}},
				})
			}
		}
		r.sources = append(r.sources, s)
	}
	p, draft, err := role.CompilePolicy(cfg, cat, nil, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for partition := range int32(partitions) {
		r.write(partition, nil, draft.Record(p, "recorded"))
	}
}

// write adds one record with the present instant as its timestamp.
func (r *recording) write(partition int32, key []byte, payload any) {
	value, err := r.codec.Encode(nil, payload)
	if err != nil {
		r.t.Fatal(err)
	}
	if partition < 0 {
		partition = ledger.PartitionOf(key, partitions)
	}
	r.records = append(r.records, kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: partition, Key: key, Value: value, Timestamp: r.at.UnixMicro()})
}

// step delivers what is due, polls every feed, and lets time pass.
func (r *recording) step() {
	names := map[string]*recordedSource{}
	for _, s := range r.sources {
		names[s.cfg.Name] = s
	}
	for _, d := range r.world.Due(r.at) {
		if d.Place != "" {
			continue // nobody reads what it names
		}
		body, err := d.Body("")
		if err != nil {
			r.t.Fatal(err)
		}
		s := names[d.Source]
		r.take(s.mapper.Map(catalog.Input{Feed: s.system.WebhookFeed(), Raw: body, ReceivedAt: ledger.At(d.Send), Delivery: ledger.Delivery{Topic: d.Topic, ID: d.ID}}))
	}
	var heard []ledger.FeedCoverage
	for _, s := range r.sources {
		for _, f := range s.feeds {
			r.poll(s, f)
			heard = append(heard, f.coverage)
		}
	}
	wall := ledger.At(r.at)
	for p := range int32(partitions) {
		r.write(p, nil, &ledger.Tick{
			Partition: p, Wall: wall, Proposer: "recorded", BootID: [16]byte{1},
			BootClock: wall.Sub(ledger.At(opening)) + ledger.Day, SourceDate: wall, Feeds: heard,
		})
	}
}

func (r *recording) poll(s *recordedSource, f *recordedFeed) {
	asked, covers := ledger.At(r.at), s.cfg.LiveFrom.Instant()
	if f.asked != 0 {
		covers = f.asked.Add(-f.spec.Settle)
	}
	// The lists of other systems hold only what names no order.
	page, err := r.world.List(shop.Query{Collection: collections[s.system.Name+"/"+f.spec.Name], At: r.at, Since: covers.Add(-f.spec.Settle - ledger.Second).Time()})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, item := range page.Items {
		r.take(s.mapper.Map(catalog.Input{Feed: f.feed, Raw: item, ReceivedAt: asked, AskedAt: asked, PrevAsked: f.asked}))
	}
	f.asked, f.coverage.LastHeard = asked, asked
	f.coverage.Intervals = ledger.AddInterval(f.coverage.Intervals, ledger.Interval{From: covers, Until: asked.Add(-f.spec.Settle)})
}

func (r *recording) take(res catalog.Result) {
	switch {
	case res.Event != nil:
		r.write(-1, []byte(res.Event.Order), res.Event)
	case res.Unkeyed == nil && !res.Foreign:
		r.t.Fatalf("a simulated document is not understood: %+v", res.Quarantined)
	}
}
