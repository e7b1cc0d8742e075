package bench_test

import (
	"fmt"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// measureJoin parks unkeyed records, each under a name of its own, and releases
// each by a binding: log → alias store → Pebble, against the ceiling. A record is
// one in and out.
func measureJoin(t *testing.T, s scale) []figure {
	r := unkeyedRig(t, s.orders)
	rec := &recorder{Store: openStore(t)}
	r.folded(rec, nil)
	n := float64(s.orders)
	var ours, ceiling, allocs []float64
	for range s.rounds {
		store, raw := openStore(t), openStore(t)
		took, a := timed(func() { r.folded(store, nil) })
		ours, allocs = append(ours, n/took.Seconds()), append(allocs, a.count/n)
		took, _ = timed(func() { r.bare(raw, rec.commits) })
		ceiling = append(ceiling, n/took.Seconds())
		closeAll(t, store, raw)
	}
	closeAll(t, rec.Store)
	return []figure{
		of("parked and released", "records/s", ours...).noting("one partition, two goroutines, %d records per commit, synced; %s unkeyed records of %s B, then as many bindings; re-emissions encoded and kept for sending",
			batchRecords, number(n), number(float64(r.bytes)/n)),
		of("ceiling", "records/s", ceiling...).noting("same bytes consumed and decoded, same keys and values in bare synced batches: %s B per record parked and released", number(float64(rec.bytes)/n)),
		of("ratio to the ceiling", "×", ratios(ours, ceiling)...).atLeast(0.4),
		of("allocations", "per record", allocs...),
	}
}

func unkeyedRig(t *testing.T, records int) *rig {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	p := Policy()
	p.Aliases = []ledger.AliasSpec{{Type: "order-number"}}
	r := newRigOn(t, codec, kafkalog.TopicUnkeyed, 1, p)
	body := bodies()
	name := func(i int) ledger.Alias {
		return ledger.Alias{Scope: Shop, Type: "order-number", Value: fmt.Sprint(100000 + i)}
	}
	for i := range records {
		at := Clock(10, 0, 0).Add(ledger.Micros(i) * ledger.Millisecond)
		e := ERPEvent(name(i).Value, at, at.Add(10*ledger.Second), at, Words{Order: "approved", Fulfilment: "pending", Created: at})
		from := i * 131 % (len(body) - bodyBytes)
		e.Order, e.Body = "", ledger.Body{Codec: "zstd", Bytes: body[from : from+bodyBytes]}
		e.ID = e.ComputeID()
		r.append(0, string(name(i).Key()), &ledger.Unkeyed{By: name(i), Event: *e})
	}
	for i := range records {
		b := &ledger.AliasBinding{Alias: name(i), Order: Key(name(i).Value), From: Clock(9, 0, 0), Until: ledger.Forever, Version: 1, Live: true}
		r.append(0, string(b.Alias.Key()), b)
	}
	return r
}
