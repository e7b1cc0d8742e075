package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
)

// Options say where spans go, and of whom they are.
type Options struct {
	// Endpoint is that of a collector: http:// or https:// for OTLP over HTTP,
	// grpc:// or grpcs:// for OTLP over gRPC. Headers, certificates, timeouts and
	// the sampler come from the OTEL_… variables, as OpenTelemetry defines them.
	Endpoint string
	// Version is the program's; Instance names the process.
	Version, Instance string
	Logger            *slog.Logger
}

// Validate checks the endpoint.
func (o *Options) Validate() error {
	_, _, err := target(o.Endpoint)
	return err
}

// target splits an endpoint into a URL and whether it is of gRPC.
func target(endpoint string) (*url.URL, bool, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, false, fmt.Errorf("otlp: %q: want http://host:4318, https://host:4318, grpc://host:4317 or grpcs://host:4317", endpoint)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		return u, false, nil
	case "grpc", "grpcs":
		u.Scheme = strings.Replace(u.Scheme, "grpc", "http", 1)
		return u, true, nil
	default:
		return nil, false, fmt.Errorf("otlp: %q: the scheme is none of http, https, grpc and grpcs", endpoint)
	}
}

// Tracing sends spans until it is closed.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

var (
	_ connector.Tracer = (*Tracing)(nil)
	_ engine.Tracer    = (*Tracing)(nil)
)

// Start prepares to send spans. A collector that is away delays nothing: what it
// does not take in time is dropped, and the logger is told once.
func Start(ctx context.Context, o Options) (*Tracing, error) {
	u, overGRPC, err := target(o.Endpoint)
	if err != nil {
		return nil, err
	}
	var exporter sdktrace.SpanExporter
	if overGRPC {
		exporter, err = otlptrace.New(ctx, otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(u.String())))
	} else {
		exporter, err = otlptrace.New(ctx, otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(u.String())))
	}
	if err != nil {
		return nil, fmt.Errorf("otlp: prepare the exporter: %w", err)
	}
	res, err := resource.Merge(resource.Environment(), resource.NewSchemaless(
		attribute.String("service.name", "orderledger"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("otlp: name the process: %w", err), exporter.Shutdown(ctx))
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&telling{SpanExporter: exporter, endpoint: o.Endpoint, logger: o.Logger}), sdktrace.WithResource(res))
	return &Tracing{provider: p, tracer: p.Tracer("github.com/orderledger/orderledger", trace.WithInstrumentationVersion(o.Version))}, nil
}

// Provider is for libraries that trace by themselves.
func (t *Tracing) Provider() trace.TracerProvider { return t.provider }

// Close sends what is left, and ends, at most when ctx does.
func (t *Tracing) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("otlp: send the last spans: %w", err)
	}
	return nil
}

// Begin implements connector.Tracer.
func (t *Tracing) Begin(ctx context.Context, w connector.Work) (context.Context, func(error)) {
	kind := trace.SpanKindInternal
	if w.Name == "webhook" {
		kind = trace.SpanKindServer
	}
	if w.Parent != "" {
		ctx = trace.ContextWithRemoteSpanContext(ctx, contextOf(w.Parent))
	}
	var attrs []attribute.KeyValue
	if w.Source != "" {
		attrs = append(attrs, attribute.String("orderledger.source", w.Source), attribute.String("orderledger.feed", w.Feed))
	}
	ctx, span := t.tracer.Start(ctx, w.Name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	return connector.WithTraceParent(ctx, parentOf(span.SpanContext())), ending(span)
}

// Fold implements engine.Tracer: the span links to whoever appended the records.
func (t *Tracing) Fold(b engine.FoldedBatch) func(error) {
	var links []trace.Link
	for _, p := range b.Parents {
		if c := contextOf(p); c.IsValid() {
			links = append(links, trace.Link{SpanContext: c})
		}
	}
	_, span := t.tracer.Start(context.Background(), "fold", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", b.Topic),
		attribute.Int64("messaging.destination.partition.id", int64(b.Partition)), attribute.Int("messaging.batch.message_count", b.Records),
		attribute.Int64("messaging.kafka.offset", b.From)))
	return ending(span)
}

// Insert implements engine.Tracer.
func (t *Tracing) Insert(ctx context.Context, b engine.InsertedBlock) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, "insert", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("orderledger.sink", b.Sink), attribute.String("orderledger.table", b.Table),
		attribute.Int64("orderledger.partition", int64(b.Partition)), attribute.Int("orderledger.rows", b.Rows)))
	return ctx, ending(span)
}

// ending ends a span with what went wrong.
func ending(span trace.Span) func(error) {
	return func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// carrier is a single traceparent.
type carrier string

func (c carrier) Get(key string) string {
	if key == "traceparent" {
		return string(c)
	}
	return ""
}

func (c carrier) Set(string, string) {}

func (c carrier) Keys() []string { return []string{"traceparent"} }

// contextOf reads a W3C traceparent; anything else is no context.
func contextOf(parent string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier(parent))
	return trace.SpanContextFromContext(ctx)
}

// parentOf writes a W3C traceparent, empty for a span that is not sampled: what
// nobody sees needs no link.
func parentOf(c trace.SpanContext) string {
	if !c.IsValid() || !c.IsSampled() {
		return ""
	}
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// telling tells of a collector that does not answer, once until it does again.
type telling struct {
	sdktrace.SpanExporter
	endpoint string
	logger   *slog.Logger
	failing  atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *telling) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch was := e.failing.Swap(err != nil); {
	case err != nil && !was:
		e.logger.Warn("traces are not taken: look at the collector; nothing else is affected", "otlp", e.endpoint, "error", err)
	case err == nil && was:
		e.logger.Info("traces are taken again", "otlp", e.endpoint)
	}
	return nil // it was told; the SDK would write to standard error by itself
}
