package power_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/orderledger/orderledger/services/engine"
)

// TestPowerLossAtStart: a store that the power left half made, or half opened,
// can be opened again.
func TestPowerLossAtStart(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*seed, 8))
	mem, left := vfs.NewCrashableMem(), []*vfs.MemFS{}
	var mu sync.Mutex
	watch := errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		for range 8 {
			left = append(left, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd}))
		}
		return nil
	})
	for range 2 {
		store, err := engine.OpenStore("store", engine.StoreOptions{FS: errorfs.Wrap(mem, watch)})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, disk := range left {
		store, err := engine.OpenStore("store", engine.StoreOptions{FS: disk})
		if err != nil {
			t.Errorf("loss %d: %v", i, err)
			continue
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d power losses while a store was made and opened", len(left))
}
