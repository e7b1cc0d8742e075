package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/prove"
)

var _ prove.Live = (*Running)(nil)

// Running asks a running ledger about its state.
type Running struct {
	conn *grpc.ClientConn
	c    orderledgerv1.AuditServiceClient
}

// Connect connects to the ledger that a command's flags name, as every command
// that asks does.
func Connect(cmd *cobra.Command) (*Running, error) {
	a := &app{Deps: Deps{LookupEnv: os.LookupEnv}}
	for name, to := range map[string]*string{
		"endpoint": &a.endpoint, "endpoints-file": &a.endpointsFile, "token-file": &a.tokenFile,
		"tls-ca-file": &a.caFile, "tls-cert-file": &a.certFile, "tls-key-file": &a.keyFile,
	} {
		if f := cmd.Flag(name); f != nil {
			*to = f.Value.String()
		}
	}
	conn, err := a.connect()
	if err != nil {
		return nil, err
	}
	return &Running{conn, orderledgerv1.NewAuditServiceClient(conn)}, nil
}

// Close closes the connection.
func (r *Running) Close() error { return r.conn.Close() }

// answerTime bounds a question: the whole state of a partition may be read for it.
const answerTime = 2 * time.Minute

// asking repeats a question while a tick is being worked off.
func asking[Q, A any](ctx context.Context, method func(context.Context, Q, ...grpc.CallOption) (A, error), question Q) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		got, err := method(ctx, question)
		if status.Code(err) != codes.Unavailable || ctx.Err() != nil {
			return got, err
		}
		pause := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			pause.Stop()
			return got, err
		case <-pause.C:
		}
	}
}

// offsetOf is the offset behind the last record that an answer knows.
func offsetOf(a answer) (int64, uint32, error) {
	if f := a.GetFreshness(); len(f) == 1 {
		return f[0].GetAppliedOffset() + 1, f[0].GetFoldVersion(), nil
	}
	return 0, 0, fmt.Errorf("the ledger did not say at which offset it stands: it is of another release")
}

// State implements prove.Live.
func (r *Running) State(ctx context.Context, at prove.Place, shards int32) (prove.LiveState, error) {
	var s prove.LiveState
	got, err := asking(ctx, r.c.GetDigest, &orderledgerv1.GetDigestRequest{Topic: at.Topic, Partition: at.Partition, Shards: shards})
	if err != nil {
		return s, err
	}
	copy(s.Digest[:], got.GetDigest())
	for _, b := range got.GetShards() {
		var d [32]byte
		copy(d[:], b)
		s.Shards = append(s.Shards, d)
	}
	s.Offset, s.FoldVersion, err = offsetOf(got)
	return s, err
}

// Parts implements prove.Live.
func (r *Running) Parts(ctx context.Context, at prove.Place, shards, shard int32) ([]ledger.Part, int64, error) {
	got, err := asking(ctx, r.c.ListStateEntries, &orderledgerv1.ListStateEntriesRequest{Topic: at.Topic, Partition: at.Partition, Shards: shards, Shard: shard})
	if err != nil {
		return nil, 0, err
	}
	var out []ledger.Part
	for _, e := range got.GetEntries() {
		p := ledger.Part{Key: e.GetKey()}
		copy(p.Digest[:], e.GetDigest())
		out = append(out, p)
	}
	offset, _, err := offsetOf(got)
	return out, offset, err
}

// Part implements prove.Live.
func (r *Running) Part(ctx context.Context, at prove.Place, key []byte) ([]byte, bool, int64, error) {
	got, err := asking(ctx, r.c.GetStateEntry, &orderledgerv1.GetStateEntryRequest{Topic: at.Topic, Partition: at.Partition, Key: key})
	if err != nil {
		return nil, false, 0, err
	}
	offset, _, err := offsetOf(got)
	return got.GetValue(), got.GetFound(), offset, err
}
