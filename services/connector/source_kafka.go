package connector

// KafkaSettings say where the topics of a source are, whose records somebody
// else writes.
type KafkaSettings struct {
	// Cluster names an entry of kafka_clusters; empty means the ledger's own
	// Kafka.
	Cluster string `yaml:"cluster"`
	// Topics are the topics by feed, where they are called otherwise than the
	// catalog says.
	Topics map[string]string `yaml:"topics"`
}
