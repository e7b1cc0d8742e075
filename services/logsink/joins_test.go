package logsink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
	"github.com/orderledger/orderledger/services/logsink"
)

func name(n string) ledger.Alias {
	return ledger.Alias{Scope: ledgertest.Shop, Type: "order-number", Value: n}
}

// joined is what the alias store says of one order: a re-emission, a
// retraction, an answer.
func joined(order string, route int64, live bool) ledger.Outgoing {
	return ledger.Outgoing{Reemit: &ledger.Reemit{Order: ledgertest.Key(order), Alias: name(order), Route: route, Live: live, Copies: 1, Event: unkeyed(order).Event}}
}

func answered(order string, route int64, ok bool) ledger.Outgoing {
	return ledger.Outgoing{Bound: &ledger.Bound{Order: ledgertest.Key(order), Alias: name(order), Version: 1, Route: route, OK: ok}}
}

func forwarded(to int32, through int64) ledger.Outgoing {
	return ledger.Outgoing{Forward: &ledger.Forwarded{Partition: 1, To: to, Through: through, Route: through}}
}

func bound(order string) ledger.Outgoing {
	return ledger.Outgoing{Binding: &ledger.AliasBinding{Alias: name(order), Order: ledgertest.Key(order), Until: ledger.Forever, Version: 1, Live: true}}
}

// outgoing is a block of rows with the seqs from, from+1, …
func outgoing(partition int32, from uint64, rows ...ledger.Outgoing) *projections.Block {
	for i := range rows {
		rows[i].Seq = from + uint64(i)
	}
	return &projections.Block{Partition: partition, Table: projections.Outgoing, From: from, To: from + uint64(len(rows)) - 1, Rows: &ledger.Rows{Outgoing: rows}}
}

// said are a topic's records by partition, in words.
func (w *world) said(topic string) [partitions][]string {
	w.t.Helper()
	var out [partitions][]string
	d := w.codec.NewDecoder()
	for _, r := range w.records(topic) {
		rec := ledger.Record{Key: r.Key}
		d.Decode(r.Value, &rec)
		text := ""
		switch {
		case rec.Binding != nil:
			text = "bind " + rec.Binding.Alias.Value
		case rec.Reemit != nil:
			text = fmt.Sprintf("reemit %s %d %t", rec.Reemit.Order.NativeID(), rec.Reemit.Route, rec.Reemit.Live)
		case rec.Bound != nil:
			text = fmt.Sprintf("bound %s %d %t", rec.Bound.Order.NativeID(), rec.Bound.Route, rec.Bound.OK)
		case rec.Forward != nil:
			text = fmt.Sprintf("forward %d %d", rec.Forward.To, rec.Forward.Through)
		default:
			w.t.Fatalf("%v holds %+v", r.Position(), rec)
		}
		out[r.Partition] = append(out[r.Partition], text)
	}
	return out
}

// Every record stands where its reader looks for it, and in the partition of an
// order everything comes before what promises it.
func TestJoinsAppendPromisesBehindWhatTheyPromise(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	j := logsink.NewJoins(w.log, w.codec)
	if !j.Wants(projections.Outgoing) || j.Wants(projections.History) || j.Name() != "joins" || !j.Repeats() {
		t.Error("the sink wants other rows")
	}
	rows := []ledger.Outgoing{bound("1"), bound("2")}
	var want [partitions][]string
	at := func(order string) int32 { return ledger.PartitionOf([]byte(ledgertest.Key(order)), partitions) }
	const orders = 40
	for i := range orders { // as the alias store tells it: one order after the other
		o := fmt.Sprint(i)
		rows = append(rows, joined(o, 1, true), answered(o, 1, true), forwarded(at(o), int64(i)), answered(o, 2, false), joined(o, 2, false), joined(o, 3, true))
	}
	for i := range orders {
		o := fmt.Sprint(i)
		want[at(o)] = append(want[at(o)], "bound "+o+" 2 false")
	}
	for i := range orders {
		o := fmt.Sprint(i)
		want[at(o)] = append(want[at(o)], "reemit "+o+" 1 true", "reemit "+o+" 2 false", "reemit "+o+" 3 true")
	}
	for i := range orders {
		o := fmt.Sprint(i)
		want[at(o)] = append(want[at(o)], "bound "+o+" 1 true")
	}
	for i := range orders {
		want[at(fmt.Sprint(i))] = append(want[at(fmt.Sprint(i))], fmt.Sprintf("forward %d %d", at(fmt.Sprint(i)), i))
	}
	if err := j.Insert(soon(t), outgoing(0, 1, rows...)); err != nil {
		t.Fatal(err)
	}
	got := w.said(kafkalog.TopicEvents)
	for p := range want {
		if !slices.Equal(got[p], want[p]) {
			t.Errorf("partition %d:\n%q, want\n%q", p, got[p], want[p])
		}
	}
	names := w.said(kafkalog.TopicUnkeyed)
	for _, n := range []string{"1", "2"} {
		if p := ledger.PartitionOf(name(n).Key(), partitions); !slices.Contains(names[p], "bind "+n) {
			t.Errorf("the binding of %s is not in partition %d: %q", n, p, names)
		}
	}
}

