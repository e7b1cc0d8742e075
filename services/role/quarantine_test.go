package role_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/logsink"
	"github.com/orderledger/orderledger/services/role"
)

const day = 24 * time.Hour

// setAside is a topic with one document that cannot be read, received at noon.
func setAside(t *testing.T, logger *slog.Logger) (*role.Quarantine, *connectortest.Clock, time.Time) {
	t.Helper()
	cfg := small(t.TempDir())
	cfg.Finish()
	s, err := role.OpenStack(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := ledger.At(noon)
	broken := &ledger.Quarantined{
		ID: "q-1", Source: "shop", Feed: "webhooks", Reason: "broken-json", Offset: -1, ReceivedAt: at,
		ExpiresAt: at.Add(catalog.QuarantineRetention), Body: ledger.Body{Codec: "none", Bytes: []byte(`{"name":`)},
	}
	if err := logsink.New(s.Log, s.Codec).Append(t.Context(), connector.Outgoing{Quarantined: []*ledger.Quarantined{broken}}); err != nil {
		t.Fatal(err)
	}
	clock := connectortest.NewClock(noon)
	return role.NewQuarantine(s, role.QuarantineOptions{Catalog: nil, Clock: clock}), clock, noon
}

// TestAnOriginalGoesThoughTheBrokerKeepsIt: the embedded broker removes nothing;
// what has passed its retention is no longer handed out, and stays counted.
func TestAnOriginalGoesThoughTheBrokerKeepsIt(t *testing.T) {
	q, clock, _ := setAside(t, slog.New(slog.DiscardHandler))
	body := func() string {
		t.Helper()
		list, err := q.Entries(t.Context())
		if err != nil || len(list.Entries) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		return string(list.Entries[0].Entry.Body.Bytes)
	}
	clock.Move(90*day - time.Microsecond)
	if got := body(); got != `{"name":` {
		t.Errorf("a moment before: %q", got)
	}
	clock.Move(time.Microsecond)
	if got := body(); got != "" {
		t.Errorf("once expired: %q", got)
	}
	_, err := q.Release(t.Context(), api.ReleaseRequest{ID: "q-1", Actor: "night shift"})
	var cannot *api.CannotRelease
	if !errors.As(err, &cannot) || cannot.Refusal != api.ReleaseExpired || !strings.Contains(cannot.Remedy, "send the document again") {
		t.Errorf("released after it expired: %v", err)
	}
}

// TestExpiryIsAnnouncedDailyAndCounted: from 14 days before, once a day per
// source; and the report of the hour in which it goes counts it, once.
func TestExpiryIsAnnouncedDailyAndCounted(t *testing.T) {
	var log bytes.Buffer
	q, clock, noon := setAside(t, slog.New(slog.NewTextHandler(&log, nil)))
	log.Reset()
	clock.Move(75*day + 30*time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	gone, expiring := map[time.Time]int{}, 0
	q.Watch(ctx, func(r api.QuarantineReport) {
		now := clock.Now()
		if n := r.Gone["shop"]; n > 0 {
			gone[now] = n
		}
		if len(r.Counts) != 1 || r.Counts[0].Source != "shop" {
			t.Errorf("%v: %+v", now, r.Counts)
		}
		expiring += r.Counts[0].Expiring
		if now.After(noon.Add(92 * day)) {
			cancel()
		}
	})
	if n := gone[noon.Add(90*day+30*time.Minute)]; n != 1 || len(gone) != 1 {
		t.Errorf("gone: %v, want one at the look after 90 days", gone)
	}
	if expiring != 14*24 {
		t.Errorf("%d looks found it expiring, want those of 14 days", expiring)
	}
	if n := strings.Count(log.String(), "about to go"); n != 14 {
		t.Errorf("announced %d times, want once on each of 14 days\n%s", n, &log)
	}
	for _, want := range []string{"source=shop entries=1 expires_at=2026-05-31T12:00:00Z", "have passed their retention unread"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
}
