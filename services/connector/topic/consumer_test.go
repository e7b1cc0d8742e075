package topic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/topic"
)

// TestOffsetsAreTheCoverage: what stands on the topic is in the log, and the
// feed proves from its oldest record to when the end was asked for, less settle.
func TestOffsetsAreTheCoverage(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		first := now()
		w.write(0, order(1, 1, "placed"))
		w.write(2, order(2, 1, "placed"))
		w.start()
		w.awaitStates("1:placed", "2:placed")
		st := w.awaitCovered(now())
		if iv := st.Intervals[0]; len(st.Intervals) != 1 || iv.From < first.Add(-ledger.Millisecond) || iv.From > first.Add(2*ledger.Second) || iv.Until > now().Add(-settle) {
			t.Errorf("covers %v, first record at %s", st.Intervals, first)
		}
		w.write(1, order(1, 2, "shipped")) // heard between two askings
		w.awaitStates("1:placed", "2:placed", "1:shipped")
		for _, e := range w.log.Outgoing().Events {
			if e.Read() {
				t.Error("a record of a topic is no read of the present: it must not decide within one version (S-6)")
			}
			if shipped := e.Claims[0].Native == "shipped"; shipped != (e.PrevAsked != 0) {
				t.Errorf("%s: previous asking %s", e.Claims[0].Native, e.PrevAsked)
			}
		}
		if q := w.log.Outgoing().Quarantined; len(q) != 0 {
			t.Errorf("quarantined %+v", q[0])
		}
	})
}

// TestKilledAnywhereNothingIsLost lets every single append fail once for good,
// as a kill before, and every other one after it took effect.
func TestKilledAnywhereNothingIsLost(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.opts.MaxRecords = 2
		var want []string
		for i := range 12 {
			w.write(int32(i%3), order(i, 1, "placed"))
			want = append(want, fmt.Sprintf("%d:placed", i))
		}
		for cut := range 5 {
			appends := 0
			killed := make(chan struct{}, 1)
			w.log.SetGate(func(ctx context.Context, _ connector.Outgoing) error {
				if appends++; appends <= cut%3 {
					return nil
				}
				select {
				case killed <- struct{}{}:
				default:
				}
				<-ctx.Done() // it never hears whether it was appended
				return ctx.Err()
			})
			if cut%2 == 0 {
				w.log.SetSaveError(errors.New("the place is not saved either"))
			}
			stop := w.start()
			<-killed
			stop()
			w.log.SetSaveError(nil)
			if st := w.status(); len(st.Intervals) > 0 {
				t.Errorf("covers %v, and not everything is in the log", st.Intervals)
			}
		}
		w.log.SetGate(nil)
		w.start()
		w.awaitStates(want...)
		w.awaitCovered(now())
		if ids := w.log.EventIDs(); len(ids) != len(want) {
			t.Errorf("%d events of %d documents: doubles are not recognised", len(ids), len(want))
		}
	})
}

// TestRemovedBeforeItWasRead: retention took records that nobody read. It is
// said, and what may be missing is never proven.
func TestRemovedBeforeItWasRead(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.write(0, order(1, 1, "placed"))
		stop := w.start()
		before := w.awaitCovered(now())
		stop()
		for i := range 5 {
			w.write(0, order(10+i, 1, "placed"))
		}
		lost := now()
		w.remove(0, 4) // offsets 1 to 3 were never read
		w.start()
		w.awaitStates("1:placed", "13:placed", "14:placed")
		st := w.awaitCovered(now().Add(3 * settle))
		if st.Epoch.Number != 2 || len(st.Withdrawn) != 0 {
			t.Errorf("epoch %d, withdrawn %v: what was proven before the first lost record stays", st.Epoch.Number, st.Withdrawn)
		}
		if !covers(st, before.Intervals[0].Until-1) || covers(st, lost) || len(st.Intervals) != 2 {
			t.Errorf("covers %v, lost records of %s", st.Intervals, lost)
		}
		if q := w.quarantined(topic.ReasonLost); len(q) != 1 || !strings.Contains(q[0].Detail, "offsets 1 to 3 were not read") {
			t.Errorf("said %+v", q)
		}
	})
}

// remove deletes the records of a partition before an offset.
func (w *world) remove(partition int32, before int64) {
	w.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: w.topic, Partition: partition, At: before})
	if _, err := w.admin.DeleteRecords(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// TestRecreatedWhileRead: the topic is deleted and made anew under the reader.
func TestRecreatedWhileRead(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.write(0, order(1, 1, "placed"))
		w.start()
		before := w.awaitCovered(now())
		if _, err := w.admin.DeleteTopic(t.Context(), w.topic); err != nil {
			t.Fatal(err)
		}
		w.create(2)
		made := now()
		w.write(0, order(2, 1, "placed"))
		w.awaitStates("1:placed", "2:placed")
		st := w.awaitCovered(now().Add(3 * settle))
		if st.Epoch.Number < 2 || len(st.Withdrawn) != 1 || st.Withdrawn[0].Until < before.Intervals[0].Until {
			t.Errorf("epoch %d withdraws %v, proven was %v", st.Epoch.Number, st.Withdrawn, before.Intervals)
		}
		if covers(st, made.Add(-settle)) {
			t.Errorf("covers %v, made anew at %s", st.Intervals, made)
		}
		if len(w.quarantined(topic.ReasonLost)) == 0 {
			t.Error("nothing is said")
		}
	})
}

