package ordeal

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Digest is the digest of what a store holds.
func Digest(t testing.TB, s ledger.Store) [32]byte {
	t.Helper()
	sum, err := ledger.Digest(s)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// Difference names the first key by which two stores differ.
func Difference(a, b ledger.Store) string {
	type pair struct{ k, v []byte }
	list := func(s ledger.Store) (out []pair) {
		_ = s.Scan([]byte{'A'}, nil, func(k, v []byte) (bool, error) {
			out = append(out, pair{bytes.Clone(k), bytes.Clone(v)})
			return true, nil
		})
		return out
	}
	x, y := list(a), list(b)
	for i := range max(len(x), len(y)) {
		switch {
		case i >= len(x):
			return fmt.Sprintf("only the second has %q", y[i].k)
		case i >= len(y):
			return fmt.Sprintf("only the first has %q", x[i].k)
		case !bytes.Equal(x[i].k, y[i].k):
			return fmt.Sprintf("key %q against %q", x[i].k, y[i].k)
		case !bytes.Equal(x[i].v, y[i].v):
			return fmt.Sprintf("key %q: %x against %x", x[i].k, x[i].v, y[i].v)
		}
	}
	return "no key differs"
}

// Repeats says whether a topic may hold a change more than once.
type Repeats bool

const (
	// Exactly: no change was told twice.
	Exactly Repeats = false
	// OrMore: a replica that was frozen with a block in its hands sends it when it
	// goes on, though another did meanwhile.
	OrMore Repeats = true
)

// Covered checks that the polls of a feed were one unbroken hearing, though the
// connector was restarted (S-17).
func (x *Examination) Covered() {
	x.t.Helper()
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicSources)
	if err != nil {
		x.t.Fatal(err)
	}
	records, err := kafkalog.ReadRange(x.t.Context(), x.log, kafkalog.Position{Topic: kafkalog.TopicSources}, ends[0])
	if err != nil {
		x.t.Fatal(err)
	}
	dec := x.codec.NewDecoder()
	newest := map[ledger.FeedKey]*ledger.SourceStatus{}
	for i := range records {
		st, err := dec.DecodeSourceStatus(records[i].Value)
		if err != nil {
			x.t.Fatal(err)
		}
		newest[ledger.FeedKey{Source: st.Source, Feed: st.Feed}] = st
	}
	polled := 0
	for k, st := range newest {
		if len(st.Intervals) == 0 {
			continue
		}
		if polled++; len(st.Intervals) != 1 || st.Epoch.Number != 1 {
			x.t.Errorf("%s/%s was heard in %d pieces, epoch %d", k.Source, k.Feed, len(st.Intervals), st.Epoch.Number)
		}
	}
	if polled < 3 {
		x.t.Errorf("%d feeds were polled: too little happened", polled)
	}
}

// CaughtUp opens a partition's store of a node that ended, and folds what it
// lacks of the log.
func (x *Examination) CaughtUp(data string, partition int32) *engine.Store {
	x.t.Helper()
	store, err := engine.OpenStore(filepath.Join(data, "ledger", engine.StoreName(kafkalog.TopicEvents, partition)), engine.StoreOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: partition, Partitions: x.opt.Partitions, TopicID: x.topic})
	if err != nil {
		x.t.Fatal(err)
	}
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicEvents)
	if err != nil {
		x.t.Fatal(err)
	}
	opt := engine.ReplayOptions{Journal: x.log, Decoder: x.codec.NewDecoder(), Partition: partition, Until: ends[partition]}
	if err := engine.Replay(x.t.Context(), opt, fold, nil); err != nil {
		x.t.Fatal(err)
	}
	return store
}

// Exceptions checks that orders.exceptions.v1 tells every change in its order,
// and how often.
func (x *Examination) Exceptions(often Repeats) {
	x.t.Helper()
	ends, err := x.log.EndOffsets(x.t.Context(), kafkalog.TopicExceptions)
	if err != nil {
		x.t.Fatal(err)
	}
	dec := x.codec.NewDecoder()
	told, changes := 0, uint64(0)
	for partition, end := range ends {
		if end == 0 {
			continue
		}
		records, err := kafkalog.ReadRange(x.t.Context(), x.log, kafkalog.Position{Topic: kafkalog.TopicExceptions, Partition: partition}, end)
		if err != nil {
			x.t.Fatal(err)
		}
		newest := uint64(0)
		for i := range records {
			rec, err := dec.DecodeException(records[i].Value)
			if err != nil {
				x.t.Fatal(err)
			}
			if rec.Seq > newest+1 {
				x.t.Errorf("%s/%d@%d: change %d follows %d", kafkalog.TopicExceptions, partition, records[i].Offset, rec.Seq, newest)
			}
			newest = max(newest, rec.Seq)
			told++
		}
		changes += newest
		if uint64(len(records)) != newest && often == Exactly {
			x.t.Errorf("%s/%d: %d records tell %d changes", kafkalog.TopicExceptions, partition, len(records), newest)
		}
	}
	x.t.Logf("%s: %d records tell %d changes", kafkalog.TopicExceptions, told, changes)
	if told == 0 {
		x.t.Error("no exception was told: too little happened")
	}
}
