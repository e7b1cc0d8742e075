package poll

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// batch is what one page appends, and what to remember of it afterwards.
type batch struct {
	out  connector.Outgoing
	note []func()
	// counts by outcome, in the order accepted, repeated, foreign, quarantined.
	accepted, repeated, foreign, quarantined int
}

// emit appends what a page shows and notes its quarantined documents as holes
// of the feed. Nothing is remembered unless the append is certain.
func (p *Poller) emit(ctx context.Context, next *progress, pg *page, ans *Answer) error {
	var b batch
	for _, item := range pg.items {
		p.document(&b, next, item, ans)
	}
	if !b.out.Empty() {
		if err := p.opts.Sink.Append(ctx, b.out); err != nil {
			return fmt.Errorf("append page of %s/%s: %w", p.opts.Source.Name, p.opts.Feed, err)
		}
	}
	for _, f := range b.note {
		f()
	}
	for _, c := range []struct {
		outcome connector.Outcome
		n       int
	}{{connector.OutcomeAccepted, b.accepted}, {connector.OutcomeRepeated, b.repeated}, {connector.OutcomeForeign, b.foreign}, {connector.OutcomeQuarantined, b.quarantined}} {
		p.count(c.outcome, c.n, time.Duration(0), nil)
	}
	return nil
}

func (p *Poller) document(b *batch, next *progress, item json.RawMessage, ans *Answer) {
	res := p.mapper.Map(catalog.Input{Feed: p.feed, Raw: item, ReceivedAt: ans.Received, AskedAt: ans.Asked, PrevAsked: next.prevAsked()})
	switch {
	case res.Foreign:
		b.foreign++
	case res.Quarantined != nil:
		q := res.Quarantined
		if !elsewhere(q.Reason) {
			next.hole(q)
		}
		if !p.recent.needed(q.ID, false) {
			b.repeated++
			return
		}
		b.quarantined++
		b.out.Quarantined = append(b.out.Quarantined, q)
		b.note = append(b.note, func() { p.recent.note(q.ID, false) })
	default:
		e := res.Event
		if e == nil {
			e = &res.Unkeyed.Event
		}
		if !p.fresh(b, e) {
			b.repeated++
			return
		}
		b.accepted++
		b.out.Join(res.Outgoing())
	}
}

// elsewhere reports whether a document was set aside because it is certainly
// another account's, or of the other mode: no order of this source waits for it.
func elsewhere(reason string) bool {
	return reason == "test-mode" || reason == "live-mode" || reason == "other-account"
}

// fresh reports whether a read has to be appended and arranges for it to be
// remembered once it is.
func (p *Poller) fresh(b *batch, e *ledger.Event) bool {
	if e.Version.Scheme == ledger.SchemeNone && e.NativeID == "" {
		content := contentOf(e)
		b.note = append(b.note, func() { p.recent.noteState(e.Object, content) })
		return p.recent.changed(e.Object, content)
	}
	id, sure := e.ID.String(), definite(e, p.bounds)
	if !p.recent.needed(id, sure) {
		return false
	}
	b.note = append(b.note, func() { p.recent.note(id, sure) })
	return true
}
