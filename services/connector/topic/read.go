package topic

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Reasons of quarantine that topics alone give.
const (
	ReasonUndecodable = "undecodable" // the bytes are not what their schema says, or nobody knows the schema
	ReasonTombstone   = "tombstone"   // a record without a value
)

// batch is what one poll of the reader appends.
type batch struct {
	out connector.Outgoing
	// counts by outcome.
	accepted, foreign, quarantined int
	holes                          []holed
}

type holed struct {
	entry   *ledger.Quarantined
	written ledger.Instant
}

// read takes what the topic has, appends it and only then moves on. It waits no
// longer than until the end is to be asked for again.
func (c *Consumer) read(ctx context.Context) error {
	wait := min(c.opts.SaveEvery, max(c.feed.Kafka.AskEvery.Duration()-c.opts.Clock.Now().Sub(c.asked), time.Millisecond))
	poll, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	batches, err := c.reader.Poll(poll)
	if taken := c.take(ctx, batches); taken != nil {
		return taken
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ctx.Err()
	}
	return err
}

func (c *Consumer) take(ctx context.Context, batches []kafkalog.Batch) error {
	if len(batches) == 0 {
		return nil
	}
	var b batch
	for i := range batches {
		for j := range batches[i].Records {
			if err := c.record(ctx, &b, &batches[i].Records[j]); err != nil {
				return err
			}
		}
	}
	if err := c.append(ctx, b.out); err != nil {
		return err
	}
	for _, h := range b.holes {
		c.state.hole(h.entry, h.written, c.terms)
	}
	now := ledger.At(c.opts.Clock.Now())
	for i := range batches {
		p := &c.state.cursor.Places[batches[i].Partition]
		p.Next = batches[i].Next()
		if n := len(batches[i].Records); n > 0 {
			first, last := &batches[i].Records[0], &batches[i].Records[n-1]
			p.Epoch = last.LeaderEpoch
			if p.Gap != gapNone && p.Oldest == 0 {
				p.Oldest = ledger.Instant(first.Timestamp)
			}
			for j := range batches[i].Records {
				c.state.cursor.Newest = max(c.state.cursor.Newest, min(ledger.Instant(batches[i].Records[j].Timestamp), now))
			}
			c.state.status.LastHeard = max(c.state.status.LastHeard, now)
		}
	}
	c.dirty = true
	c.observe(connector.OutcomeAccepted, b.accepted, nil)
	c.observe(connector.OutcomeForeign, b.foreign, nil)
	c.observe(connector.OutcomeQuarantined, b.quarantined, nil)
	return nil
}

// record maps one record of the topic.
func (c *Consumer) record(ctx context.Context, b *batch, r *kafkalog.Record) error {
	in := catalog.Input{
		Feed: c.feed, ReceivedAt: ledger.At(c.opts.Clock.Now()), PrevAsked: c.state.prevAsked(c.terms),
		Place: catalog.PlaceOf(r.Topic, r.Partition, r.Offset),
	}
	in.Delivery = c.describe(r)
	var res catalog.Result
	raw, err := c.document(ctx, r)
	switch {
	case len(r.Value) == 0 && c.feed.Kafka.Tombstones.Text == catalog.TombstonesIgnore:
		b.foreign++
		return nil
	case len(r.Value) == 0:
		res = c.mapper.SetAside(in, r.Key, ReasonTombstone, "a record without a value; say tombstones: ignore if that means nothing")
	case errors.Is(err, ErrUndecodable):
		res = c.mapper.SetAside(in, r.Value, ReasonUndecodable, err.Error())
	case err != nil:
		return err
	default:
		in.Raw = raw
		if res = c.mapper.Map(in); res.Quarantined != nil {
			res.Quarantined.Detail = in.Place + ": " + res.Quarantined.Detail
		}
	}
	switch {
	case res.Foreign:
		b.foreign++
	case res.Quarantined != nil:
		b.quarantined++
		b.holes = append(b.holes, holed{res.Quarantined, ledger.Instant(r.Timestamp)})
	default:
		b.accepted++
	}
	b.out.Join(res.Outgoing())
	return nil
}

// describe gives the record's type and the one thing that tells it from all
// others: where it stands, and since when, since a topic may be made anew.
func (c *Consumer) describe(r *kafkalog.Record) ledger.Delivery {
	d := ledger.Delivery{Topic: r.Topic, ID: fmt.Sprintf("%s/%d/%d/%d", r.Topic, r.Partition, r.Offset, r.Timestamp/1000)}
	if name := c.feed.Kafka.TypeHeader; name != "" {
		if v, ok := r.Header(name); ok {
			d.Topic = strings.ToValidUTF8(string(v[:min(len(v), 200)]), "")
		}
	}
	return d
}