// TestRecreatedWhileNobodyRead: the new topic has as many records as the old
// one had, so that offsets alone would not show it.
func TestRecreatedWhileNobodyRead(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.write(0, order(1, 1, "placed"))
		stop := w.start()
		w.awaitCovered(now())
		stop()
		if _, err := w.admin.DeleteTopic(t.Context(), w.topic); err != nil {
			t.Fatal(err)
		}
		w.create(3)
		w.write(0, order(2, 1, "placed"))
		w.start()
		w.awaitStates("1:placed", "2:placed")
		if st := w.awaitCovered(now().Add(3 * settle)); st.Epoch.Number != 2 {
			t.Errorf("epoch %d", st.Epoch.Number)
		}
	})
}

// TestPoisonIsSetAside: what cannot be read goes to quarantine with its place,
// makes a hole in what is proven, and its neighbours go on.
func TestPoisonIsSetAside(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.write(0, order(1, 1, "placed"))
		w.write(0, `{"id":"2","seq":`)
		w.write(0, "\x00\x00\x00\x00\x07rest")
		w.write(0, "")
		w.write(0, `{"id":"3","state":"placed","seq":"many","at":"2026-01-31T10:00:00Z"}`)
		w.write(0, order(4, 1, "placed"))
		w.start()
		w.awaitStates("1:placed", "4:placed")
		st := w.awaitCovered(now())
		for offset, reason := range map[int]string{1: "broken-json", 2: topic.ReasonUndecodable, 3: topic.ReasonTombstone, 4: "unmappable"} {
			place := fmt.Sprintf("%s/0@%d: ", w.topic, offset)
			if q := w.quarantined(reason); len(q) != 1 || !strings.HasPrefix(q[0].Detail, place) {
				t.Errorf("%s: %+v, want one at %s", reason, q, place)
			}
		}
		if len(st.Holes) != 4 {
			t.Errorf("%d holes of 4 records that nobody can date", len(st.Holes))
		}
	})
}

// TestWithoutIdsAndVersionsThePlaceIsTheIdentity: the same words at two places
// are two events, and one of them read twice is one.
func TestWithoutIdsAndVersionsThePlaceIsTheIdentity(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		w.write(0, `{"note":"7"}`)
		w.write(1, `{"note":"7"}`)
		stop := w.start()
		w.await(func() error {
			if n := len(w.log.EventIDs()); n != 2 {
				return fmt.Errorf("%d events", n)
			}
			return nil
		})
		stop()
		log := w.log
		w.log = nil
		second := newWorldOn(w)
		second.start()
		second.await(func() error {
			if a, b := log.EventIDs(), second.log.EventIDs(); fmt.Sprint(a) != fmt.Sprint(b) {
				return fmt.Errorf("%v, read again %v", a, b)
			}
			return nil
		})
	})
}

// TestTransactions: what was aborted was never said, and what nobody decided on
// yet holds back what is proven.
func TestTransactions(t *testing.T) {
	onBoth(t, company, func(t *testing.T, w *world) {
		tx, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.TransactionalID(w.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Close()
		say := func(value string, end kgo.TransactionEndTry) {
			t.Helper()
			if err := tx.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := tx.ProduceSync(t.Context(), &kgo.Record{Topic: w.topic, Partition: 0, Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := tx.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		say(order(1, 1, "placed"), kgo.TryCommit)
		say(order(2, 1, "placed"), kgo.TryAbort)
		w.start()
		w.awaitCovered(now())
		w.awaitStates("1:placed")
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := tx.ProduceSync(t.Context(), &kgo.Record{Topic: w.topic, Partition: 0, Value: []byte(order(3, 1, "placed"))}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		written := now()
		var asked atomic.Int64 // askings while it is open: none may be closed
		w.write(1, order(4, 1, "placed"))
		w.awaitStates("1:placed", "4:placed")
		w.await(func() error {
			if w.status().ReportedAt > written.Add(ledger.Second) || asked.Add(1) > 200 {
				return nil
			}
			return errors.New("not yet")
		})
		if st := w.status(); st.Intervals[len(st.Intervals)-1].Until > written.Add(-settle).Add(100*ledger.Millisecond) {
			t.Errorf("covers %v while a transaction of %s is open", st.Intervals, written)
		}
		if err := tx.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		w.awaitStates("1:placed", "3:placed", "4:placed")
		w.awaitCovered(written)
	})
}

// newWorldOn is another log of ours before the same topic.
func newWorldOn(w *world) *world {
	c := *w
	fresh := newLog()
	c.log, c.opts.Sink, c.opts.Store = fresh, fresh, fresh
	return &c
}
