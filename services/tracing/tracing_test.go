package tracing_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/tracing"
)

func start(t *testing.T, endpoint string) (*tracing.Tracing, error) {
	t.Helper()
	return tracing.Start(t.Context(), tracing.Options{Endpoint: endpoint, Version: "test", Instance: "here", Logger: slog.New(slog.DiscardHandler)})
}

func TestEndpoints(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"http://127.0.0.1:1": true, "https://127.0.0.1:1/v1/traces": true, "grpc://127.0.0.1:1": true, "grpcs://127.0.0.1:1": true,
		"127.0.0.1:4318": false, "": false, "kafka://host:1": false, "http://user:pass@host": false,
	} {
		o := tracing.Options{Endpoint: endpoint}
		_, err := start(t, endpoint)
		if (err == nil) != ok || (o.Validate() == nil) != ok {
			t.Errorf("%q: %v", endpoint, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "otlp: ") {
			t.Errorf("%q: %v does not name the key", endpoint, err)
		}
	}
}

// A parent that is none begins a trace of its own; one that is not sampled keeps
// its records out of it.
func TestParents(t *testing.T) {
	tr, err := start(t, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for parent, want := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "00-4bf92f3577b34da6a3ce929d0e0e4736-",
		"": "00-", "nonsense": "00-", "00-0-0-01": "00-",
	} {
		ctx, end := tr.Begin(t.Context(), connector.Work{Name: "webhook", Parent: parent})
		if got := connector.TraceParent(ctx); !strings.HasPrefix(got, want) || len(got) != 55 || got == parent {
			t.Errorf("%q: %q", parent, got)
		}
		end(nil)
	}
	ctx, end := tr.Begin(t.Context(), connector.Work{Name: "webhook", Parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"})
	if got := connector.TraceParent(ctx); got != "" {
		t.Errorf("not sampled, and carried: %q", got)
	}
	end(nil)
	tr.Fold(engine.FoldedBatch{Parents: []string{"nonsense", ""}})(nil)
}

// Off, it costs nothing.
func TestUntracedAllocatesNothing(t *testing.T) {
	var off connector.Tracer = connector.Untraced{}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		in, end := off.Begin(ctx, connector.Work{Name: "webhook", Source: "shop"})
		if end(nil); connector.TraceParent(in) != "" {
			t.Error("a trace")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