// What was appended is known until the process ends; then all of it may be sent
// again, and lands again.
func TestJoinsRepeatAfterARestart(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	j := logsink.NewJoins(w.log, w.codec)
	block := outgoing(ledger.AliasPartitions+2, 5, joined("1", 1, true), answered("1", 1, true))
	if err := j.Insert(soon(t), block); err != nil {
		t.Fatal(err)
	}
	held, err := j.Held(soon(t), ledger.AliasPartitions+2)
	if err != nil || held[projections.Outgoing] != 6 {
		t.Errorf("held %v: %v", held, err)
	}
	if held, err = j.Held(soon(t), 0); err != nil || held != (projections.Held{}) {
		t.Errorf("another partition: %v %v", held, err)
	}
	j = logsink.NewJoins(w.log, w.codec)
	if held, err = j.Held(soon(t), ledger.AliasPartitions+2); err != nil || held != (projections.Held{}) {
		t.Errorf("after a restart: %v %v", held, err)
	}
	if err := j.Insert(soon(t), block); err != nil {
		t.Fatal(err)
	}
	p := ledger.PartitionOf([]byte(ledgertest.Key("1")), partitions)
	want := []string{"reemit 1 1 true", "bound 1 1 true", "reemit 1 1 true", "bound 1 1 true"}
	if got := w.said(kafkalog.TopicEvents)[p]; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// refusing is a log that refuses one append.
type refusing struct {
	kafkalog.Appender
	at   int
	seen int
}

func (r *refusing) AppendAsync(rec kafkalog.Record, done func(kafkalog.Position, error)) {
	if r.seen++; r.seen == r.at {
		go done(kafkalog.Position{}, fmt.Errorf("append to %s: %w", rec.Topic, kafkalog.ErrBackPressure))
		return
	}
	r.Appender.AppendAsync(rec, done)
}

// A fault of one record is a fault of its block, and nothing that promises the
// record is in the log before it is.
func TestJoinsFailWholeAndPromiseNothing(t *testing.T) {
	for at := range 6 { // 0: none
		w := newWorld(t, memlog.Options{})
		log := &refusing{Appender: w.log, at: at}
		j := logsink.NewJoins(log, w.codec)
		to := ledger.PartitionOf([]byte(ledgertest.Key("1")), partitions)
		block := outgoing(0, 1, forwarded(to, 1), answered("1", 3, true), joined("1", 1, true), joined("1", 2, false), answered("1", 2, false))
		err := j.Insert(soon(t), block)
		if (err == nil) != (at == 0) || err != nil && !errors.Is(err, kafkalog.ErrBackPressure) {
			t.Errorf("append %d refused: %v", at, err)
		}
		all := []string{"bound 1 2 false", "reemit 1 1 true", "reemit 1 2 false", "bound 1 3 true", fmt.Sprintf("forward %d 1", to)}
		got := w.said(kafkalog.TopicEvents)[to]
		want := all
		switch at {
		case 1:
			want = nil
		case 2: // its neighbour may land: what takes it back commutes with it
			want = []string{"bound 1 2 false", "reemit 1 2 false"}
		case 3:
			want = all[:2]
		case 4, 5:
			want = all[:at-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("append %d refused: %q, want %q", at, got, want)
		}
		held, _ := j.Held(soon(t), 0)
		if (held[projections.Outgoing] == 5) != (at == 0) {
			t.Errorf("append %d refused: held %d", at, held[projections.Outgoing])
		}
		if err := j.Insert(soon(t), block); err != nil { // and again
			t.Errorf("append %d refused, repeated: %v", at, err)
		}
		if got := w.said(kafkalog.TopicEvents)[to]; len(got) < len(all) || !slices.Equal(got[len(got)-len(all):], all) {
			t.Errorf("append %d refused, repeated: %q", at, got)
		}
	}
}

// While the log does not answer the block is not taken.
func TestJoinsWaitForEveryAnswer(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	j := logsink.NewJoins(w.log, w.codec)
	w.log.SetDown(memlog.Down)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Insert(ctx, outgoing(0, 1, joined("1", 1, true), answered("1", 1, true))); !errors.Is(err, context.Canceled) {
		t.Fatalf("during an outage: %v", err)
	}
	w.log.SetDown(memlog.Up) // what was undecided lands, and no promise was sent
	p := ledger.PartitionOf([]byte(ledgertest.Key("1")), partitions)
	if got := w.said(kafkalog.TopicEvents)[p]; !slices.Equal(got, []string{"reemit 1 1 true"}) {
		t.Errorf("%q", got)
	}
}

// More than may wait for an answer at once.
func TestJoinsSendLongBlocksInPieces(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	j := logsink.NewJoins(w.log, w.codec)
	var rows []ledger.Outgoing
	for i := range 2500 {
		rows = append(rows, answered(fmt.Sprint(i%7), int64(i), true))
	}
	if err := j.Insert(soon(t), outgoing(0, 1, rows...)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, list := range w.said(kafkalog.TopicEvents) {
		n += len(list)
	}
	if n != len(rows) {
		t.Errorf("%d records, want %d", n, len(rows))
	}
}
