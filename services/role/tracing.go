package role

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/tracing"
)

// startTracing prepares to send spans, if a collector is configured.
func (i *Instance) startTracing(ctx context.Context, cfg *config.Config, version string, logger *slog.Logger) error {
	if cfg.OTLP == "" {
		return nil
	}
	instance := cfg.Ledger.InstanceID
	if instance == "" {
		instance, _ = os.Hostname() // a name for people
	}
	var err error
	i.tracing, err = tracing.Start(ctx, tracing.Options{Endpoint: cfg.OTLP, Version: version, Instance: instance, Logger: logger})
	return err
}

// followed, folded and spans are the tracing as its users know it: nothing where
// nothing is traced.
func (i *Instance) followed() connector.Tracer {
	if i.tracing == nil {
		return nil
	}
	return i.tracing
}

func (i *Instance) folded() engine.Tracer {
	if i.tracing == nil {
		return nil
	}
	return i.tracing
}

func (i *Instance) spans() trace.TracerProvider {
	if i.tracing == nil {
		return nil
	}
	return i.tracing.Provider()
}
