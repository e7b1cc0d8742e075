package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// quarantine implements QuarantineService.
type quarantine struct {
	orderledgerv1.UnimplementedQuarantineServiceServer
	s *Server
}

// heldEntry is one entry, from the fold or from the topic.
type heldEntry struct {
	HeldDelivery
	state orderledgerv1.QuarantineState
	// folded: the fold set the word aside; the policy releases it.
	folded bool
}

// held is every entry there is.
type held struct {
	entries []*heldEntry
	removed int64
	fresh   []*orderledgerv1.Freshness
	now     ledger.Instant
}

// read lists every entry.
func (a *quarantine) read(ctx context.Context) (*held, error) {
	var out []*heldEntry
	now := ledger.At(a.s.opt.Now())
	fresh, err := a.s.eachLog(ctx, func(r *ledger.Reader, f engine.Freshness) error {
		known := words(r.Policy())
		return r.Quarantine(func(q *ledger.Quarantined) bool {
			e := &heldEntry{
				HeldDelivery: HeldDelivery{Entry: *q, Position: kafkalog.Position{Topic: f.Topic, Partition: f.Partition, Offset: q.Offset}}, folded: true,
				state: orderledgerv1.QuarantineState_QUARANTINE_STATE_HELD,
			}
			if q.Axis.Valid() && known[wordKey{q.Source, q.Axis, q.Native}] {
				e.state = orderledgerv1.QuarantineState_QUARANTINE_STATE_RELEASED
			}
			out = append(out, e)
			return ctx.Err() == nil
		})
	})
	if err != nil || a.s.opt.Quarantine == nil {
		return &held{entries: out, fresh: fresh, now: now}, err
	}
	list, err := a.s.opt.Quarantine.Entries(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	for i := range list.Entries {
		e := &heldEntry{HeldDelivery: list.Entries[i], state: orderledgerv1.QuarantineState_QUARANTINE_STATE_HELD}
		switch {
		case e.ReleasedAt != 0:
			e.state = orderledgerv1.QuarantineState_QUARANTINE_STATE_RELEASED
		case e.Gone(now):
			e.state = orderledgerv1.QuarantineState_QUARANTINE_STATE_EXPIRED
		}
		if e.Gone(now) {
			e.Entry.Body = ledger.Body{}
		}
		out = append(out, e)
	}
	for _, f := range list.Freshness {
		fresh = append(fresh, a.s.freshness(f))
	}
	return &held{entries: out, removed: list.Removed, fresh: fresh, now: now}, nil
}

type wordKey struct {
	source ledger.Source
	axis   ledger.Axis
	native string
}

// words are the native words that a policy maps.
func words(p *ledger.Policy) map[wordKey]bool {
	out := map[wordKey]bool{}
	if p == nil {
		return out
	}
	for i := range p.Sources {
		for k := range p.Rows {
			if p.Rows[k].System == p.Sources[i].System {
				out[wordKey{p.Sources[i].Name, p.Rows[k].Axis, p.Rows[k].Native}] = true
			}
		}
	}
	return out
}

func (a *quarantine) find(ctx context.Context, id string) (*heldEntry, []*orderledgerv1.Freshness, error) {
	if id == "" {
		return nil, nil, invalid("id", "is missing")
	}
	all, err := a.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all.entries {
		if e.Entry.ID == id {
			return e, all.fresh, nil
		}
	}
	return nil, nil, fail(QuarantineEntryNotFound, "no quarantine entry has the id "+id, "id", id)
}

// GetQuarantineEntry implements QuarantineServiceServer.
func (a *quarantine) GetQuarantineEntry(ctx context.Context, req *orderledgerv1.GetQuarantineEntryRequest) (*orderledgerv1.GetQuarantineEntryResponse, error) {
	full := req.GetView() == orderledgerv1.QuarantineView_QUARANTINE_VIEW_FULL
	if full && !caller(ctx).Has(ScopePersonal) {
		return nil, fail(PermissionDenied, "the original bytes may hold personal data: the credential lacks the scope personal", "scope", string(ScopePersonal))
	}
	e, fresh, err := a.find(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	out := e.message()
	if full {
		out.Body, _ = original(&e.Entry.Body)
	}
	return &orderledgerv1.GetQuarantineEntryResponse{Entry: out, Freshness: fresh}, nil
}

// maxBody bounds what a compressed body may grow to.
const maxBody = 3 << 20

// original returns a body's bytes, decompressed.
func original(b *ledger.Body) ([]byte, error) {
	if b.Codec != "zstd" {
		return b.Bytes, nil
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBody))
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	defer d.Close()
	out, err := d.DecodeAll(b.Bytes, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	return out, nil
}

func quarantineFields() fields {
	f := timelineFields()
	return fields{
		"state": {words: []string{"HELD", "RELEASED", "EXPIRED"}}, "reason": {}, "source": {}, "feed": {}, "order_key": {}, "axis": f["axis"],
		"native_word": {}, "received_at": {kind: timeField},
	}
}

func (e *heldEntry) item(name string) any {
	switch name {
	case "state":
		return strings.TrimPrefix(e.state.String(), "QUARANTINE_STATE_")
	case "reason":
		return e.Entry.Reason
	case "source":
		return string(e.Entry.Source)
	case "feed":
		return e.Entry.Feed
	case "order_key":
		return string(e.Entry.Order)
	case "axis":
		return upper(e.Entry.Axis.String())
	case "native_word":
		return e.Entry.Native
	default:
		return wall(e.Entry.ReceivedAt)
	}
}

// ListQuarantineEntries implements QuarantineServiceServer.
func (a *quarantine) ListQuarantineEntries(ctx context.Context, req *orderledgerv1.ListQuarantineEntriesRequest) (*orderledgerv1.ListQuarantineEntriesResponse, error) {
	size, err := pageSize(req.GetPageSize(), quarantineStandard, quarantineMost)
	if err != nil {
		return nil, err
	}
	f, err := quarantineFields().parse(req.GetFilter())
	if err != nil {
		return nil, err
	}
	by, err := sortOf(req.GetOrderBy(), "received_at desc", "received_at")
	if err != nil {
		return nil, err
	}
	bound := requestHash("quarantine", req.GetFilter(), req.GetOrderBy())
	after, err := a.s.pages.open(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	all, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	page := top[*heldEntry]{s: by, after: after, size: size}
	for _, e := range all.entries {
		if !f.Mentions("state") && e.state != orderledgerv1.QuarantineState_QUARANTINE_STATE_HELD {
			continue
		}
		if f.match(e.item) {
			page.offer(ranked[*heldEntry]{key: []string{sortable(int64(e.Entry.ReceivedAt))}, id: e.Entry.ID, item: e})
		}
	}
	items, token := page.page(a.s.pages, bound)
	out := &orderledgerv1.ListQuarantineEntriesResponse{NextPageToken: token, Freshness: all.fresh, Counts: countMessages(all.entries, all.now), RemovedRecords: all.removed}
	for _, e := range items {
		out.Entries = append(out.Entries, e.message())
	}
	return out, nil
}

func (e *heldEntry) message() *orderledgerv1.QuarantineEntry {
	q := &e.Entry
	out := &orderledgerv1.QuarantineEntry{
		Name: "quarantine/" + q.ID, Id: q.ID, Source: string(q.Source), Feed: q.Feed, State: e.state, Reason: q.Reason,
		Problem: q.Detail, Hint: e.hint(), OrderKey: string(q.Order), Axis: axisOf(q.Axis), NativeWord: q.Native, ReceivedAt: stamp(q.ReceivedAt),
		RecordedAt: stamp(e.RecordedAt), ExpireTime: stamp(q.ExpiresAt), ContentType: e.ContentType,
		Delivery:   &orderledgerv1.Delivery{Topic: q.Delivery.Topic, DeliveryId: q.Delivery.ID, Attempt: q.Delivery.Attempt},
		ReleasedBy: e.ReleasedBy, ReleaseTime: stamp(e.ReleasedAt),
	}
	if e.Position.Offset >= 0 {
		out.Position = placed(e.Position)
	}
	if e.ReleasedAt != 0 {
		out.ReleasedPosition = placed(e.ReleasedTo)
	}
	if raw, err := original(&q.Body); err == nil && len(raw) > 0 {
		sum := sha256.Sum256(raw)
		out.BodySize, out.BodyDigest = int64(len(raw)), hex.EncodeToString(sum[:])
	}
	return out
}

// hint says what would make the entry readable.
func (e *heldEntry) hint() string {
	switch {
	case e.state != orderledgerv1.QuarantineState_QUARANTINE_STATE_HELD:
		return ""
	case e.folded && e.Entry.Axis.Valid():
		return fmt.Sprintf("Map the %s status %q of %s in the policy's matrix; it is then read by itself.", e.Entry.Axis, e.Entry.Native, e.Entry.Source)
	case e.folded:
		return "Correct what produced the record and send it again."
	default:
		return "Mend the source's catalog entry, then release the entry."
	}
}

// ReleaseQuarantineEntry implements QuarantineServiceServer.
func (a *quarantine) ReleaseQuarantineEntry(ctx context.Context, req *orderledgerv1.ReleaseQuarantineEntryRequest) (*orderledgerv1.ReleaseQuarantineEntryResponse, error) {
	if err := checkAction(req.GetActor(), req.GetComment(), req.GetRequestId()); err != nil {
		return nil, err
	}
	e, fresh, err := a.find(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	res, err := a.release(ctx, e, req)
	if err != nil {
		return nil, err
	}
	if res.GetOutcome() == orderledgerv1.Outcome_OUTCOME_ACCEPTED {
		if e, fresh, err = a.find(ctx, req.GetId()); err != nil {
			return nil, err
		}
	}
	return &orderledgerv1.ReleaseQuarantineEntryResponse{Result: res, Entry: e.message(), Freshness: fresh}, nil
}

func (a *quarantine) release(ctx context.Context, e *heldEntry, req *orderledgerv1.ReleaseQuarantineEntryRequest) (*orderledgerv1.ActionResult, error) {
	refuse := func(r orderledgerv1.RefusalReason, detail string) (*orderledgerv1.ActionResult, error) {
		return &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_REFUSED, RefusalReason: r, Detail: detail}, nil
	}
	switch {
	case e.state == orderledgerv1.QuarantineState_QUARANTINE_STATE_RELEASED:
		return refuse(orderledgerv1.RefusalReason_REFUSAL_REASON_ALREADY_RELEASED, "It has been read already.")
	case e.state == orderledgerv1.QuarantineState_QUARANTINE_STATE_EXPIRED:
		return refuse(orderledgerv1.RefusalReason_REFUSAL_REASON_EXPIRED, "Its original bytes are gone: send the document again from its source.")
	case e.folded:
		return refuse(orderledgerv1.RefusalReason_REFUSAL_REASON_STILL_UNREADABLE, e.hint())
	}
	id := req.GetRequestId()
	if id == "" {
		id = uuid.NewString()
	}
	pos, err := a.s.opt.Quarantine.Release(ctx, ReleaseRequest{ID: e.Entry.ID, Actor: actor(ctx, req.GetActor()), Comment: req.GetComment(), RequestID: id})
	var cannot *CannotRelease
	switch {
	case errors.As(err, &cannot):
		reasons := map[ReleaseRefusal]orderledgerv1.RefusalReason{
			ReleaseAlready: orderledgerv1.RefusalReason_REFUSAL_REASON_ALREADY_RELEASED,
			ReleaseExpired: orderledgerv1.RefusalReason_REFUSAL_REASON_EXPIRED, ReleaseUnreadable: orderledgerv1.RefusalReason_REFUSAL_REASON_STILL_UNREADABLE,
		}
		return refuse(reasons[cannot.Refusal], cannot.Remedy)
	case errors.Is(err, kafkalog.ErrUndecided), errors.Is(err, context.DeadlineExceeded):
		return nil, &Error{
			Reason: OutcomeUnknown, Message: "it is not known in time whether the entry was released: repeat with the same request_id",
			Metadata: map[string]string{"request_id": id}, err: err,
		}
	case err != nil:
		return nil, fmt.Errorf("release %s: %w", e.Entry.ID, err)
	}
	return &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_ACCEPTED, Detail: "Read again and recorded.", Position: placed(pos)}, nil
}
