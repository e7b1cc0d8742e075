package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/schemaregistry"
)

// KafkaCluster is a Kafka of somebody else, of which topics are read.
type KafkaCluster struct {
	// Brokers are the seed brokers, host:port.
	Brokers []string `yaml:"brokers"`
	// ClientID names this process in the brokers' logs and quotas.
	ClientID string        `yaml:"client_id"`
	TLS      kafkalog.TLS  `yaml:"tls"`
	SASL     kafkalog.SASL `yaml:"sasl"`
	// SchemaRegistry knows the schemas of values in Avro.
	SchemaRegistry schemaregistry.Config `yaml:"schema_registry"`
}

// Connection is how the cluster is reached.
func (k *KafkaCluster) Connection() kafkalog.Config {
	return kafkalog.Config{Brokers: k.Brokers, ClientID: k.ClientID, TLS: k.TLS, SASL: k.SASL}
}

func (c *Config) validateClusters() []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.KafkaClusters)) {
		k := c.KafkaClusters[name]
		if err := k.Connection().Validate(); err != nil {
			errs = append(errs, fmt.Errorf("kafka_clusters.%s: %w", name, err))
		}
		if err := k.SchemaRegistry.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("kafka_clusters.%s.schema_registry: %w", name, err))
		}
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Kafka == nil || s.Kafka.Cluster == "" {
			continue
		}
		if _, ok := c.KafkaClusters[s.Kafka.Cluster]; !ok {
			errs = append(errs, c.problem(i, fmt.Errorf("sources[%s].kafka.cluster: %q is none of kafka_clusters", s.Name, s.Kafka.Cluster)))
		}
	}
	return errs
}

// RegistryOf is the registry of the cluster on which a source's topics are.
func (c *Config) RegistryOf(cluster string) schemaregistry.Config {
	if cluster == "" {
		return c.SchemaRegistry
	}
	return c.KafkaClusters[cluster].SchemaRegistry
}

// checkRegistry refuses a source whose values are in Avro and whose cluster has
// no registry.
func (c *Config) checkRegistry(i int, sys *catalog.System) error {
	s := &c.Sources[i]
	if s.Kafka == nil || c.RegistryOf(s.Kafka.Cluster).URL != "" {
		return nil
	}
	for _, f := range sys.KafkaFeeds() {
		if f.Kafka.Format.Text == catalog.FormatAvro && !s.Feeds[f.Name].Disabled {
			where := "kafka_clusters." + s.Kafka.Cluster + ".schema_registry.url"
			if s.Kafka.Cluster == "" {
				where = "schema_registry.url"
			}
			return c.problem(i, fmt.Errorf("sources[%s].kafka: feed %s is in Avro, and %s is missing", s.Name, f.Name, where))
		}
	}
	return nil
}
