package api_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

func held(id, source string, expires, released ledger.Instant) api.HeldDelivery {
	return api.HeldDelivery{
		Entry:      ledger.Quarantined{ID: id, Source: ledger.Source(source), ExpiresAt: expires, Body: ledger.Body{Codec: "none", Bytes: []byte("{")}},
		ReleasedAt: released,
	}
}

func TestCountQuarantine(t *testing.T) {
	const now = 100 * ledger.Instant(ledger.Day)
	soon := now.Add(api.QuarantineNotice)
	entries := []api.HeldDelivery{
		held("1", "shop", soon.Add(1), 0), held("2", "shop", soon, 0), held("3", "shop", now+1, 0), held("4", "shop", now, 0),
		held("5", "shop", now, now-1), held("6", "erp", 0, 0),
	}
	want := []api.QuarantineCount{{Source: "erp", Held: 1}, {Source: "shop", Held: 3, Expiring: 2, Released: 1, Expired: 1, NextExpiry: now + 1}}
	for range 2 {
		if got := api.CountQuarantine(entries, now); !slices.Equal(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		slices.Reverse(entries)
	}
}

// topic is a quarantine topic that holds what it was given.
type topic struct {
	api.QuarantineStore
	list api.QuarantineListing
}

func (s *topic) Entries(context.Context) (api.QuarantineListing, error) { return s.list, nil }

// TestExpiredOriginalsAreNotServed: neither held nor released ones, even by a
// store that still has the bytes; the list says what goes when and what went.
func TestExpiredOriginalsAreNotServed(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := ledger.At(now)
	store := &topic{list: api.QuarantineListing{Removed: 7, Entries: []api.HeldDelivery{
		held("held", "shop", at.Add(ledger.Day), 0), held("expired", "shop", at, 0), held("released", "shop", at, at-5),
	}}}
	s := apitest.Start(t, func(o *api.Options) { o.Quarantine, o.Now = store, func() time.Time { return now } })
	c := orderledgerv1.NewQuarantineServiceClient(s.Conn)
	for id, want := range map[string]string{"held": "{", "expired": "", "released": ""} {
		r, err := c.GetQuarantineEntry(soon(t), &orderledgerv1.GetQuarantineEntryRequest{Id: id, View: orderledgerv1.QuarantineView_QUARANTINE_VIEW_FULL})
		if err != nil || string(r.GetEntry().GetBody()) != want || r.GetEntry().GetExpireTime() == nil {
			t.Errorf("%s: body %q, want %q (%v)", id, r.GetEntry().GetBody(), want, err)
		}
	}
	r, err := c.ListQuarantineEntries(soon(t), &orderledgerv1.ListQuarantineEntriesRequest{Filter: "source = nobody"})
	if err != nil || len(r.GetEntries()) != 0 || len(r.GetCounts()) != 1 || r.GetRemovedRecords() != 7 {
		t.Fatalf("%v, %v", r, err)
	}
	n := r.GetCounts()[0]
	if n.GetHeld() != 1 || n.GetExpiring() != 1 || n.GetExpired() != 1 || n.GetReleased() != 1 || !n.GetNextExpireTime().AsTime().Equal(now.Add(24*time.Hour)) {
		t.Errorf("%v", n)
	}
	rel, err := c.ReleaseQuarantineEntry(soon(t), &orderledgerv1.ReleaseQuarantineEntryRequest{Id: "expired"})
	if err != nil || rel.GetResult().GetRefusalReason() != orderledgerv1.RefusalReason_REFUSAL_REASON_EXPIRED {
		t.Errorf("%v, %v", rel, err)
	}
}
