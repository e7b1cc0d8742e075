package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/config"
)

// clusterCatalog is a system whose events stand on a topic in Avro.
const clusterCatalog = `system: oms
role: middleware
precision: 1s
feeds:
- name: orders
  documents: [order]
  settle: 30s
  kafka: {topic: oms.orders, format: avro, complete: true}
  proves: [{axis: order, object: order}]
documents:
- name: order
  kind: order
  shape: has(it.id)
  order: it.id
  object: {type: order, id: it.id}
  version: {scheme: sequence, parts: [it.rev]}
  claims: [{axis: order, native: it.state, stamp: it.at}]
words: [{axis: order, words: [NEW]}]
`

// TestClustersOfOthers: a source on a cluster that nobody describes, and one in
// Avro without a registry, are refused where they stand.
func TestClustersOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "oms.yaml"), []byte(clusterCatalog), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "orderledger.yml")
	text := `ephemeral: true
catalog_dirs: [` + dir + `]
kafka_clusters:
  company: {brokers: [kafka.company.example:9092]}
  broken: {brokers: [nowhere], sasl: {mechanism: NONE}, schema_registry: {username: u}}
sources:
- {name: good, system: oms, origin: true, kafka: {cluster: company}}
- {name: lost, system: oms, origin: true, kafka: {cluster: compny}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	if err := c.Read(file); err != nil {
		t.Fatal(err)
	}
	c.Finish()
	err := c.Validate()
	for _, want := range []string{`kafka_clusters.broken: brokers[0]: "nowhere" is not host:port`, "kafka_clusters.broken.schema_registry: url: is missing",
		file + `:8:`, `"compny" is none of kafka_clusters`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
	err = c.ValidateCatalog()
	if want := "feed orders is in Avro, and kafka_clusters.company.schema_registry.url is missing"; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file+":7:") {
		t.Errorf("%v\nlacks %s", err, want)
	}
	company := c.KafkaClusters["company"]
	company.SchemaRegistry.URL = "https://registry.company.example"
	c.KafkaClusters["company"] = company
	c.Sources = c.Sources[:1]
	if err := c.ValidateCatalog(); err != nil {
		t.Error(err)
	}
	raw, err := c.Document()
	if err != nil || !strings.Contains(string(raw), "kafka_clusters:") || !strings.Contains(string(raw), "cluster: company") {
		t.Errorf("%v\n%s", err, raw)
	}
}
