package role

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// TestWhatTheBrokerRemovedIsForgotten: a process that read the entry and one that
// starts afterwards know the same.
func TestWhatTheBrokerRemovedIsForgotten(t *testing.T) {
	at := func(p int32, o int64) *api.HeldDelivery {
		return &api.HeldDelivery{Position: kafkalog.Position{Topic: kafkalog.TopicQuarantine, Partition: p, Offset: o}}
	}
	q := &Quarantine{entries: map[string]*api.HeldDelivery{"a": at(0, 4), "b": at(0, 5), "c": at(1, 4)}}
	q.forget(map[int32]int64{0: 5, 1: 0}, 1)
	if len(q.entries) != 2 || q.entries["a"] != nil {
		t.Errorf("left: %v", q.entries)
	}
}

// TestWhatGoesIsCountedOnce: by retention or by the broker, not by a release, and
// not when it was gone before anybody looked.
func TestWhatGoesIsCountedOnce(t *testing.T) {
	entry := func(id string, expires, released ledger.Instant) api.HeldDelivery {
		return api.HeldDelivery{Entry: ledger.Quarantined{ID: id, Source: "shop", ExpiresAt: expires}, ReleasedAt: released}
	}
	var a announcer
	for i, look := range []struct {
		now     ledger.Instant
		entries []api.HeldDelivery
		want    int
	}{
		{100, []api.HeldDelivery{entry("old", 50, 0), entry("expires", 150, 0), entry("removed", 150, 0), entry("released", 150, 0)}, 0},
		{160, []api.HeldDelivery{entry("old", 50, 0), entry("expires", 150, 0), entry("released", 150, 120)}, 2},
		{170, []api.HeldDelivery{entry("old", 50, 0), entry("expires", 150, 0), entry("released", 150, 120)}, 0},
	} {
		if r, _ := a.look(api.QuarantineListing{Entries: look.entries}, look.now); r.Gone["shop"] != look.want {
			t.Errorf("look %d: %d gone, want %d", i, r.Gone["shop"], look.want)
		}
	}
}
