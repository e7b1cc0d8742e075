package demo

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// slow claims everything that there is to find, but only from an instant on.
type slow struct {
	clock *connectortest.Clock
	from  time.Time
	all   []truth.Claim
}

func (s *slow) ListExceptions(context.Context) ([]truth.Claim, error) {
	if s.clock.Now().Before(s.from) {
		return nil, nil
	}
	return s.all, nil
}

// TestASlowMachineIsWaitedFor: what was knowable at the end may be said later,
// within a bound; what is never said is missed, and what is false ends the wait.
func TestASlowMachineIsWaitedFor(t *testing.T) {
	begin := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		after    time.Duration // after the end it is claimed
		more     truth.Claim
		complete bool
		ends     time.Duration // after the end it ends
	}{
		"in time":  {after: -time.Minute, complete: true},
		"late":     {after: 40 * time.Second, complete: true, ends: 40 * time.Second},
		"never":    {after: time.Hour, ends: patience},
		"and more": {after: -time.Minute, more: truth.Claim{ID: "x", Open: true, Exception: "PaymentGap", Subject: "order shop~nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Options{Seed: 1, Now: begin, For: 45 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			clock := connectortest.NewClock(begin)
			d, err := Start(p, clock, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			known, err := d.Truth(p.End)
			if err != nil {
				t.Fatal(err)
			}
			claims := &slow{clock: clock, from: p.End.Add(tt.after)}
			for i, e := range known.Expectations() {
				for k, s := range e.Steps {
					claims.all = append(claims.all, truth.Claim{ID: string(rune('a'+i)) + string(rune('a'+k)), Open: true, Exception: s.Exception, Subject: e.Subject})
				}
			}
			if tt.more.ID != "" {
				claims.all = append(claims.all, tt.more)
			}
			var out strings.Builder
			tracker := truth.NewTracker()
			if err := d.watch(t.Context(), Instance{Exceptions: claims, Out: io.Discard}, NewStory(&out, time.UTC), tracker); err != nil {
				t.Fatal(err)
			}
			card, err := d.score(clock.Now(), tracker)
			if err != nil {
				t.Fatal(err)
			}
			if card.Complete() != tt.complete {
				t.Errorf("complete %v: missing %d, false %d", card.Complete(), len(card.Missing), len(card.False))
			}
			if got := clock.Now().Sub(p.End); got != tt.ends {
				t.Errorf("it ended %v after the plan's end, want %v", got, tt.ends)
			}
			if waited := strings.Contains(out.String(), "This machine is slow"); waited != (tt.ends > 0) {
				t.Errorf("it told of waiting: %v\n%s", waited, &out)
			}
		})
	}
}
