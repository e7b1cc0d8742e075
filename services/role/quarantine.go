package role

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logsink"
)

var _ api.QuarantineStore = (*Quarantine)(nil)

// Quarantine reads orders.quarantine.v1: deliveries that could not be parsed or
// identified. A release maps an entry again with the catalog in force, appends
// its event, and marks the entry in the same topic. Originals that have passed
// their retention are forgotten, also while the broker still holds them (S-39).
type Quarantine struct {
	s     *Stack
	cat   *catalog.Catalog
	sink  *logsink.Sink
	clock connector.Clock

	mu      sync.Mutex
	next    map[int32]int64
	removed int64 // records that the broker no longer holds
	entries map[string]*api.HeldDelivery
}

// QuarantineOptions are what a Quarantine needs beside the stack.
type QuarantineOptions struct {
	Catalog *catalog.Catalog
	Clock   connector.Clock
}

// NewQuarantine returns a reader of the stack's quarantine topic.
func NewQuarantine(s *Stack, opt QuarantineOptions) *Quarantine {
	return &Quarantine{
		s: s, cat: opt.Catalog, sink: logsink.New(s.Log, s.Codec), clock: opt.Clock, next: map[int32]int64{},
		entries: map[string]*api.HeldDelivery{},
	}
}

// Entries implements api.QuarantineStore.
func (q *Quarantine) Entries(ctx context.Context) (api.QuarantineListing, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	fresh, err := q.catchUp(ctx)
	if err != nil {
		return api.QuarantineListing{}, err
	}
	out := make([]api.HeldDelivery, 0, len(q.entries))
	for _, e := range q.entries {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b api.HeldDelivery) int { return strings.Compare(a.Entry.ID, b.Entry.ID) })
	return api.QuarantineListing{Entries: out, Removed: q.removed, Freshness: fresh}, nil
}

// catchUp reads what the topic got since the last call, and forgets what its
// retention took: what is known is a function of the log and the clock alone.
func (q *Quarantine) catchUp(ctx context.Context) ([]engine.Freshness, error) {
	starts, err := q.s.Log.StartOffsets(ctx, kafkalog.TopicQuarantine)
	if err != nil {
		return nil, err
	}
	ends, err := q.s.Log.EndOffsets(ctx, kafkalog.TopicQuarantine)
	if err != nil {
		return nil, err
	}
	var fresh []engine.Freshness
	q.removed = 0
	for p := range q.s.Config.Partitions {
		from := max(q.next[p], starts[p])
		records, err := kafkalog.ReadRange(ctx, q.s.Log, kafkalog.Position{Topic: kafkalog.TopicQuarantine, Partition: p, Offset: from}, ends[p])
		if err != nil {
			return nil, err
		}
		for i := range records {
			q.take(&records[i])
			q.next[p] = records[i].Offset + 1
		}
		q.removed += starts[p]
		fresh = append(fresh, engine.Freshness{Topic: kafkalog.TopicQuarantine, Partition: p, AppliedOffset: ends[p], LogEnd: ends[p], FoldVersion: ledger.FoldVersion})
	}
	q.forget(starts, ledger.At(q.clock.Now()))
	return fresh, nil
}

// forget drops the entries that the broker has removed, and the originals of
// those that have passed their retention.
func (q *Quarantine) forget(starts map[int32]int64, now ledger.Instant) {
	for id, e := range q.entries {
		switch {
		case e.Position.Offset < starts[e.Position.Partition]:
			delete(q.entries, id)
		case e.Gone(now):
			e.Entry.Body = ledger.Body{}
		}
	}
}

func (q *Quarantine) take(r *kafkalog.Record) {
	dec := q.s.Codec.NewDecoder()
	if e, err := dec.DecodeQuarantined(r.Value); err == nil {
		held := &api.HeldDelivery{Entry: *e, RecordedAt: ledger.Instant(r.Timestamp), Position: r.Position(), ContentType: "application/json"}
		if old := q.entries[e.ID]; old != nil { // the same bytes again: the newest copy is kept the longest
			held.ReleasedAt, held.ReleasedBy, held.ReleasedTo = old.ReleasedAt, old.ReleasedBy, old.ReleasedTo
		}
		q.entries[e.ID] = held
		return
	}
	var rec ledger.Record
	rec.Key = r.Key
	dec.Decode(r.Value, &rec)
	if a := rec.Action; a != nil && a.Kind == ledger.ActionRelease {
		if e := q.entries[a.Quarantine]; e != nil && e.ReleasedAt == 0 {
			e.ReleasedAt, e.ReleasedBy, e.ReleasedTo = ledger.Instant(r.Timestamp), a.Actor, r.Position()
		}
	}
}

