package api

import (
	"cmp"
	"maps"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// QuarantineNotice is how long before its original goes a held entry counts as
// expiring.
const QuarantineNotice = 14 * ledger.Day

// Gone reports whether the original has passed its retention (S-39): it is not
// handed out from then on, whether the broker still holds its bytes or not.
func (h *HeldDelivery) Gone(now ledger.Instant) bool {
	return h.Entry.ExpiresAt != 0 && h.Entry.ExpiresAt <= now
}

// Expiring reports whether nobody has released the entry yet and its original
// goes within QuarantineNotice.
func (h *HeldDelivery) Expiring(now ledger.Instant) bool {
	return h.ReleasedAt == 0 && h.Entry.ExpiresAt != 0 && !h.Gone(now) && h.Entry.ExpiresAt <= now.Add(QuarantineNotice)
}

// QuarantineCount says where the entries of one source stand.
type QuarantineCount struct {
	Source ledger.Source
	// Held wait to be released; Expiring of them go within QuarantineNotice.
	Held, Expiring int
	// Released were read again. Expired lost their originals before anybody did.
	Released, Expired int
	// NextExpiry is when the next held original goes; 0 if none ever does.
	NextExpiry ledger.Instant
}

// QuarantineReport says where the quarantined documents stand, time after time.
type QuarantineReport struct {
	// Counts are sorted by source.
	Counts []QuarantineCount
	// Gone counts the entries, per source, whose originals went unread since the
	// report before. A first report counts none: nobody saw them go.
	Gone map[ledger.Source]int
	// Removed counts the records that the broker no longer holds, ever.
	Removed int64
}

// CountQuarantine counts entries as they stand at an instant, sorted by source.
// The same entries and instant give the same counts, in whatever order they come.
func CountQuarantine(entries []HeldDelivery, now ledger.Instant) []QuarantineCount {
	counts := map[ledger.Source]*QuarantineCount{}
	for i := range entries {
		e := &entries[i]
		c := counts[e.Entry.Source]
		if c == nil {
			c = &QuarantineCount{Source: e.Entry.Source}
			counts[e.Entry.Source] = c
		}
		switch {
		case e.ReleasedAt != 0:
			c.Released++
			continue
		case e.Gone(now):
			c.Expired++
			continue
		}
		c.Held++
		if e.Expiring(now) {
			c.Expiring++
		}
		if at := e.Entry.ExpiresAt; at != 0 && (c.NextExpiry == 0 || at < c.NextExpiry) {
			c.NextExpiry = at
		}
	}
	out := make([]QuarantineCount, 0, len(counts))
	for c := range maps.Values(counts) {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b QuarantineCount) int { return cmp.Compare(a.Source, b.Source) })
	return out
}

// countMessages counts what a list was made from, whatever its filter.
func countMessages(list []*heldEntry, now ledger.Instant) []*orderledgerv1.QuarantineCount {
	all := make([]HeldDelivery, len(list))
	for i, e := range list {
		all[i] = e.HeldDelivery
		if e.folded && e.state == orderledgerv1.QuarantineState_QUARANTINE_STATE_RELEASED {
			all[i].ReleasedAt = now // by the policy, at no instant of its own
		}
	}
	var out []*orderledgerv1.QuarantineCount
	for _, c := range CountQuarantine(all, now) {
		out = append(out, &orderledgerv1.QuarantineCount{
			Source: string(c.Source), Held: int64(c.Held), Expiring: int64(c.Expiring),
			Released: int64(c.Released), Expired: int64(c.Expired), NextExpireTime: stamp(c.NextExpiry),
		})
	}
	return out
}
