package api_test

import (
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

func TestAcknowledge(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1", "2")
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	ask := func(req *orderledgerv1.AcknowledgeExceptionRequest) *orderledgerv1.AcknowledgeExceptionResponse {
		t.Helper()
		r, err := c.AcknowledgeException(soon(t), req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	id, req := ids[0].String(), uuid.NewString()
	stale := ask(&orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 9})
	if stale.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_EPISODE_MISMATCH || stale.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN {
		t.Fatalf("stale: %v", stale)
	}
	first := ask(&orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1, Comment: "looking", RequestId: req})
	if first.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || first.Exception.Acknowledgement.GetActor() != "local" ||
		first.Freshness[0].AppliedOffset < first.Result.Position.Offset {
		t.Fatalf("first: %v", first)
	}
	if h := first.Exception.History; h[len(h)-1].Kind != orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED || h[len(h)-1].Text != "looking" {
		t.Fatalf("history %v", h)
	}
	again := ask(&orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1, Comment: "looking", RequestId: req})
	if again.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || again.Result.Position.Offset != first.Result.Position.Offset {
		t.Fatalf("again: %v", again.Result)
	}
	second := ask(&orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1})
	if second.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_ALREADY_ACKNOWLEDGED {
		t.Fatalf("second: %v", second.Result)
	}
	_, err := c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1, Comment: "other", RequestId: req})
	wantReason(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	_, err = c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id})
	wantReason(t, err, codes.InvalidArgument, "INVALID_FIELD")
	_, err = c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1, RequestId: "7"})
	wantReason(t, err, codes.InvalidArgument, "INVALID_FIELD")
	_, err = c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: ledger.ExceptionID{1}.String(), Episode: 1})
	wantReason(t, err, codes.NotFound, "EXCEPTION_NOT_FOUND")
}

// compiler compiles any text into the policy in force with another version.
type compiler struct{}

func (compiler) Compile(src api.PolicySource) (*ledger.PolicyRecord, []api.Problem) {
	if string(src.YAML) == "bad" {
		return nil, []api.Problem{{File: src.File, Line: 1, Column: 1, Message: "is bad", Hint: "write good"}}
	}
	p, err := ledger.DecodePolicy(src.Base.Tree)
	if err != nil {
		return nil, []api.Problem{{Message: err.Error()}}
	}
	p.Version, p.EffectiveAt = src.Base.Version+1, src.EffectiveAt
	return p.Record(src.YAML, src.Actor), []api.Problem{{File: src.File, Line: 2, Message: "is odd", Warning: true}}
}

func TestProposePolicy(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Policies = compiler{} })
	c := orderledgerv1.NewPolicyServiceClient(s.Conn)
	ask := func(req *orderledgerv1.ProposePolicyRequest) *orderledgerv1.ProposePolicyResponse {
		t.Helper()
		r, err := c.ProposePolicy(soon(t), req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	bad := ask(&orderledgerv1.ProposePolicyRequest{Yaml: "bad"})
	if bad.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_POLICY_INVALID || bad.Problems[0].Hint != "write good" || bad.Problems[0].File != "policy.yaml" {
		t.Fatalf("bad: %v", bad)
	}
	if r := ask(&orderledgerv1.ProposePolicyRequest{Yaml: "good", ValidateOnly: true}); r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_VALIDATED || r.Version != 0 {
		t.Fatalf("validated: %v", r)
	}
	if r := ask(&orderledgerv1.ProposePolicyRequest{Yaml: "good", BaseVersion: 9}); r.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_VERSION_MISMATCH {
		t.Fatalf("mismatch: %v", r)
	}
	id := uuid.NewString()
	for range 2 {
		r := ask(&orderledgerv1.ProposePolicyRequest{Yaml: "good", BaseVersion: 0, RequestId: id})
		if r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || r.Version != 2 {
			t.Fatalf("accepted: %v", r)
		}
	}
	got, err := c.GetPolicy(soon(t), &orderledgerv1.GetPolicyRequest{Version: 2})
	if err != nil || got.Policy.Yaml != "good" || got.Policy.Actor != "local" {
		t.Fatalf("%v %v", got, err)
	}
}
