package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// guard is what stands before every method: recovery, metrics, log,
// authentication, limit, validation, from the outside to the inside.
type guard struct {
	auth     *authenticator
	limit    *limiter
	observer Observer
	logger   *slog.Logger
}

func (g *guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	began, trace := time.Now(), traceOf(ctx)
	defer func() { err = g.finish(call{ctx, info.FullMethod, trace, began}, recover(), err) }()
	ctx, r, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok && !r.noDeadline {
		return nil, fail(DeadlineRequired, "the call has no deadline: set one (grpcurl: -max-time 10)")
	}
	return next(ctx, req)
}

func (g *guard) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	began, trace := time.Now(), traceOf(ss.Context())
	defer func() { err = g.finish(call{ss.Context(), info.FullMethod, trace, began}, recover(), err) }()
	ctx, _, err := g.admit(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return next(srv, &admitted{ss, ctx})
}

// admitted is a stream whose context knows who calls.
type admitted struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (a *admitted) Context() context.Context { return a.ctx }

// admit lets a caller in who has the scope that the method needs.
func (g *guard) admit(ctx context.Context, method string) (context.Context, rule, error) {
	r, ok := rules[method]
	if !ok {
		return ctx, r, fail(PermissionDenied, "the method has no permission rule: it cannot be called", "scope", "none")
	}
	if r.anyone {
		return ctx, r, g.limit.take("address " + addressOf(ctx))
	}
	p, err := g.auth.authenticate(ctx)
	if limited := g.limit.take(bucketOf(ctx, p)); limited != nil {
		return ctx, r, limited
	}
	if err != nil {
		return ctx, r, err
	}
	if !p.Has(r.scope) {
		return ctx, r, fail(PermissionDenied, fmt.Sprintf("the credential %s lacks the scope %s", p.Name, r.scope), "scope", string(r.scope))
	}
	return context.WithValue(ctx, principalKey{}, p), r, nil
}

// bucketOf names whose calls are counted together: those of a credential, and
// without a valid one those of an address, so that guessing is slow.
func bucketOf(ctx context.Context, p *Principal) string {
	if p == nil || p == &local {
		return "address " + addressOf(ctx)
	}
	return "credential " + p.Name
}

// call is one call being finished.
type call struct {
	ctx    context.Context
	method string
	trace  string
	began  time.Time
}

// finish turns a panic or an error into the answer, counts it and logs it once.
func (g *guard) finish(c call, panicked any, err error) error {
	took := time.Since(c.began)
	if panicked != nil {
		err = fmt.Errorf("panic: %v", panicked)
		g.logger.Error("a call panicked", "method", c.method, "trace_id", c.trace, "panic", panicked, "stack", string(debug.Stack()))
	}
	name := methodName(c.method)
	if err == nil {
		g.observer.Called(name, codes.OK.String(), took.Seconds())
		g.logger.Debug("call", "method", name, "took", took, "trace_id", c.trace)
		return nil
	}
	if c.ctx.Err() == context.Canceled {
		g.observer.Called(name, codes.Canceled.String(), took.Seconds())
		return status.FromContextError(c.ctx.Err()).Err()
	}
	if s, ok := status.FromError(err); ok && s.Code() == codes.Unimplemented {
		return err
	}
	e := answerError(err, c.trace)
	g.observer.Called(name, e.Reason.Code().String(), took.Seconds())
	if e.Reason == Internal && panicked == nil {
		g.logger.Error("a call failed", "method", name, "took", took, "trace_id", c.trace, "error", err)
	} else {
		g.logger.Debug("call refused", "method", name, "took", took, "trace_id", c.trace, "reason", e.Reason, "error", err)
	}
	return e
}

// traceOf returns the caller's trace id, or a new one.
func traceOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, v := range append(md.Get("traceparent"), md.Get("grpcgateway-traceparent")...) {
		if parts := strings.Split(v, "-"); len(parts) == 4 && len(parts[1]) == 32 {
			return parts[1]
		}
	}
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
