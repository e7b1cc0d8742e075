package role

import (
	"context"
	"fmt"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/embedded/registry"
	"github.com/orderledger/orderledger/services/schemaregistry"
)

// schemas is where readers of the topics find the schemas of the records: the
// configured registry, or the embedded one.
type schemas struct {
	keeper   *schemaregistry.Keeper
	embedded *registry.Registry
}

// announceSchemas makes the committed schemas known at the configured registry.
// Where none is configured, a process that plays every role runs one. It
// returns the registry's URL, empty if there is none.
func (s *Stack) announceSchemas(ctx context.Context, parts Parts) (string, error) {
	contracts, err := schemaregistry.Contracts()
	if err != nil {
		return "", err
	}
	if c := s.Config.SchemaRegistry; c.URL != "" {
		s.schemas.keeper, err = schemaregistry.Start(ctx, schemaregistry.Options{Registry: c, Contracts: contracts, Clock: connector.SystemClock{}, Logger: s.Logger})
		return c.URL, err
	}
	if parts != Everything() {
		return "", nil
	}
	seed := make(map[int]registry.Schema, len(contracts))
	for _, c := range contracts {
		seed[c.ID] = registry.Schema{Subjects: c.Subjects, Version: c.Version, Definition: c.Definition}
	}
	s.schemas.embedded, err = registry.Start(registry.Options{Port: s.Config.Listen.SchemaRegistryPort, Schemas: seed, Logger: s.Logger})
	if err != nil {
		return "", fmt.Errorf("listen.schema_registry_port: %w", err)
	}
	return s.schemas.embedded.URL(), nil
}

// close stops what was started.
func (s *schemas) close() {
	if s.keeper != nil {
		s.keeper.Close()
	}
	if s.embedded != nil {
		s.embedded.Close()
	}
}
