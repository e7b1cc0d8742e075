package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
)

// records is a seeded log of one partition.
func records(rnd *rand.Rand) []ledger.Record {
	w := ledgertest.NewWorld(rnd, 20)
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	ticks := w.Ticks(rnd)
	for i, e := range w.Shuffled(rnd) {
		l.Append(e)
		if i < len(ticks) {
			l.Append(ticks[i])
		}
	}
	l.Append(ticks[len(ticks)-1])
	return l.Records
}

// take folds one record of the log.
func take(f *engine.Fold, r ledger.Record) error {
	if r.Event != nil { // the fold owns what it is given
		c := *r.Event
		r.Event = &c
	}
	d := engine.Decoded{Record: r, Epoch: 1, Digest: [32]byte{byte(r.Offset), byte(r.Offset >> 8)}}
	return f.Take(&d)
}

// openAt opens the store of a file system and the fold in it.
func openAt(t *testing.T, fs vfs.FS) (*engine.Store, *engine.Fold) {
	t.Helper()
	s, err := engine.OpenStore("store", engine.StoreOptions{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	f, err := engine.NewFold(s, engine.FoldOptions{Partitions: 1, TopicID: [16]byte{9}, SliceTimers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// TestPowerLossLeavesAPrefix: whatever of the unsynced writes a power loss
// takes, the store holds exactly the fold of the records before its stored
// offset, no less than what was committed, and goes on from there (I-2, I-3).
func TestPowerLossLeavesAPrefix(t *testing.T) {
	for seed := range 6 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 4))
		log := records(rnd)
		mem := vfs.NewCrashableMem()
		store, fold := openAt(t, mem)
		want := map[int64][32]byte{} // digest of the state at an offset
		committed := int64(0)
		for i := range log {
			if err := take(fold, log[i]); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(3) > 0 {
				if err := fold.Commit(); err != nil {
					t.Fatal(err)
				}
				committed = fold.Place().Offset
			}
			if rnd.IntN(4) > 0 {
				continue
			}
			lost := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
			s, f := openAt(t, lost)
			at := f.Place().Offset
			if at < committed {
				t.Fatalf("seed %d: committed to %d, after the power loss the store is at %d", seed, committed, at)
			}
			if _, ok := want[at]; !ok {
				want[at] = foldTo(t, log, at)
			}
			got, err := ledger.Digest(s)
			if err != nil {
				t.Fatal(err)
			}
			if got != want[at] {
				t.Fatalf("seed %d: the state at %d is not the fold of the records before it", seed, at)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// foldTo is the digest of folding the records before an offset, in one pass.
func foldTo(t *testing.T, log []ledger.Record, at int64) [32]byte {
	t.Helper()
	s, f := openAt(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	for i := range log {
		if log[i].Offset >= at {
			break
		}
		if err := take(f, log[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	sum, err := ledger.Digest(s)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestTickerPace pins when ticks are proposed (S-14).
func TestTickerPace(t *testing.T) {
	at := func(ms int) ledger.Instant { return ledgertest.Noon.Add(ledger.Micros(ms) * ledger.Millisecond) }
	view := func(ms int) engine.TickView { return engine.TickView{Now: at(ms), Owner: true, Clock: at(0)} }
	var tk engine.Ticker
	if !tk.Decide(view(0)).Propose {
		t.Fatal("an owner's first look proposes no tick")
	}
	if d := tk.Decide(view(29_999)); d.Propose || d.Again != at(30_000) {
		t.Fatalf("before 30 s: %+v", d)
	}
	timer := view(1000)
	timer.NextTimer = at(1000)
	if !tk.Decide(timer).Propose {
		t.Fatal("a timer is due and nothing is proposed")
	}
	timer.Now = at(1100)
	if tk.Decide(timer).Propose {
		t.Fatal("two ticks within 200 ms")
	}
	wanted := view(1500)
	wanted.Wanted = []ledger.FeedKey{{Source: "erp", Feed: "x"}}
	if !tk.Decide(wanted).Propose {
		t.Fatal("an obligation waits for coverage that grew, and nothing is proposed")
	}
	if !tk.Decide(view(31_500)).Propose {
		t.Fatal("30 s passed without a tick")
	}
	standby := engine.TickView{Now: at(60_000), Clock: at(0)}
	var other engine.Ticker
	if other.Decide(standby).Propose {
		t.Fatal("a standby proposes before three intervals were missed")
	}
	standby.Now = at(90_000)
	if !other.Decide(standby).Propose {
		t.Fatal("three intervals were missed and the standby keeps silent")
	}
	withheld := engine.TickView{Now: at(91_000), Clock: at(0), Withheld: true, WithheldBoot: [16]byte{1}, BootID: [16]byte{2}}
	if !other.Decide(withheld).Propose || other.Decide(withheld).Propose {
		t.Fatal("a withheld tick of another boot is answered once, at once")
	}
}
