package bench_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

const (
	// perOrder is how many events the mixed stream has for each order.
	perOrder = 5
	// bodyBytes is the size of a document's compressed body.
	bodyBytes = 600
	// tickEvery is how many events lie between two ticks.
	tickEvery = 2_000
)

// bodies are bytes that do not compress, as compressed documents do not.
func bodies() []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 1<<16)
	for i := range out {
		out[i] = byte(rnd.Uint32())
	}
	return out
}

// stage is one event in the life of the i-th order: placed, paid, copied by
// the ERP, shipped there, shipped in the storefront.
func stage(wave, i int) *ledger.Event {
	id := fmt.Sprintf("%d", 100000+i)
	at := Clock(10, 0, 0).Add(ledger.Micros(i) * ledger.Millisecond)
	switch wave {
	case 0:
		return ShopEvent(id, at, at.Add(ledger.Second), Words{Order: "open", Payment: "pending", Fulfilment: "(null)", Created: at, Minor: 1000})
	case 1:
		return PayEvent(id, at.Add(5*ledger.Second), at.Add(6*ledger.Second), "captured")
	case 2:
		t := at.Add(40 * ledger.Second)
		return ERPEvent(id, t, t.Add(10*ledger.Second), t, Words{Order: "approved", Fulfilment: "pending", Created: t})
	case 3:
		t := at.Add(400 * ledger.Second)
		return ERPEvent(id, t, t.Add(10*ledger.Second), t, Words{Order: "approved", Fulfilment: "shipped", Created: at.Add(40 * ledger.Second)})
	default:
		t := at.Add(420 * ledger.Second)
		return ShopEvent(id, t, t.Add(ledger.Second), Words{Order: "open", Payment: "paid", Fulfilment: "fulfilled", Created: at, Minor: 1000})
	}
}

// mixed is the stream of so many orders, all in flight at once: every order's
// first event, then every order's second, with bodies and ticks.
func mixed(orders int) iter.Seq[any] {
	return func(yield func(any) bool) {
		body := bodies()
		n, wall := 0, Clock(10, 0, 0)
		for wave := range perOrder {
			for i := range orders {
				e := stage(wave, i)
				at := n * 131 % (len(body) - bodyBytes)
				e.Body = ledger.Body{Codec: "zstd", Bytes: body[at : at+bodyBytes]}
				wall = max(wall, e.ReceivedAt)
				if !yield(e) {
					return
				}
				if n++; n%tickEvery == 0 && !yield(tick(wall)) {
					return
				}
			}
		}
	}
}

// tick says that both polled sources were heard up to half a minute ago.
func tick(wall ledger.Instant) *ledger.Tick {
	from, until := Clock(9, 0, 0), wall.Add(-31*ledger.Second)
	return Tick(wall, Covered(ERP, ERPOrders, from, until), Covered(Shop, ShopOrders, from, until))
}

// rig is a log in memory.
type rig struct {
	t     *testing.T
	log   *memlog.Log
	codec *avroevent.Codec
	// topic is measured; bytes and records are what it holds.
	topic          string
	bytes, records int64
}

func newRig(t *testing.T, partitions int32) *rig {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, codec, kafkalog.TopicEvents, partitions, Policy())
}

func newRigOn(t *testing.T, codec *avroevent.Codec, topic string, partitions int32, p *ledger.Policy) *rig {
	t.Helper()
	r := &rig{t: t, log: memlog.New(memlog.Options{}), codec: codec, topic: topic}
	t.Cleanup(r.log.Close)
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: true})
	if _, err := r.log.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range partitions {
		r.append(i, "", PolicyRecord(p))
	}
	return r
}

// append writes a record to the topic and returns its offset.
func (r *rig) append(partition int32, key string, v any) int64 {
	r.t.Helper()
	value, err := r.codec.Encode(nil, v)
	if err != nil {
		r.t.Fatal(err)
	}
	at, err := r.log.Append(r.t.Context(), kafkalog.Record{Topic: r.topic, Partition: partition, Key: []byte(key), Value: value})
	if err != nil {
		r.t.Fatal(err)
	}
	r.bytes += int64(len(key) + len(value))
	r.records++
	return at.Offset
}

// fill appends a stream; ticks go to every partition.
func (r *rig) fill(stream iter.Seq[any], partitions int32) {
	r.t.Helper()
	for v := range stream {
		if e, ok := v.(*ledger.Event); ok {
			r.append(kafkalog.ByKey, string(e.Order), e)
			continue
		}
		for p := range partitions {
			r.append(p, "", v)
		}
	}
}
