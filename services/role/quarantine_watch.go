package role

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
)

// watchEvery is how often the quarantine is looked through; announceEvery how
// often one source's expiring entries are announced.
const (
	watchEvery    = time.Hour
	announceEvery = ledger.Day
)

// Watch announces what is about to expire and counts what goes, until the
// context ends. A log that cannot be read is tried again at the next look.
func (q *Quarantine) Watch(ctx context.Context, tell func(api.QuarantineReport)) {
	var a announcer
	for {
		list, err := q.Entries(ctx)
		switch {
		case err == nil:
			report, expiring := a.look(list, ledger.At(q.clock.Now()))
			announce(q.s.Logger, report, expiring)
			if tell != nil {
				tell(report)
			}
		case ctx.Err() == nil:
			q.s.Logger.Warn("the quarantine cannot be read to see what expires, trying again", "again_in", watchEvery, "error", err)
		}
		if q.clock.Wait(ctx, watchEvery) != nil {
			return
		}
	}
}

func announce(l *slog.Logger, r api.QuarantineReport, expiring []api.QuarantineCount) {
	for _, c := range expiring {
		l.Warn("quarantined originals are about to go: release them, or have their source send them again afterwards", "source", c.Source,
			"entries", c.Expiring, "expires_at", c.NextExpiry.String())
	}
	for _, c := range r.Counts {
		if n := r.Gone[c.Source]; n > 0 {
			l.Warn("quarantined originals have passed their retention unread", "source", c.Source, "entries", n)
		}
	}
}

// announcer remembers what was said. It is a function of the listings and
// instants it was shown.
type announcer struct {
	// held are the entries that had their originals, unread, at the last look.
	held map[string]ledger.Source
	// said is when each source was last announced.
	said map[ledger.Source]ledger.Instant
}

// look returns the report of a listing, and the sources whose expiring entries
// are to be announced now: at most once per source and day.
func (a *announcer) look(list api.QuarantineListing, now ledger.Instant) (api.QuarantineReport, []api.QuarantineCount) {
	report := api.QuarantineReport{Counts: api.CountQuarantine(list.Entries, now), Gone: map[ledger.Source]int{}, Removed: list.Removed}
	held := map[string]ledger.Source{}
	for i := range list.Entries {
		e := &list.Entries[i]
		if e.ReleasedAt == 0 && !e.Gone(now) {
			held[e.Entry.ID] = e.Entry.Source
		}
		if e.ReleasedAt != 0 {
			delete(a.held, e.Entry.ID)
		}
	}
	for id, source := range a.held { // expired since, or removed by the broker
		if _, still := held[id]; !still {
			report.Gone[source]++
		}
	}
	a.held = held
	if a.said == nil {
		a.said = map[ledger.Source]ledger.Instant{}
	}
	expiring := slices.DeleteFunc(slices.Clone(report.Counts), func(c api.QuarantineCount) bool {
		said, before := a.said[c.Source]
		return c.Expiring == 0 || before && now < said.Add(announceEvery)
	})
	for _, c := range expiring {
		a.said[c.Source] = now
	}
	slices.SortStableFunc(expiring, func(x, y api.QuarantineCount) int { return cmp.Compare(x.NextExpiry, y.NextExpiry) })
	return report, expiring
}