// document is the JSON of a record. A registry that is away is waited for.
func (c *Consumer) document(ctx context.Context, r *kafkalog.Record) ([]byte, error) {
	raw := r.Value
	if len(raw) == 0 {
		return nil, nil
	}
	format := c.feed.Kafka.Format.Text
	if format == catalog.FormatAvro || format == "" && raw[0] == 0 {
		var err error
		if raw, err = c.decode(ctx, raw); err != nil {
			return nil, err
		}
	}
	if !c.feed.Kafka.Envelope {
		return raw, nil
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("%w: it is not valid JSON", ErrUndecodable)
	}
	headers := map[string]string{}
	for _, h := range r.Headers {
		if _, twice := headers[h.Key]; !twice {
			headers[h.Key] = plain(h.Value)
		}
	}
	out, err := json.Marshal(map[string]any{
		"key": plain(r.Key), "headers": headers, "written_at": ledger.Instant(r.Timestamp).Time().UTC().Format(time.RFC3339Nano),
		"value": json.RawMessage(raw),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return out, nil
}

// plain is a text as it stands, and anything else in base64.
func plain(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// decode reads Avro, trying again until the registry answers.
func (c *Consumer) decode(ctx context.Context, value []byte) ([]byte, error) {
	if c.opts.Decoder == nil {
		return nil, fmt.Errorf("%w: it begins like Avro, and no schema registry is configured for its cluster", ErrUndecodable)
	}
	for faults := 1; ; faults++ {
		raw, err := c.opts.Decoder.Decode(ctx, value)
		if err == nil || errors.Is(err, ErrUndecodable) || ctx.Err() != nil {
			return raw, err
		}
		wait := c.backOff(faults)
		c.observe(connector.OutcomeUnavailable, 1, err)
		c.opts.Logger.Warn("records wait for the schema registry", "source", c.opts.Source.Name, "feed", c.opts.Feed, "retry_in", wait, "error", err)
		if err := c.opts.Clock.Wait(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// append appends until the records are in the log. A copy that was undecided
// and stands there after all takes no effect (S-5).
func (c *Consumer) append(ctx context.Context, out connector.Outgoing) error {
	if out.Empty() {
		return nil
	}
	for faults := 1; ; faults++ {
		err := c.opts.Sink.Append(ctx, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, connector.ErrUnavailable) && !errors.Is(err, connector.ErrUndecided) {
			return c.appendApart(ctx, out, err)
		}
		wait := c.backOff(faults)
		c.opts.Logger.Warn("records wait for the log", "source", c.opts.Source.Name, "feed", c.opts.Feed, "retry_in", wait, "error", err)
		if err := c.opts.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

// ReasonRefused is the reason of quarantine of events that the log cannot hold.
const ReasonRefused = "refused-by-log"

// appendApart appends one record at a time, so that the one that the log cannot
// hold is set aside and its neighbours go on.
func (c *Consumer) appendApart(ctx context.Context, out connector.Outgoing, cause error) error {
	if n := len(out.Events) + len(out.Unkeyed) + len(out.Quarantined); n == 1 {
		q := c.refused(out, cause)
		if q == nil {
			return fmt.Errorf("append a quarantine entry of %s: %w", c.topic, cause)
		}
		c.state.hole(q, q.ReceivedAt, c.terms)
		return c.append(ctx, connector.Outgoing{Quarantined: []*ledger.Quarantined{q}})
	}
	for _, e := range out.Events {
		if err := c.append(ctx, connector.Outgoing{Events: []*ledger.Event{e}}); err != nil {
			return err
		}
	}
	for _, u := range out.Unkeyed {
		if err := c.append(ctx, connector.Outgoing{Unkeyed: []*ledger.Unkeyed{u}}); err != nil {
			return err
		}
	}
	for _, q := range out.Quarantined {
		if err := c.append(ctx, connector.Outgoing{Quarantined: []*ledger.Quarantined{q}}); err != nil {
			return err
		}
	}
	return nil
}

// refused is the quarantine entry of the only event, nil if there is none.
func (c *Consumer) refused(out connector.Outgoing, cause error) *ledger.Quarantined {
	var e *ledger.Event
	switch {
	case len(out.Events) == 1:
		e = out.Events[0]
	case len(out.Unkeyed) == 1:
		e = &out.Unkeyed[0].Event
	default:
		return nil
	}
	detail := e.Delivery.ID + ": " + cause.Error()
	return &ledger.Quarantined{
		ID: "q-" + e.ID.String(), Source: e.Source, Feed: e.Feed, Reason: ReasonRefused, Detail: detail[:min(len(detail), 300)], Offset: -1,
		Order: e.Order, Of: e.ID, ReceivedAt: e.ReceivedAt, ExpiresAt: e.ReceivedAt.Add(catalog.QuarantineRetention), Delivery: e.Delivery, Body: e.Body,
	}
}
