package connector

import "context"

// Work is a stretch of work at the edge that may be traced.
type Work struct {
	// Name says what is done, such as "webhook" or "poll page".
	Name string
	// Source and Feed are whose it is; empty where a work stands inside another.
	Source string
	Feed   string
	// Parent is the W3C traceparent of who asked for it, empty if unknown.
	Parent string
}

// Tracer follows work. Nothing that is recorded depends on it but the trace id
// of an event, which is no part of its identity.
type Tracer interface {
	// Begin starts a work. What happens in the context it returns belongs to it
	// ([TraceParent] names it). The function ends it, with what went wrong.
	Begin(ctx context.Context, w Work) (context.Context, func(error))
}

// Untraced follows nothing.
type Untraced struct{}

var _ Tracer = Untraced{}

// Begin implements Tracer.
func (Untraced) Begin(ctx context.Context, _ Work) (context.Context, func(error)) { return ctx, ended }

func ended(error) {}

type traceKey struct{}

// WithTraceParent returns a context whose records carry a W3C traceparent.
func WithTraceParent(ctx context.Context, parent string) context.Context {
	return context.WithValue(ctx, traceKey{}, parent)
}

// TraceParent is the W3C traceparent that records appended in the context carry,
// empty if none.
func TraceParent(ctx context.Context) string {
	parent, _ := ctx.Value(traceKey{}).(string)
	return parent
}
