package prove_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/prove"
)

// event is the offset of some event in the midst of a partition, and its order.
func (r *rig) event(t *testing.T, partition int32) (int64, ledger.OrderKey) {
	t.Helper()
	records, err := kafkalog.ReadRange(t.Context(), r.log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: partition}, 600)
	if err != nil {
		t.Fatal(err)
	}
	dec := r.codec.NewDecoder()
	for i := range records {
		if d := engine.Decode(dec, &records[i]); i > 200 && d.Record.Event != nil {
			return records[i].Offset, d.Record.Event.Order
		}
	}
	t.Fatal("no event in the midst of the log")
	return 0, ""
}

// TestConservation: of a sound log and its stores every record has one outcome;
// a store that was folded without one record is found, and the record is named by
// its offset and order.
func TestConservation(t *testing.T) {
	r, sound, holed := shopLog(t, 12), t.TempDir(), t.TempDir()
	r.fold(t, r.log, sound)
	o := prove.ConservationOptions{Options: r.options(t)}
	o.Stores = sound
	report, err := prove.Conservation(t.Context(), o)
	if err != nil || report.Err() != nil {
		t.Fatalf("before: %v, %+v", err, report.Findings)
	}
	seen := map[string]uint64{}
	for _, a := range report.Accounts {
		sum := uint64(0)
		for outcome, n := range a.Outcomes {
			seen[outcome] += n
			sum += n
		}
		if a.Records != sum || a.Residual != 0 {
			t.Errorf("%+v", a)
		}
	}
	for _, outcome := range []string{"quarantined", "parked", "duplicate", "applied"} {
		if seen[outcome] == 0 {
			t.Errorf("no record is %s: too little was tried", outcome)
		}
	}
	offset, order := r.event(t, 1)
	hole := kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: 1, Offset: offset}
	r.fold(t, holedLog{r.log, hole}, holed)
	o.Stores = holed
	report, err = prove.Conservation(t.Context(), o)
	if err != nil || report.Err() == nil {
		t.Fatalf("after: %v, %+v", err, report)
	}
	residual, named := false, false
	for _, f := range report.Findings {
		if f.Topic != hole.Topic || f.Partition != 1 {
			t.Errorf("nothing is wrong with %s/%d: %s", f.Topic, f.Partition, f.String())
		}
		residual = residual || strings.Contains(f.What, "have no outcome")
		named = named || f.Offset == offset && f.Order == string(order)
	}
	if !residual || !named {
		t.Errorf("offset %d of order %s is not named: %+v", offset, order, report.Findings)
	}
	var out strings.Builder
	report.Print(&out)
	t.Log("\n" + out.String())
}

// TestDeadlines: an independent judge agrees with a sound store; an exception
// that was put away, and a clock that was moved, are found.
func TestDeadlines(t *testing.T) {
	r, dir := shopLog(t, 16), t.TempDir()
	r.fold(t, r.log, dir)
	o := r.options(t)
	o.Stores = dir
	report, err := prove.Deadlines(t.Context(), o)
	if err != nil || report.Err() != nil {
		t.Fatalf("before: %v, %+v", err, report)
	}
	var out strings.Builder
	report.Print(&out)
	t.Log("\n" + out.String())
	if report.Judged < 50 || report.States["BREACHED"] == 0 || report.Unjudged["merged order"] == 0 {
		t.Errorf("too little was tried: %+v", report)
	}
	put := hideException(t, filepath.Join(dir, engine.StoreName(kafkalog.TopicEvents, 0)))
	if report, err = prove.Deadlines(t.Context(), o); err != nil || len(report.Findings) == 0 {
		t.Fatalf("after: %v, %+v", err, report)
	}
	if f := report.Findings[0]; f.Order != string(put.Subject.Order) || f.Want != put.Name || f.Got != "nothing" || !strings.Contains(f.What, put.Rule) {
		t.Errorf("it is told as %s", f.String())
	}
}

// hideException takes one exception of an order from the open ones of a store.
func hideException(t *testing.T, dir string) *ledger.Exception {
	t.Helper()
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	read, err := ledger.NewReader(store, ledger.Options{Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	var hidden *ledger.Exception
	if err := read.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		if x.Subject.Kind == ledger.SubjectOrder {
			v, _, _ := read.Order(x.Subject.Order)
			if len(v.Members) == 0 {
				hidden = x
			}
		}
		return hidden == nil
	}); err != nil {
		t.Fatal(err)
	}
	if hidden == nil {
		t.Fatal("no exception is open")
	}
	if err := store.Commit(func(b ledger.Batch) { b.Delete(append([]byte{'X'}, hidden.ID[:]...)) }); err != nil {
		t.Fatal(err)
	}
	return hidden
}
