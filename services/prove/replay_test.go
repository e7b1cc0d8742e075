package prove_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/prove"
)

// number reads a number of the environment, for campaigns.
func number(t *testing.T, name string, least int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return least
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, v, err)
	}
	return n
}

// TestEveryScheduleGivesTheSameState folds the log of a shop's life, with names
// that come late, merges, a split, a mute, two policies and records nobody can
// read, in ways drawn by chance: ORDERLEDGER_SCHEDULES of them (I-1, I-2, I-3).
func TestEveryScheduleGivesTheSameState(t *testing.T) {
	r := shopLog(t, 24)
	o := prove.ReplayOptions{Options: r.options(t), Schedules: number(t, "ORDERLEDGER_SCHEDULES", 30), Seed: uint64(number(t, "ORDERLEDGER_SEED", 1))}
	o.Progress = func(done, of int) {
		if done%100 == 0 {
			t.Logf("%d of %d schedules", done, of)
		}
	}
	report, err := prove.Replay(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	report.Print(&out)
	t.Log("\n" + out.String())
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Partitions {
		if p.Records < 200 {
			t.Errorf("%s/%d has %d records: too little was tried", p.Topic, p.Partition, p.Records)
		}
	}
}

// falsify changes the money at risk of one exception of a store, and says whose.
func falsify(t *testing.T, dir string) (ledger.ExceptionID, bool) {
	t.Helper()
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var key, value []byte
	if err := store.Scan([]byte{'x'}, []byte{'y'}, func(k, v []byte) (bool, error) {
		key, value = bytes.Clone(k), bytes.Clone(v)
		return false, nil
	}); err != nil {
		t.Fatal(err)
	}
	if key == nil {
		return ledger.ExceptionID{}, false
	}
	x, err := ledger.DecodeException(value)
	if err != nil {
		t.Fatal(err)
	}
	x.AtRisk.Minor++
	if err := store.Commit(func(b ledger.Batch) { b.Put(key, ledger.EncodeException(nil, x)) }); err != nil {
		t.Fatal(err)
	}
	return x.ID, true
}

// TestKeptStores: the stores of a stopped instance are the replay; one value
// changed in one of them is named by order, offset and field, with both values.
func TestKeptStores(t *testing.T) {
	r, dir := shopLog(t, 12), t.TempDir()
	r.fold(t, r.log, dir)
	o := prove.ReplayOptions{Options: r.options(t), Schedules: 1}
	o.Stores = dir
	report, err := prove.Replay(t.Context(), o)
	if err != nil || report.Err() != nil || len(report.Partitions[0].Compared) != 1 {
		t.Fatalf("before: %v, %+v", err, report)
	}
	id, ok := falsify(t, filepath.Join(dir, engine.StoreName(kafkalog.TopicEvents, 0)))
	if !ok {
		t.Fatal("no exception to change")
	}
	report, err = prove.Replay(t.Context(), o)
	if err != nil || !errors.Is(report.Err(), prove.ErrUnproven) || len(report.Findings) != 1 {
		t.Fatalf("after: %v, %+v", err, report)
	}
	f := report.Findings[0]
	if f.Partition != 0 || !strings.Contains(f.What, id.String()) || f.Field != "at_risk.minor" || f.Order == "" || f.Offset < 0 {
		t.Errorf("it is told as %s", f.String())
	}
}

// fickle is a log that gives one record otherwise to whoever reads in large
// batches: what a fold of it comes to depends on how it is read.
type fickle struct {
	prove.Log
	at    kafkalog.Position
	batch int
}

func (f fickle) NewReader(o kafkalog.ReaderOptions) (kafkalog.Reader, error) {
	r, err := f.Log.NewReader(o)
	if o.MaxPollRecords != f.batch {
		return r, err
	}
	return changedReader{r, f.at, func(list []kafkalog.Record, i int) []kafkalog.Record {
		list = slices.Clone(list)
		list[i].Value = []byte("something else")
		return list
	}}, err
}

// TestBisection: a fold that depends on the way it is carried out is found, and
// the first record after which it does is named.
func TestBisection(t *testing.T) {
	r := shopLog(t, 12)
	at := kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: 1, Offset: 0}
	records, err := kafkalog.ReadRange(t.Context(), r.log, kafkalog.Position{Topic: at.Topic, Partition: at.Partition}, 400)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		var d ledger.Record
		r.codec.NewDecoder().Decode(records[i].Value, &d)
		if d.Event != nil && i > 100 {
			at.Offset = records[i].Offset
			break
		}
	}
	o := prove.ReplayOptions{Options: r.options(t), Schedules: 4, Seed: 3}
	o.Log = fickle{Log: r.log, at: at, batch: 4_000}
	report, err := prove.Replay(t.Context(), o)
	if err != nil || report.Err() == nil {
		t.Fatalf("%v, %+v", err, report)
	}
	for _, f := range report.Findings {
		if f.Topic != at.Topic || f.Partition != at.Partition || f.Offset != at.Offset {
			t.Errorf("want offset %d, got %s", at.Offset, f.String())
		}
	}
}
