package ledger_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// stored are values of every kind as a store holds them, with their keys, and
// rows as an outbox does.
func stored(f *testing.F) (state [][2][]byte, rows [][]byte) {
	f.Helper()
	rnd := rand.New(rand.NewPCG(7, 7))
	w := NewWorld(rnd, 30)
	l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: 4})
	l.Append(Policy())
	for _, x := range interleave(rnd, w.Shuffled(rnd), w.Ticks(rnd)) {
		l.Append(x)
	}
	pw := newParcelWorld(rnd)
	stores := []*ledger.MemStore{l.Store}
	n := pw.live(f, rnd)
	for _, m := range append(append([]*Member(nil), n.Orders...), n.Aliases...) {
		stores = append(stores, m.Store)
		for i := range m.Told {
			rows = append(rows, ledger.EncodeRows(nil, &ledger.Rows{Exceptions: m.Told[i : i+1]}))
		}
		if len(m.Summaries) > 0 {
			rows = append(rows, ledger.EncodeRows(nil, &ledger.Rows{Orders: m.Summaries[:1]}))
		}
	}
	seen := map[byte]int{}
	for _, s := range stores {
		err := s.Scan([]byte{'A'}, nil, func(k, v []byte) (bool, error) {
			if seen[k[0]]++; len(v) > 0 && seen[k[0]] <= 6 {
				state = append(state, [2][]byte{bytes.Clone(k), bytes.Clone(v)})
			}
			return true, nil
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	return state, append(rows, told(f, l.Records)...)
}

// told are the rows of a log, a commit each.
func told(f *testing.F, log []ledger.Record) (rows [][]byte) {
	f.Helper()
	store := ledger.NewMemStore()
	p, err := ledger.Open(store, ledger.Options{Partitions: 1})
	if err != nil {
		f.Fatal(err)
	}
	for i := range log {
		r := log[i]
		if r.Event != nil {
			e := *r.Event
			r.Event = &e
		}
		if err := p.Apply(&r); err != nil {
			f.Fatal(err)
		}
		for {
			if p.Rows().Len() > 0 && len(rows) < 40 {
				rows = append(rows, ledger.EncodeRows(nil, p.Rows()))
			}
			p.Flush(store)
			if !p.Continuing() {
				break
			}
			if err := p.Continue(); err != nil {
				f.Fatal(err)
			}
		}
	}
	return rows
}

// FuzzState: whatever bytes stand in a store, reading them ends with a value or
// an error, and what was read is written in one way alone.
func FuzzState(f *testing.F) {
	state, _ := stored(f)
	for _, kv := range state {
		f.Add(kv[0], kv[1])
		f.Add(kv[0], kv[1][:len(kv[1])/2])
	}
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if len(k) == 0 {
			return
		}
		once, known, err := ledger.Recode(k, bytes.Clone(v))
		if !known || err != nil {
			return
		}
		twice, _, err := ledger.Recode(k, bytes.Clone(once))
		if err != nil {
			t.Fatalf("%q: what was written is not read: %v\n%x", k, err, once)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("%q is written as\n%x, then as\n%x", k, once, twice)
		}
	})
}

// FuzzRows is the same for the blobs of an outbox; readers that skip most of one
// skip the same.
func FuzzRows(f *testing.F) {
	_, rows := stored(f)
	for _, b := range rows {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ledger.DecodeRows(bytes.Clone(b))
		few, errFew := ledger.DecodeFewRows(bytes.Clone(b))
		if err != nil {
			return
		}
		if errFew != nil || len(few.Exceptions) != len(r.Exceptions) || len(few.Quarantine) != len(r.Quarantine) || len(few.Outgoing) != len(r.Outgoing) {
			t.Fatalf("skipping differs: %v", errFew)
		}
		once := ledger.EncodeRows(nil, r)
		again, err := ledger.DecodeRows(bytes.Clone(once))
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%x", err, once)
		}
		if twice := ledger.EncodeRows(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("written as\n%x, then as\n%x", once, twice)
		}
	})
}
