package role

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/connector/topic"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/schemaregistry"
)

// clusterPatience is how long a cluster of somebody else has to answer before
// it is tried again later.
const clusterPatience = 20 * time.Second

// consumers binds the sources whose events stand on topics already. None of
// them connects yet: a cluster that is away must not keep the others waiting.
func (b *edgeBuilder) consumers() ([]*topic.Consumer, error) {
	var out []*topic.Consumer
	var errs []error
	for i := range b.s.Config.Sources {
		src := &b.s.Config.Sources[i]
		sys, err := b.opt.Catalog.System(src.System)
		if src.Kafka == nil || err != nil {
			continue // bind says so
		}
		decoder, err := foreignDecoder(b.s.Config.RegistryOf(src.Kafka.Cluster))
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", i, src.Name, err))
			continue
		}
		for _, f := range sys.KafkaFeeds() {
			if src.Feeds[f.Name].Disabled {
				continue
			}
			c, err := topic.New(topic.Options{
				Source: src, System: sys, Feed: f.Name, Instance: b.opt.Instance, HashKey: b.hashKey, Open: b.cluster(src.Kafka.Cluster), Decoder: decoder,
				Sink: b.sink, Store: b.sink, Clock: b.opt.Clock, Logger: b.s.Logger, Jitter: mathrand.Float64, Observer: b.opt.Observer,
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("sources[%d] (%s): feed %s: %w", i, src.Name, f.Name, err))
				continue
			}
			out = append(out, c)
		}
	}
	return out, errors.Join(errs...)
}

// cluster connects to a cluster of the configuration, or to the ledger's own.
func (b *edgeBuilder) cluster(name string) func(context.Context) (topic.Log, error) {
	connection := b.s.Config.Kafka
	connection.Brokers = b.s.Brokers
	if name != "" {
		k := b.s.Config.KafkaClusters[name]
		connection = k.Connection()
	}
	return func(ctx context.Context) (topic.Log, error) {
		ctx, cancel := context.WithTimeout(ctx, clusterPatience)
		defer cancel()
		log, err := kafkalog.Open(ctx, connection, b.s.Logger)
		if err != nil {
			return nil, err
		}
		return log, nil
	}
}

// foreignDecoder reads Avro by the schemas of a registry, nil without one.
func foreignDecoder(c schemaregistry.Config) (topic.Decoder, error) {
	if c.URL == "" {
		return nil, nil
	}
	lookup, err := schemaregistry.NewLookup(c)
	if err != nil {
		return nil, err
	}
	return &foreignAvro{lookup: lookup, known: map[int]*avroevent.ForeignSchema{}}, nil
}

// foreignAvro reads values in the wire format of Confluent's clients.
type foreignAvro struct {
	lookup *schemaregistry.Lookup
	mu     sync.Mutex
	known  map[int]*avroevent.ForeignSchema
}

// Decode implements topic.Decoder.
func (d *foreignAvro) Decode(ctx context.Context, value []byte) ([]byte, error) {
	id, payload, ok := schemaregistry.WireID(value)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with 0x00 and a schema id", topic.ErrUndecodable)
	}
	s, err := d.schema(ctx, id)
	if err != nil {
		return nil, err
	}
	raw, err := s.JSON(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: schema %d: %w", topic.ErrUndecodable, id, err)
	}
	return raw, nil
}

func (d *foreignAvro) schema(ctx context.Context, id int) (*avroevent.ForeignSchema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.known[id]; s != nil {
		return s, nil
	}
	found, err := d.lookup.Schema(ctx, id)
	if errors.Is(err, schemaregistry.ErrUnknownSchema) {
		return nil, fmt.Errorf("%w: %w", topic.ErrUndecodable, err)
	}
	if err != nil {
		return nil, err
	}
	s, err := avroevent.ParseForeign(found.Definition, found.References)
	if err != nil {
		return nil, fmt.Errorf("%w: schema %d: %w", topic.ErrUndecodable, id, err)
	}
	d.known[id] = s
	return s, nil
}

var _ topic.Decoder = (*foreignAvro)(nil)
