package poll_test

import (
	"context"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// TestWhatAClockBehindStampedIsRead: a record that a source stamped while its
// clock was half a minute behind, which a poll saw, is read before coverage is
// claimed over the time at which it truly came about (S-17).
func TestWhatAClockBehindStampedIsRead(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	p := b.poller()
	b.pollOnce(p)
	b.clock.Move(time.Minute)
	b.pollOnce(p)
	now := b.clock.Now()
	b.source.versions = append(b.source.versions, version{ID: 1, Stamp: now.Add(-2 * time.Minute).Truncate(time.Second), Visible: now, Status: "A"})
	b.source.dateOff = -2 * time.Minute
	b.clock.Move(10 * time.Second)
	if _, err := p.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !b.status().SkewExceeded {
		t.Fatal("the wrong clock was not seen")
	}
	b.source.dateOff = 0
	p = b.poller() // and it is not forgotten with the process
	b.clock.Move(10 * time.Second)
	b.pollOnce(p)
	b.clock.Move(2 * time.Minute)
	b.pollOnce(p)
	st := b.status()
	if until := st.Intervals[len(st.Intervals)-1].Until; until <= ledger.At(now) {
		t.Fatalf("coverage ends at %s, before the record came about", until)
	}
	if n := len(b.log.EventIDs()); n != 1 {
		t.Errorf("%d events were appended of a record that coverage is claimed over", n)
	}
}
