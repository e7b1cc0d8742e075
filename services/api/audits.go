package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/audit"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Audits is the continuous audit of a process.
type Audits interface {
	// Findings lists what was found, newest first.
	Findings() []audit.Finding
	// Audited says how far each partition has been audited.
	Audited() []audit.Audited
}

// audits implements AuditService.
type audits struct {
	orderledgerv1.UnimplementedAuditServiceServer
	s *Server
	// turn is held by the one call that reads a whole state.
	turn chan struct{}
}

func newAudits(s *Server) *audits { return &audits{s: s, turn: make(chan struct{}, 1)} }

// mostShards bounds in how many parts a state is digested.
const mostShards = 4096

// errUnsettled says that a tick is being worked off.
var errUnsettled = errors.New("a tick is being worked off")

// settled reads a partition's last commit once no slice of a tick is left.
func (a *audits) settled(ctx context.Context, topic string, partition int32, fn func(*ledger.Reader) error) ([]*orderledgerv1.Freshness, error) {
	log := partition
	switch {
	case topic == kafkalog.TopicUnkeyed:
		log += a.s.opt.Ledger.Partitions()
	case topic != kafkalog.TopicEvents:
		return nil, invalid("topic", "want %s or %s", kafkalog.TopicEvents, kafkalog.TopicUnkeyed)
	}
	if partition < 0 || partition >= a.s.opt.Ledger.Partitions() {
		return nil, invalid("partition", "the log has partitions 0 to %d", a.s.opt.Ledger.Partitions()-1)
	}
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var fresh []*orderledgerv1.Freshness
	err := a.s.opt.Ledger.Read(log, func(r *ledger.Reader, f engine.Freshness) error {
		if !r.Settled() {
			return errUnsettled
		}
		fresh = []*orderledgerv1.Freshness{a.s.freshness(f)}
		return fn(r)
	})
	if errors.Is(err, errUnsettled) {
		return nil, fail(NotReady, "a tick is being worked off: ask again")
	}
	return fresh, err
}

// GetDigest implements AuditServiceServer.
func (a *audits) GetDigest(ctx context.Context, req *orderledgerv1.GetDigestRequest) (*orderledgerv1.GetDigestResponse, error) {
	if n := req.GetShards(); n < 0 || n > mostShards {
		return nil, invalid("shards", "want at most %d", mostShards)
	}
	out := &orderledgerv1.GetDigestResponse{}
	var err error
	out.Freshness, err = a.settled(ctx, req.GetTopic(), req.GetPartition(), func(r *ledger.Reader) error {
		sum, err := r.Digest()
		if err != nil || req.GetShards() == 0 {
			out.Digest = sum[:]
			return err
		}
		out.Digest = sum[:]
		shards, err := r.Shards(req.GetShards())
		for i := range shards {
			out.Shards = append(out.Shards, shards[i][:])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListStateEntries implements AuditServiceServer.
func (a *audits) ListStateEntries(ctx context.Context, req *orderledgerv1.ListStateEntriesRequest) (*orderledgerv1.ListStateEntriesResponse, error) {
	n := req.GetShards()
	if n < 1 || n > mostShards {
		return nil, invalid("shards", "want 1 to %d", mostShards)
	}
	if req.GetShard() < 0 || req.GetShard() >= n {
		return nil, invalid("shard", "want 0 to %d", n-1)
	}
	out := &orderledgerv1.ListStateEntriesResponse{}
	var err error
	out.Freshness, err = a.settled(ctx, req.GetTopic(), req.GetPartition(), func(r *ledger.Reader) error {
		parts, err := r.ShardParts(n, req.GetShard())
		for i := range parts {
			out.Entries = append(out.Entries, &orderledgerv1.StateEntry{Key: parts[i].Key, Digest: parts[i].Digest[:]})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetStateEntry implements AuditServiceServer.
func (a *audits) GetStateEntry(ctx context.Context, req *orderledgerv1.GetStateEntryRequest) (*orderledgerv1.GetStateEntryResponse, error) {
	if len(req.GetKey()) == 0 {
		return nil, invalid("key", "is missing")
	}
	out := &orderledgerv1.GetStateEntryResponse{}
	var err error
	out.Freshness, err = a.settled(ctx, req.GetTopic(), req.GetPartition(), func(r *ledger.Reader) error {
		var err error
		out.Value, out.Found, err = r.StatePart(req.GetKey())
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListAuditFindings implements AuditServiceServer.
func (a *audits) ListAuditFindings(ctx context.Context, req *orderledgerv1.ListAuditFindingsRequest) (*orderledgerv1.ListAuditFindingsResponse, error) {
	out := &orderledgerv1.ListAuditFindingsResponse{}
	var err error
	if out.Freshness, err = a.s.eachLog(ctx, func(*ledger.Reader, engine.Freshness) error { return nil }); err != nil || a.s.opt.Audits == nil {
		return out, err
	}
	for _, x := range a.s.opt.Audits.Audited() {
		out.Audited = append(out.Audited, &orderledgerv1.Audited{Topic: x.Topic, Partition: x.Partition, Offset: x.Offset, Residual: x.Residual})
	}
	for _, f := range a.s.opt.Audits.Findings() {
		if req.GetStandingOnly() && !f.Standing {
			continue
		}
		out.Findings = append(out.Findings, &orderledgerv1.AuditFinding{
			Kind: orderledgerv1.AuditKind(f.Kind), Topic: f.Topic, Partition: f.Partition, Table: f.Table, FirstRow: f.FirstRow, LastRow: f.LastRow,
			Offset: f.Offset, LastOffset: f.LastOffset, Source: string(f.Source), Order: string(f.Order), Text: f.Text,
			FoundAt: timestamppb.New(f.FoundAt.Time()), Standing: f.Standing,
		})
	}
	return out, nil
}
