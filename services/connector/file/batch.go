package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// batch is so many rows of one file, and how far the file is read behind them.
type batch struct {
	text []byte
	rows []cut
	// after is the file's state once the batch is in the log.
	after state
	// done is answered once.
	done chan outcome
}

// cut is one record inside a batch's text.
type cut struct {
	from, to int
	line     int64
	broken   string
}

func (b *batch) add(r record) {
	from := len(b.text)
	b.text = append(b.text, r.raw...)
	b.rows = append(b.rows, cut{from, len(b.text), r.line, r.broken})
}

// outcome is what became of a batch.
type outcome struct {
	counts
	err error
}

// counts say what became of rows.
type counts struct {
	rows, events, foreign, bad int64
	firstBad                   string
	badAt                      ledger.Instant
}

func (c *counts) add(d counts) {
	c.rows += d.rows
	c.events += d.events
	c.foreign += d.foreign
	c.bad += d.bad
	if c.firstBad == "" {
		c.firstBad = d.firstBad
	}
	c.badAt = max(c.badAt, d.badAt)
}

// appendBatch maps a batch and appends what it gives, until it is in the log.
func (im *Importer) appendBatch(ctx context.Context, b *batch, s *shaper) outcome {
	m := <-im.mappers
	out, n := im.shape(b, s, m)
	im.mappers <- m
	if !out.Empty() {
		if err := im.append(ctx, out); err != nil {
			return outcome{err: err}
		}
	}
	im.observe(n)
	return outcome{counts: n}
}

func (im *Importer) shape(b *batch, s *shaper, m *catalog.Mapper) (connector.Outgoing, counts) {
	var out connector.Outgoing
	var n counts
	var x scratch
	now := ledger.At(im.opts.Clock.Now())
	name := filepath.Base(b.after.Path)
	for i := range b.rows {
		c := &b.rows[i]
		raw := b.text[c.from:c.to]
		in := catalog.Input{Feed: im.feed, Raw: raw, ReceivedAt: now, Place: name + ":" + strconv.FormatInt(c.line, 10)}
		in.Delivery.ID = in.Place
		for _, res := range im.row(in, c, s, m, &x) {
			switch {
			case res.Foreign:
				n.foreign++
				continue
			case res.Quarantined != nil:
				n.bad++
				n.badAt = now
				if n.firstBad == "" {
					n.firstBad = res.Quarantined.ID
				}
			default:
				n.events++
			}
			out.Join(res.Outgoing())
		}
		n.rows++
	}
	return out, n
}

// row maps one record. A row of empty columns says nothing.
func (im *Importer) row(in catalog.Input, c *cut, s *shaper, m *catalog.Mapper, x *scratch) []catalog.Result {
	if c.broken != "" {
		return []catalog.Result{m.SetAside(in, in.Raw, catalog.ReasonBrokenRow, c.broken)}
	}
	row, no := s.row(in.Raw, x)
	switch {
	case no != nil && no.row != nil:
		return []catalog.Result{m.SetAsideRow(in, no.row, no.reason, no.err.Error())}
	case no != nil:
		return []catalog.Result{m.SetAside(in, in.Raw, no.reason, no.err.Error())}
	case row == nil:
		return nil
	default:
		return m.Rows(in, row)
	}
}

// The pace of trying again while the log takes nothing.
const (
	firstBackOff = 100 * time.Millisecond
	maxBackOff   = 10 * time.Second
)

// append appends until the records are in the log. A copy that was undecided
// and stands there after all takes no effect (S-5).
func (im *Importer) append(ctx context.Context, out connector.Outgoing) error {
	for wait := firstBackOff; ; wait = min(2*wait, maxBackOff) {
		err := im.opts.Sink.Append(ctx, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, connector.ErrUnavailable) && !errors.Is(err, connector.ErrUndecided) {
			return fmt.Errorf("append rows of %s/%s: %w", im.opts.Source.Name, im.feed.Name, err)
		}
		im.opts.Logger.Warn("rows wait for the log", "source", im.opts.Source.Name, "feed", im.feed.Name, "retry_in", wait, "error", err)
		if err := im.opts.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

func (im *Importer) observe(n counts) {
	for _, c := range []struct {
		outcome connector.Outcome
		n       int64
	}{{connector.OutcomeAccepted, n.events}, {connector.OutcomeForeign, n.foreign}, {connector.OutcomeQuarantined, n.bad}} {
		if c.n > 0 {
			im.opts.Observer.Observe(connector.Observation{Source: ledger.Source(im.opts.Source.Name), Feed: im.feed.Name, Outcome: c.outcome, Count: int(c.n)})
		}
	}
}