// Release implements api.QuarantineStore.
func (q *Quarantine) Release(ctx context.Context, req api.ReleaseRequest) (kafkalog.Position, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := q.catchUp(ctx); err != nil {
		return kafkalog.Position{}, err
	}
	e := q.entries[req.ID]
	switch {
	case e == nil:
		return kafkalog.Position{}, &api.CannotRelease{Refusal: api.ReleaseUnreadable, Remedy: "the quarantine topic holds no entry of this id"}
	case e.ReleasedAt != 0:
		return kafkalog.Position{}, &api.CannotRelease{Refusal: api.ReleaseAlready, Remedy: "it was released by " + e.ReleasedBy}
	case e.Gone(ledger.At(q.clock.Now())):
		return kafkalog.Position{}, &api.CannotRelease{
			Refusal: api.ReleaseExpired,
			Remedy:  "its original went on " + e.Entry.ExpiresAt.String() + ": send the document again from its source",
		}
	}
	out, err := q.remap(ctx, e)
	if err != nil {
		return kafkalog.Position{}, err
	}
	if err := q.sink.Append(ctx, out); err != nil {
		return kafkalog.Position{}, err
	}
	mark := &ledger.OperatorAction{
		RequestID: req.RequestID, Kind: ledger.ActionRelease, Actor: req.Actor, Comment: req.Comment, Quarantine: req.ID,
		ProposedAt: ledger.At(q.clock.Now()),
	}
	value, err := q.s.Codec.Encode(nil, mark)
	if err != nil {
		return kafkalog.Position{}, err
	}
	pos, err := q.s.Log.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicQuarantine, Partition: e.Position.Partition, Key: []byte(req.ID), Value: value})
	if err == nil {
		_, err = q.catchUp(ctx)
	}
	return pos, err
}

// remap reads an entry's original again with the catalog in force.
func (q *Quarantine) remap(ctx context.Context, e *api.HeldDelivery) (connector.Outgoing, error) {
	raw, err := original(e.Entry.Body)
	if err != nil {
		return connector.Outgoing{}, &api.CannotRelease{Refusal: api.ReleaseUnreadable, Remedy: "its original bytes cannot be read: " + err.Error()}
	}
	at := slices.IndexFunc(q.s.Config.Sources, func(s connector.Source) bool { return s.Name == string(e.Entry.Source) })
	if at < 0 {
		return connector.Outgoing{}, &api.CannotRelease{Refusal: api.ReleaseUnreadable, Remedy: fmt.Sprintf("source %s is not configured any more: configure it again", e.Entry.Source)}
	}
	src := &q.s.Config.Sources[at]
	sys, err := q.cat.System(src.System)
	if err != nil {
		return connector.Outgoing{}, err
	}
	feed := sys.Feed(e.Entry.Feed)
	if feed == nil {
		return connector.Outgoing{}, &api.CannotRelease{Refusal: api.ReleaseUnreadable, Remedy: "the catalog has no feed " + e.Entry.Feed + " any more"}
	}
	if raw, err = q.readable(ctx, src, feed, raw); err != nil {
		return connector.Outgoing{}, &api.CannotRelease{Refusal: api.ReleaseUnreadable, Remedy: err.Error()}
	}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: src, HashKey: q.hashKey()})
	if err != nil {
		return connector.Outgoing{}, err
	}
	res := m.Map(catalog.Input{Feed: feed, Raw: raw, ReceivedAt: e.Entry.ReceivedAt, Delivery: e.Entry.Delivery})
	if res.Quarantined != nil {
		return connector.Outgoing{}, &api.CannotRelease{
			Refusal: api.ReleaseUnreadable,
			Remedy:  "the catalog still does not understand it (" + res.Quarantined.Reason + ": " + res.Quarantined.Detail + "): mend the system's catalog entry first",
		}
	}
	return res.Outgoing(), nil
}

// readable is the JSON of an original that stood on a topic in Avro, and any
// other as it is.
func (q *Quarantine) readable(ctx context.Context, src *connector.Source, feed *catalog.Feed, raw []byte) ([]byte, error) {
	if feed.Kafka == nil || src.Kafka == nil || feed.Kafka.Envelope || len(raw) == 0 || raw[0] != 0 {
		return raw, nil
	}
	decoder, err := foreignDecoder(q.s.Config.RegistryOf(src.Kafka.Cluster))
	if err != nil || decoder == nil {
		return raw, err
	}
	return decoder.Decode(ctx, raw)
}

func (q *Quarantine) hashKey() []byte {
	if q.s.Config.HashKeyFile == "" {
		return nil
	}
	key, err := os.ReadFile(q.s.Config.HashKeyFile)
	if err != nil {
		return nil // the edge refused to start without it
	}
	return bytes.TrimSpace(key)
}

// original unpacks the bytes of a body.
func original(b ledger.Body) ([]byte, error) {
	switch b.Codec {
	case "zstd":
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		defer d.Close()
		out, err := d.DecodeAll(b.Bytes, nil)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		return out, nil
	case "none", "":
		return b.Bytes, nil
	default:
		return nil, fmt.Errorf("unknown codec %q", b.Codec)
	}
}
