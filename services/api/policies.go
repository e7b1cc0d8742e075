package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// policies implements PolicyService.
type policies struct {
	orderledgerv1.UnimplementedPolicyServiceServer
	s *Server
}

func policyOf(p *ledger.PolicyRecord) *orderledgerv1.Policy {
	return &orderledgerv1.Policy{
		Name: "policies/" + strconv.FormatUint(p.Version, 10), Version: p.Version, Digest: hex.EncodeToString(p.Digest[:]),
		EffectiveAt: stamp(p.EffectiveAt), Yaml: string(p.YAML), Actor: p.ProposedBy,
	}
}

// inForce is the version that every partition has adopted; 0 before the first.
func (a *policies) inForce(ctx context.Context) (uint64, []*orderledgerv1.Freshness, error) {
	least, first := uint64(0), true
	fresh, err := a.s.each(ctx, func(r *ledger.Reader, _ engine.Freshness) error {
		v := uint64(0)
		if p := r.Policy(); p != nil {
			v = p.Version
		}
		if first || v < least {
			least, first = v, false
		}
		return nil
	})
	return least, fresh, err
}

// GetPolicy implements PolicyServiceServer.
func (a *policies) GetPolicy(ctx context.Context, req *orderledgerv1.GetPolicyRequest) (*orderledgerv1.GetPolicyResponse, error) {
	force, fresh, err := a.inForce(ctx)
	if err != nil {
		return nil, err
	}
	want := req.GetVersion()
	if want == 0 {
		want = force
	}
	list := a.s.opt.Ledger.Policies()
	if want == 0 || want > uint64(len(list)) {
		return nil, fail(PolicyNotFound, "there is no policy version "+strconv.FormatUint(want, 10), "version", strconv.FormatUint(want, 10))
	}
	out := &orderledgerv1.GetPolicyResponse{Freshness: fresh}
	if out.Policy, err = a.placed(ctx, list[want-1]); err != nil {
		return nil, err
	}
	if newest := uint64(len(list)); newest > force {
		if out.Pending, err = a.placed(ctx, list[newest-1]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// placed converts a policy and says where it stands, if that is known.
func (a *policies) placed(ctx context.Context, p *ledger.PolicyRecord) (*orderledgerv1.Policy, error) {
	out := policyOf(p)
	if a.s.opt.Places == nil {
		return out, nil
	}
	at, known, err := a.s.opt.Places.PlaceOf(ctx, p.Version)
	if err != nil {
		return nil, fmt.Errorf("find policy version %d: %w", p.Version, err)
	}
	if known {
		out.Position = placed(at)
	}
	return out, nil
}

func refusedPolicy(r orderledgerv1.RefusalReason, detail string) *orderledgerv1.ActionResult {
	return &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_REFUSED, RefusalReason: r, Detail: detail}
}

// ProposePolicy implements PolicyServiceServer.
func (a *policies) ProposePolicy(ctx context.Context, req *orderledgerv1.ProposePolicyRequest) (*orderledgerv1.ProposePolicyResponse, error) {
	if err := checkAction(req.GetActor(), req.GetComment(), req.GetRequestId()); err != nil {
		return nil, err
	}
	if req.GetYaml() == "" {
		return nil, invalid("yaml", "is missing: send the whole policy")
	}
	out := &orderledgerv1.ProposePolicyResponse{}
	src, refused := a.source(ctx, req)
	if refused == nil && a.s.opt.Policies == nil {
		refused = refusedPolicy(orderledgerv1.RefusalReason_REFUSAL_REASON_POLICY_INVALID, "This process has no policy compiler: propose it to a process with the api role.")
	}
	var err error
	if refused != nil {
		out.Result = refused
		_, out.Freshness, err = a.inForce(ctx)
		return out, err
	}
	if repeated := a.repeated(req, src); repeated != nil {
		out.Result, out.Version, out.Digest = accepted(repeated), repeated.Version, hex.EncodeToString(repeated.Digest[:])
		_, out.Freshness, err = a.inForce(ctx)
		return out, err
	}
	rec, problems := a.s.opt.Policies.Compile(*src)
	for _, p := range problems {
		out.Problems = append(out.Problems, problemOf(&p))
	}
	if rec != nil {
		out.Digest = hex.EncodeToString(rec.Digest[:])
	}
	switch {
	case rec == nil:
		out.Result = refusedPolicy(orderledgerv1.RefusalReason_REFUSAL_REASON_POLICY_INVALID, fmt.Sprintf("The policy has %d problems: mend them and propose it again.", len(problems)))
	case req.GetValidateOnly():
		out.Result = &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_VALIDATED, Detail: "Nothing critical was found; nothing was appended."}
	default:
		if out.Result, err = a.append(ctx, rec, req.GetRequestId()); err != nil {
			return nil, err
		}
		if out.Result.Outcome == orderledgerv1.Outcome_OUTCOME_ACCEPTED {
			out.Version = rec.Version
		}
	}
	_, out.Freshness, err = a.inForce(ctx)
	return out, err
}

// repeated returns the newest policy if the request, which names itself, has
// become it already.
func (a *policies) repeated(req *orderledgerv1.ProposePolicyRequest, src *PolicySource) *ledger.PolicyRecord {
	if req.GetRequestId() == "" || req.GetValidateOnly() || src.Base == nil || string(src.Base.YAML) != req.GetYaml() || src.Base.ProposedBy != src.Actor {
		return nil
	}
	return src.Base
}

func accepted(rec *ledger.PolicyRecord) *orderledgerv1.ActionResult {
	return &orderledgerv1.ActionResult{Outcome: orderledgerv1.Outcome_OUTCOME_ACCEPTED, Detail: fmt.Sprintf("Version %d judges from %s on.", rec.Version, rec.EffectiveAt)}
}

func problemOf(p *Problem) *orderledgerv1.PolicyProblem {
	severity := orderledgerv1.Severity_SEVERITY_CRITICAL
	if p.Warning {
		severity = orderledgerv1.Severity_SEVERITY_WARNING
	}
	return &orderledgerv1.PolicyProblem{File: p.File, Line: int32(p.Line), Column: int32(p.Column), Severity: severity, Message: p.Message, Hint: p.Hint}
}

// source joins a proposal with the policy it follows, or says why it cannot.
func (a *policies) source(ctx context.Context, req *orderledgerv1.ProposePolicyRequest) (*PolicySource, *orderledgerv1.ActionResult) {
	src := &PolicySource{YAML: []byte(req.GetYaml()), File: req.GetFile(), Actor: actor(ctx, req.GetActor()), EffectiveAt: ledger.At(a.s.opt.Now())}
	if src.File == "" {
		src.File = "policy.yaml"
	}
	if list := a.s.opt.Ledger.Policies(); len(list) > 0 {
		src.Base = list[len(list)-1]
	}
	version, earliest := uint64(0), ledger.Instant(0)
	if src.Base != nil {
		version, earliest = src.Base.Version, src.Base.EffectiveAt
	}
	if base := req.GetBaseVersion(); base != 0 && base != version {
		return nil, refusedPolicy(orderledgerv1.RefusalReason_REFUSAL_REASON_VERSION_MISMATCH,
			fmt.Sprintf("The newest policy is version %d, not %d: look at it, then base yours on it.", version, base))
	}
	src.EffectiveAt = max(src.EffectiveAt, earliest)
	if t := req.GetEffectiveAt(); t != nil {
		src.EffectiveAt = ledger.At(t.AsTime())
		if src.EffectiveAt < earliest {
			return nil, refusedPolicy(orderledgerv1.RefusalReason_REFUSAL_REASON_EFFECTIVE_AT_DECREASES,
				fmt.Sprintf("The newest policy is in force from %s: choose that instant or a later one.", earliest))
		}
	}
	return src, nil
}

// readBack is how often a proposed policy is looked for.
const readBack = 20 * time.Millisecond

// append appends a policy and waits until the control topic shows which record
// took the version.
func (a *policies) append(ctx context.Context, rec *ledger.PolicyRecord, requestID string) (*orderledgerv1.ActionResult, error) {
	if requestID == "" {
		requestID = uuid.NewString()
	}
	unknown := func(err error) error {
		return &Error{
			Reason: OutcomeUnknown, Message: "it is not known in time what became of the policy: look at the newest version before proposing again",
			Metadata: map[string]string{"request_id": requestID}, err: err,
		}
	}
	pos, err := a.s.opt.Ledger.ProposePolicy(ctx, rec)
	switch {
	case errors.Is(err, kafkalog.ErrUndecided), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, unknown(err)
	case err != nil:
		return nil, fmt.Errorf("propose policy: %w", err)
	}
	tick := time.NewTicker(readBack)
	defer tick.Stop()
	for {
		if list := a.s.opt.Ledger.Policies(); uint64(len(list)) >= rec.Version {
			if list[rec.Version-1].Digest != rec.Digest {
				return refusedPolicy(orderledgerv1.RefusalReason_REFUSAL_REASON_VERSION_MISMATCH,
					fmt.Sprintf("Another proposal became version %d first: look at it, then base yours on it.", rec.Version)), nil
			}
			out := accepted(rec)
			out.Position = placed(pos)
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, unknown(ctx.Err())
		case <-tick.C:
		}
	}
}
