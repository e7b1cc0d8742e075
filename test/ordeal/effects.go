package ordeal

import (
	"context"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Effects checks that a partition's store tells every event of the log once,
// and nothing else. Partition was called before (I-4).
func (x *Examination) Effects(store *engine.Store, partition int32) (events int) {
	x.t.Helper()
	r, err := ledger.NewReader(store, ledger.Options{Partition: partition, Partitions: x.opt.Partitions})
	if err != nil {
		x.t.Fatal(err)
	}
	for order, ids := range x.events {
		if ledger.PartitionOf([]byte(order), x.opt.Partitions) != partition {
			continue
		}
		list, err := r.Timeline(order)
		if err != nil {
			x.t.Fatal(err)
		}
		told := map[ledger.EventID]int{}
		for i := range list {
			if list[i].Event != nil {
				told[list[i].Event.ID]++
			}
		}
		for id, n := range told {
			if n != 1 || !ids[id] {
				x.t.Errorf("%s tells event %s %d times; in the log: %t", order, id, n, ids[id])
			}
		}
		if len(told) != len(ids) {
			x.t.Errorf("%s tells %d events, the log holds %d", order, len(told), len(ids))
		}
		events += len(ids)
	}
	return events
}

// Logged reports whether an event stands in the log that Partition read.
func (x *Examination) Logged(id ledger.EventID) bool { return x.ids[id] }

// Quarantined lists the ids of what was set aside, and how often each stands in
// its topic.
func (x *Examination) Quarantined() map[string]int {
	x.t.Helper()
	out, dec := map[string]int{}, x.codec.NewDecoder()
	x.Each(kafkalog.TopicQuarantine, func(r *kafkalog.Record) {
		q, err := dec.DecodeQuarantined(r.Value)
		if err != nil {
			x.t.Fatal(err)
		}
		out[q.ID]++
	})
	return out
}

// Claims lists every exception that was told, as it was told last.
func (x *Examination) Claims() []ledger.Exception {
	x.t.Helper()
	type key struct {
		partition int32
		id        ledger.ExceptionID
	}
	seqs, at, dec := map[key]uint64{}, map[key]int{}, x.codec.NewDecoder()
	var out []ledger.Exception
	x.Each(kafkalog.TopicExceptions, func(r *kafkalog.Record) {
		rec, err := dec.DecodeException(r.Value)
		if err != nil {
			x.t.Fatal(err)
		}
		k := key{rec.Partition, rec.Exception.ID}
		i, known := at[k]
		switch {
		case !known:
			at[k], seqs[k] = len(out), rec.Seq
			out = append(out, rec.Exception)
		case rec.Seq >= seqs[k]:
			out[i], seqs[k] = rec.Exception, rec.Seq
		}
	})
	return out
}

// Each calls for every record of a topic, as far as it reaches now.
func (x *Examination) Each(topic string, fn func(*kafkalog.Record)) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 2*time.Minute)
	defer cancel()
	starts, err := x.log.StartOffsets(ctx, topic)
	if err != nil {
		x.t.Fatal(err)
	}
	ends, err := x.log.EndOffsets(ctx, topic)
	if err != nil {
		x.t.Fatal(err)
	}
	for p, end := range ends {
		if starts[p] == end {
			continue
		}
		records, err := kafkalog.ReadRange(ctx, x.log, kafkalog.Position{Topic: topic, Partition: p, Offset: starts[p]}, end)
		if err != nil {
			x.t.Fatal(err)
		}
		for i := range records {
			fn(&records[i])
		}
	}
}
