// Package apitest runs a whole ledger behind the API in a test: the in-memory
// log, a real engine, the server on loopback, and ledgertest's shop whose
// stories it tells.
package apitest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
	"github.com/orderledger/orderledger/services/logsink"
)

// Partitions of the shop's log.
const Partitions = 4

// Patience is how long a test waits for the engine.
const Patience = 20 * time.Second

// Shop is a running ledger with its API.
type Shop struct {
	T       testing.TB
	Log     kafkalog.Journal
	Codec   *avroevent.Codec
	Node    *engine.Node
	Server  *api.Server
	Surface *api.Surface
	Conn    *grpc.ClientConn

	opt api.Options
}

// clock stands at an instant of the story when it is made and runs from there.
type clock struct {
	at    ledger.Instant
	since time.Time
}

func (c *clock) Now() ledger.Instant { return c.at.Add(ledger.Span(time.Since(c.since))) }
func (c *clock) Boot() ([16]byte, ledger.Micros) {
	return [16]byte{7}, c.Now().Sub(ledgertest.Noon) + ledger.Day
}

// Start starts a shop at 10:02:45 of the story, with the shop's policy in the
// log. Options may be changed before the server is made.
func Start(t testing.TB, change ...func(*api.Options)) *Shop {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New(memlog.Options{})
	t.Cleanup(log.Close)
	s := &Shop{T: t, Log: log, Codec: codec}
	ctx := context.Background()
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: Partitions, KeepEverything: true})
	if _, err := log.EnsureTopics(ctx, specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Append(kafkalog.TopicControl, 0, "policy", ledgertest.Policy().Record([]byte("groups: []\n"), "tests"))
	c := &clock{at: ledgertest.Clock(10, 2, 45), since: time.Now()}
	s.Node, err = engine.Start(ctx, engine.Config{Dir: t.TempDir(), Partitions: Partitions},
		engine.Deps{Journal: log, Codec: codec, Clock: c, Logger: slog.New(slog.DiscardHandler),
			Sinks: []projections.Sink{logsink.NewJoins(log, codec)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Node.Close() })
	opt := api.Options{
		Ledger: s.Node, Logger: slog.New(slog.DiscardHandler), Replica: "test-0", Heartbeat: 100 * time.Millisecond,
		Now: func() time.Time { return c.Now().Time() },
	}
	for _, fn := range change {
		fn(&opt)
	}
	s.opt = opt
	s.Server, s.Surface, s.Conn = s.listen(opt)
	s.awaitPolicy()
	return s
}

// Replica starts another server on the same ledger, with the shop's options
// changed, and returns a connection to it.
func (s *Shop) Replica(change func(*api.Options)) *grpc.ClientConn {
	s.T.Helper()
	opt := s.opt
	change(&opt)
	_, _, conn := s.listen(opt)
	return conn
}

func (s *Shop) listen(opt api.Options) (*api.Server, *api.Surface, *grpc.ClientConn) {
	s.T.Helper()
	server, err := api.New(opt)
	if err != nil {
		s.T.Fatal(err)
	}
	surface, err := server.Listen("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := surface.Close(ctx); err != nil {
			s.T.Errorf("close the surface: %v", err)
		}
	})
	conn, err := grpc.NewClient(surface.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = conn.Close() })
	return server, surface, conn
}

func (s *Shop) awaitPolicy() {
	s.T.Helper()
	s.Await("the policy in every partition", func() bool {
		for p := range int32(Partitions) {
			have := false
			_ = s.Node.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
				have = r.Policy() != nil
				return nil
			})
			if !have {
				return false
			}
		}
		return true
	})
}

// Append appends a record.
func (s *Shop) Append(topic string, partition int32, key string, v any) kafkalog.Position {
	s.T.Helper()
	value, err := s.Codec.Encode(nil, v)
	if err != nil {
		s.T.Fatal(err)
	}
	pos, err := s.Log.Append(context.Background(), kafkalog.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value})
	if err != nil {
		s.T.Fatal(err)
	}
	return pos
}

// Event appends an event and waits until it is folded.
func (s *Shop) Event(ev *ledger.Event) {
	s.T.Helper()
	pos := s.Append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := s.Node.WaitFor(ctx, pos.Partition, pos.Offset+1); err != nil {
		s.T.Fatal(err)
	}
}

// Place places an order that never reaches the ERP, and proves it: the order
// has an open exception soon after.
func (s *Shop) Place(id string) ledger.OrderKey {
	s.T.Helper()
	ev := ledgertest.ShopEvent(id, ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0),
		ledgertest.Words{Order: "open", Payment: "paid", Created: ledgertest.Clock(9, 59, 59), Minor: 4990})
	s.Event(ev)
	return ev.Order
}

// Heard reports that the ERP was heard up to an instant.
func (s *Shop) Heard(until ledger.Instant) {
	s.T.Helper()
	s.Append(kafkalog.TopicSources, 0, "erp", &ledger.SourceStatus{
		Source: ledgertest.ERP, Feed: ledgertest.ERPOrders, Instance: "i",
		Epoch: ledger.Epoch{Number: 1, OpenedBy: "i"}, Intervals: []ledger.Interval{{From: ledgertest.Clock(9, 0, 0), Until: until}},
		LastHeard: until, SourceDate: ledgertest.Clock(10, 2, 44),
	})
}

// Broken places orders that never reach the ERP and waits until each has its
// exception, whose ids it returns in the order of the orders.
func (s *Shop) Broken(ids ...string) []ledger.ExceptionID {
	s.T.Helper()
	for _, id := range ids {
		s.Place(id)
	}
	s.Heard(ledgertest.Clock(10, 2, 1))
	out := make([]ledger.ExceptionID, len(ids))
	s.Await("an exception for each order", func() bool {
		n := 0
		for i, id := range ids {
			if x := s.Open(ledgertest.Key(id)); x != nil {
				out[i] = x.ID
				n++
			}
		}
		return n == len(ids)
	})
	return out
}

// Open returns the open exception of an order, nil if it has none.
func (s *Shop) Open(k ledger.OrderKey) *ledger.Exception {
	s.T.Helper()
	var found *ledger.Exception
	err := s.Node.Read(s.Node.PartitionOf(k), func(r *ledger.Reader, _ engine.Freshness) error {
		return r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
			if x.Subject.Order == k {
				found = x
			}
			return found == nil
		})
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return found
}

// Await waits until a condition holds, looking after every commit.
func (s *Shop) Await(what string, ok func() bool) {
	s.T.Helper()
	sub := s.Node.Subscribe(64)
	defer sub.Close()
	end := time.NewTimer(Patience)
	defer end.Stop()
	for !ok() {
		select {
		case <-end.C:
			s.T.Fatalf("no %s before the deadline", what)
		case <-sub.C:
		case <-time.After(20 * time.Millisecond): // the policy topic tells nobody
		}
	}
}
