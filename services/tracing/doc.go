// Package tracing sends spans to an OpenTelemetry collector: deliveries, polled
// pages, folded batches, inserted blocks and calls of the API. It is the only
// code that knows OpenTelemetry's SDK.
package tracing
