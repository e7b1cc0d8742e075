package prove_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
	"github.com/orderledger/orderledger/services/prove"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/simulatetest"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

const partitions = 2

var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// lived lets a shop with every fault of orders live for half an hour, its orders
// be merged and split, its sources be muted, its policy change, its exceptions be
// acknowledged and resolved.
func lived(t *testing.T, orders int) *simulatetest.Ledger {
	t.Helper()
	w, err := shop.New(shop.Config{Seed: 5, Opening: opening, Orders: orders, Every: 20 * time.Second, Injections: shop.Spread(shop.OrderFaults(), orders)})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := transport.Sources(transport.SourcesOptions{Names: w.Config().Sources, Credentials: transport.NewCredentials(1), BaseURL: "http://127.0.0.1:1", Dir: t.TempDir(), LiveFrom: opening})
	if err != nil {
		t.Fatal(err)
	}
	l, err := simulatetest.New(simulatetest.Config{World: w, Sources: sources, Every: 20 * time.Second, Shuffle: rand.New(rand.NewPCG(9, 9)), Hold: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	run := func(from, to time.Duration) {
		if err := l.Run(opening.Add(from), opening.Add(to)); err != nil {
			t.Fatal(err)
		}
	}
	run(0, 12*time.Minute)
	keys, err := l.Orders()
	if err != nil || len(keys) < 6 {
		t.Fatalf("%d orders, %v", len(keys), err)
	}
	l.Everywhere(ledger.Record{Merge: &ledger.Merge{Number: 1, A: keys[0], B: keys[1], Actor: "ops", Reason: "the same"}})
	l.Everywhere(ledger.Record{Merge: &ledger.Merge{Number: 2, A: keys[2], B: keys[3], Actor: "ops", Reason: "the same"}})
	l.Everywhere(ledger.Record{Mute: &ledger.Mute{Number: 3, Source: ledger.Source(w.Config().Sources.ERP), From: ledger.At(opening.Add(12 * time.Minute)), Until: ledger.At(opening.Add(20 * time.Minute)), Actor: "ops", Reason: "works"}})
	run(12*time.Minute+20*time.Second, 20*time.Minute)
	l.Everywhere(ledger.Record{Split: &ledger.Split{Number: 4, A: keys[2], B: keys[3], Actor: "ops", Reason: "not the same"}})
	next := *l.Policy
	next.Version, next.EffectiveAt = 2, ledger.At(opening.Add(21*time.Minute))
	next.Rules = append([]ledger.Rule(nil), next.Rules...)
	next.Rules[0].Grace += ledger.Minute
	l.Everywhere(ledger.Record{Policy: next.Record(nil, "ops")})
	for i, c := range l.Claims() {
		l.Tell(keys[i%len(keys)], ledger.Record{Action: &ledger.OperatorAction{RequestID: c.Subject, Kind: ledger.ActionAcknowledge, Episode: 1, Actor: "ops"}})
	}
	run(20*time.Minute+20*time.Second, 40*time.Minute)
	return l
}

// rig is a log in memory, and how it is proven.
type rig struct {
	log   *memlog.Log
	codec *avroevent.Codec
}

func newRig(t *testing.T) *rig {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New(memlog.Options{})
	t.Cleanup(log.Close)
	if _, err := log.EnsureTopics(t.Context(), kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: true}), kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return &rig{log, codec}
}

// shopLog is the log of a shop's life, with records at its end that nobody can
// read or that stand where they do not belong.
func shopLog(t *testing.T, orders int) *rig {
	t.Helper()
	r := newRig(t)
	byKey, unkeyed := lived(t, orders).Logs()
	for p := range int32(partitions) {
		for i := range byKey[p] {
			r.append(t, kafkalog.TopicEvents, p, &byKey[p][i])
		}
		for i := range unkeyed[p] {
			r.append(t, kafkalog.TopicUnkeyed, p, &unkeyed[p][i])
		}
		for i := range byKey[1-p] {
			if x := &byKey[1-p][i]; x.Event != nil && i%7 == 0 {
				r.append(t, kafkalog.TopicEvents, p, x)
			}
		}
		for _, raw := range []string{"", "\x00", "not a record", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
			r.raw(t, kafkalog.TopicEvents, p, nil, []byte(raw))
			r.raw(t, kafkalog.TopicUnkeyed, p, nil, []byte(raw))
		}
	}
	return r
}

func (r *rig) append(t *testing.T, topic string, partition int32, rec *ledger.Record) {
	t.Helper()
	value, err := r.codec.Encode(nil, payload(rec))
	if err != nil {
		t.Fatal(err)
	}
	r.raw(t, topic, partition, keyOf(rec), value)
}

// keyOf is the key under which a record stands in the log.
func keyOf(r *ledger.Record) []byte {
	switch {
	case r.Event != nil:
		return []byte(r.Event.Order)
	case r.Unkeyed != nil:
		return r.Unkeyed.By.Key()
	case r.Binding != nil:
		return r.Binding.Alias.Key()
	case r.Reemit != nil:
		return []byte(r.Reemit.Order)
	case r.Bound != nil:
		return []byte(r.Bound.Order)
	case r.Moved != nil:
		return []byte(r.Moved.Root)
	default:
		return nil
	}
}

func (r *rig) raw(t *testing.T, topic string, partition int32, key, value []byte) {
	t.Helper()
	if _, err := r.log.Append(t.Context(), kafkalog.Record{Topic: topic, Partition: partition, Key: key, Value: value, Timestamp: opening.UnixMicro()}); err != nil {
		t.Fatal(err)
	}
}

func payload(r *ledger.Record) any {
	switch {
	case r.Event != nil:
		return r.Event
	case r.Tick != nil:
		return r.Tick
	case r.Policy != nil:
		return r.Policy
	case r.Action != nil:
		return r.Action
	case r.Unkeyed != nil:
		return r.Unkeyed
	case r.Binding != nil:
		return r.Binding
	case r.Reemit != nil:
		return r.Reemit
	case r.Bound != nil:
		return r.Bound
	case r.Forward != nil:
		return r.Forward
	case r.Merge != nil:
		return r.Merge
	case r.Split != nil:
		return r.Split
	case r.Mute != nil:
		return r.Mute
	case r.Moved != nil:
		return r.Moved
	default:
		return r.Through
	}
}

func (r *rig) options(t *testing.T) prove.Options {
	t.Helper()
	return prove.Options{Log: r.log, Codec: r.codec, Partitions: partitions, Scratch: t.TempDir()}
}

// fold folds every partition into the stores of a directory, as an instance
// does; from is the log that it reads, which may differ from the true one.
func (r *rig) fold(t *testing.T, from kafkalog.Source, dir string) {
	t.Helper()
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed} {
		id, err := r.log.TopicID(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		ends, err := r.log.EndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for p := range int32(partitions) {
			opt := engine.FoldOptions{Partition: p, Partitions: partitions, OrderPartitions: partitions, TopicID: id}
			if topic == kafkalog.TopicUnkeyed {
				opt.Partition += ledger.AliasPartitions
			}
			store, err := engine.OpenStore(filepath.Join(dir, engine.StoreName(topic, p)), engine.StoreOptions{Volatile: true})
			if err != nil {
				t.Fatal(err)
			}
			fold, err := engine.NewFold(store, opt)
			if err == nil {
				err = engine.Replay(t.Context(), engine.ReplayOptions{Journal: from, Decoder: r.codec.NewDecoder(), Topic: topic, Partition: p, Until: ends[p]}, fold, nil)
			}
			if err == nil {
				err = store.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// holedLog is a log of which a reader never sees one record.
type holedLog struct {
	kafkalog.Source
	at kafkalog.Position
}

func (h holedLog) NewReader(o kafkalog.ReaderOptions) (kafkalog.Reader, error) {
	r, err := h.Source.NewReader(o)
	return changedReader{r, h.at, func(list []kafkalog.Record, i int) []kafkalog.Record {
		return slices.Delete(slices.Clone(list), i, i+1)
	}}, err
}

// changedReader changes the run of records in which one record stands.
type changedReader struct {
	kafkalog.Reader
	at     kafkalog.Position
	change func(list []kafkalog.Record, i int) []kafkalog.Record
}

func (c changedReader) Poll(ctx context.Context) ([]kafkalog.Batch, error) {
	list, err := c.Reader.Poll(ctx)
	for k := range list {
		b := &list[k]
		i := slices.IndexFunc(b.Records, func(r kafkalog.Record) bool { return r.Offset == c.at.Offset })
		if b.Topic == c.at.Topic && b.Partition == c.at.Partition && i >= 0 {
			b.After = b.Records[len(b.Records)-1].Offset + 1
			b.Records = c.change(b.Records, i)
		}
	}
	return list, err
}
