package schemaregistry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"
)

// maxReferences bounds the schemas that one schema may draw in.
const maxReferences = 64

// ErrUnknownSchema says that the registry answers and knows no such schema.
var ErrUnknownSchema = errors.New("the registry knows no schema of this id")

// WireID splits a value in the wire format 0x00, id, Avro. It is false for
// anything else.
func WireID(value []byte) (id int, payload []byte, ok bool) {
	if len(value) < 5 || value[0] != 0 {
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint32(value[1:5])), value[5:], true
}

// Schema is a schema of somebody else, with those it draws in, each after what
// it uses itself.
type Schema struct {
	Definition string
	References []string
}

// Lookup reads schemas by their ids from a registry. What was found once is
// remembered: an id never changes its schema. It is safe for concurrent use.
type Lookup struct {
	client *sr.Client
	mu     sync.Mutex
	known  map[int]*Schema
}

// NewLookup returns a reader of a registry. It connects to nothing.
func NewLookup(c Config) (*Lookup, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.URL == "" {
		return nil, errors.New("schema_registry.url: is missing: Avro values name schemas that only a registry knows")
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return &Lookup{client: client, known: map[int]*Schema{}}, nil
}

// Schema returns the Avro schema of an id. The error matches ErrUnknownSchema
// if the registry says that there is none; any other is worth trying again.
func (l *Lookup) Schema(ctx context.Context, id int) (*Schema, error) {
	l.mu.Lock()
	s := l.known[id]
	l.mu.Unlock()
	if s != nil {
		return s, nil
	}
	found, err := l.client.SchemaByID(ctx, id)
	switch {
	case missing(err):
		return nil, fmt.Errorf("schema %d: %w", id, ErrUnknownSchema)
	case err != nil:
		return nil, fmt.Errorf("schema %d: ask the registry: %w", id, err)
	case found.Type != sr.TypeAvro:
		return nil, fmt.Errorf("schema %d is %s, not Avro: %w", id, found.Type, ErrUnknownSchema)
	}
	s = &Schema{Definition: found.Schema}
	if err := l.references(ctx, s, found.References, map[string]bool{}); err != nil {
		return nil, fmt.Errorf("schema %d: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[id] = s
	return s, nil
}

func (l *Lookup) references(ctx context.Context, s *Schema, refs []sr.SchemaReference, seen map[string]bool) error {
	for _, ref := range refs {
		name := fmt.Sprintf("%s/%d", ref.Subject, ref.Version)
		if seen[name] {
			continue
		}
		if seen[name] = true; len(seen) > maxReferences {
			return fmt.Errorf("it draws in more than %d others: %w", maxReferences, ErrUnknownSchema)
		}
		found, err := l.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if missing(err) {
			return fmt.Errorf("%s, which it draws in: %w", name, ErrUnknownSchema)
		}
		if err != nil {
			return fmt.Errorf("ask the registry for %s: %w", name, err)
		}
		if err := l.references(ctx, s, found.References, seen); err != nil {
			return err
		}
		s.References = append(s.References, found.Schema.Schema)
	}
	return nil
}
