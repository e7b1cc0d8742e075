package determinism_test

import (
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/simulatetest"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

var (
	opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	// muted is until when people want no word.
	muted = ledger.At(opening.Add(65 * time.Minute))
)

// written is one partition's log as bytes.
type written struct {
	Partition, Partitions, OrderPartitions int32
	Records                                []stored
}

// stored is one record.
type stored struct {
	RecordedAt int64
	Key, Value []byte
}

// writeLogs plays the shop and writes its logs to a file.
func writeLogs(t *testing.T, path string) {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	net := played(t)
	var logs []written
	for i, m := range append(append([]*ledgertest.Member(nil), net.Orders...), net.Aliases...) {
		w := written{Partition: int32(i), Partitions: int32(len(net.Orders))}
		if n := i - len(net.Orders); n >= 0 {
			w = written{Partition: ledger.AliasPartitions + int32(n), Partitions: int32(len(net.Aliases)), OrderPartitions: int32(len(net.Orders))}
		}
		for k := range m.Log {
			key, v := payload(&m.Log[k])
			value, err := codec.Encode(nil, v)
			if err != nil {
				t.Fatalf("partition %d, offset %d: %v", w.Partition, k, err)
			}
			w.Records = append(w.Records, stored{int64(m.Log[k].RecordedAt), key, value})
		}
		logs = append(logs, w)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(f).Encode(logs); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// payload is what a record carries, with the key it is sent under.
func payload(r *ledger.Record) ([]byte, any) {
	switch {
	case r.Event != nil:
		return []byte(r.Event.Order), r.Event
	case r.Tick != nil:
		return nil, r.Tick
	case r.Policy != nil:
		return nil, r.Policy
	case r.Action != nil:
		return nil, r.Action
	case r.Unkeyed != nil:
		return r.Unkeyed.By.Key(), r.Unkeyed
	case r.Binding != nil:
		return r.Binding.Alias.Key(), r.Binding
	case r.Reemit != nil:
		return []byte(r.Reemit.Order), r.Reemit
	case r.Bound != nil:
		return []byte(r.Bound.Order), r.Bound
	case r.Forward != nil:
		return nil, r.Forward
	case r.Merge != nil:
		return nil, r.Merge
	case r.Split != nil:
		return nil, r.Split
	case r.Mute != nil:
		return nil, r.Mute
	case r.Moved != nil:
		return []byte(r.Moved.Root), r.Moved
	default:
		return nil, r.Through
	}
}

// played is a ledger that heard everything the simulation knows, and people.
func played(t *testing.T) *ledgertest.Net {
	t.Helper()
	cfg := shop.Config{Seed: 5, Orders: 90, Every: 15 * time.Second, Opening: opening}
	cfg.Injections = shop.Spread(shop.OrderFaults(), 90)
	w, err := shop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := transport.Sources(transport.SourcesOptions{Names: w.Config().Sources, Credentials: transport.NewCredentials(1), BaseURL: "http://127.0.0.1:1", Dir: t.TempDir(), LiveFrom: opening})
	if err != nil {
		t.Fatal(err)
	}
	l, err := simulatetest.New(simulatetest.Config{World: w, Sources: sources, Every: 20 * time.Second, Shuffle: rand.New(rand.NewPCG(5, 5)), Hold: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	half, end := opening.Add(50*time.Minute), opening.Add(80*time.Minute)
	if err := l.Run(opening, half); err != nil {
		t.Fatal(err)
	}
	a, b := people(t, l, w)
	if err := l.Run(half.Add(20*time.Second), end); err != nil {
		t.Fatal(err)
	}
	l.Net().Everywhere(ledger.Record{Split: &ledger.Split{Number: 3, A: a, B: b, Actor: "clerk", Reason: "two after all", RequestID: "r3"}})
	if err := l.Run(end.Add(20*time.Second), end.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	l.Net().Drain()
	return l.Net()
}

// people do what people do about exceptions and orders; they merge two of them.
func people(t *testing.T, l *simulatetest.Ledger, w *shop.World) (a, b ledger.OrderKey) {
	t.Helper()
	net := l.Net()
	net.Drain()
	open := net.Open(t)
	if len(open) < 4 {
		t.Fatalf("only %d exceptions are open", len(open))
	}
	kinds := []ledger.ActionKind{ledger.ActionAcknowledge, ledger.ActionAssign, ledger.ActionComment, ledger.ActionSnooze, ledger.ActionResolve}
	for i, kind := range kinds {
		x := &open[i%len(open)]
		a := &ledger.OperatorAction{RequestID: fmt.Sprintf("request %d", i), Kind: kind, Exception: x.ID, Episode: x.Episode, Actor: "clerk", Comment: fmt.Sprintf("note %d", i)}
		switch kind {
		case ledger.ActionAssign:
			a.Assignee = "finance"
		case ledger.ActionSnooze:
			a.SnoozeUntil = muted
		}
		net.OrderMember(x.Subject.Order).Append(ledger.Record{Action: a})
	}
	keys, err := l.Orders()
	if err != nil || len(keys) < 4 {
		t.Fatalf("%d orders: %v", len(keys), err)
	}
	net.Everywhere(ledger.Record{Merge: &ledger.Merge{Number: 1, A: keys[1], B: keys[3], Actor: "clerk", Reason: "one order", RequestID: "r1"}})
	net.Everywhere(ledger.Record{Mute: &ledger.Mute{Number: 2, Source: ledger.Source(w.Config().Sources.ERP), From: ledger.At(opening), Until: muted, Actor: "clerk", Reason: "maintenance", RequestID: "r2"}})
	return keys[1], keys[3]
}
