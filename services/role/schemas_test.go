package role_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// TestAConsumerThatKnowsTheRegistryAloneReadsTheTopic: what `dev` writes to its
// endpoints file is enough to decode a record; nothing of ours takes part.
func TestAConsumerThatKnowsTheRegistryAloneReadsTheTopic(t *testing.T) {
	dir := t.TempDir()
	cfg := small(filepath.Join(dir, "data"))
	cfg.EndpointsFile = filepath.Join(dir, "endpoints.json")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, SecretFiles: []string{secret}, Poll: connector.PollSettings{Disabled: true}}}
	i, err := start(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	if code := post(t, i.Endpoints.Webhooks, "hush", order); code/100 != 2 {
		t.Fatalf("signed: %d, want 2xx", code)
	}
	raw, err := os.ReadFile(cfg.EndpointsFile)
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Kafka          string `json:"kafka"`
		SchemaRegistry string `json:"schema_registry"`
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	if i.Endpoints.Print(&printed, ""); told.SchemaRegistry == "" || !strings.Contains(printed.String(), told.SchemaRegistry) {
		t.Errorf("the registry %q is not printed:\n%s", told.SchemaRegistry, &printed)
	}
	event := readEvent(t, told.Kafka, told.SchemaRegistry)
	if event["source"] != "shop" || event["order"] != "shop~820982911" {
		t.Errorf("decoded source %v, order %v of %v", event["source"], event["order"], event)
	}
}

// readEvent decodes the first OrderEvent of the topic, as any consumer would.
func readEvent(t *testing.T, brokers, registry string) map[string]any {
	t.Helper()
	schemas, err := sr.NewClient(sr.URLs(registry))
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumeTopics(kafkalog.TopicEvents), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	for {
		fetched := consumer.PollFetches(t.Context())
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fetched.RecordsAll() {
			var header sr.ConfluentHeader
			id, payload, err := header.DecodeID(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			written, err := schemas.SchemaByID(t.Context(), id)
			if err != nil {
				t.Fatalf("schema %d: %v", id, err)
			}
			schema, err := avro.Parse(written.Schema)
			if err != nil {
				t.Fatal(err)
			}
			var value map[string]any
			if _, err := schema.Decode(payload, &value); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(written.Schema, `"OrderEvent"`) {
				return value
			}
		}
	}
}

// TestEveryProducingRoleAsksTheRegistry: a registry that holds something else
// stops them, one that is away does not, and none of them runs one of its own.
func TestEveryProducingRoleAsksTheRegistry(t *testing.T) {
	const subject = "orders.events.v1-orderledger.order.v1.OrderEvent"
	other := srfake.New()
	defer other.Close()
	other.SeedSchema(subject, 1, 1, sr.Schema{Schema: `{"type":"record","name":"Other","fields":[]}`})
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, parts := range map[string]role.Parts{"dev": role.Everything(), "connector": {Edge: true}, "ledger": {History: true}, "api": {API: true}} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t.TempDir())
			cfg.SchemaRegistry.URL = other.URL()
			if _, err := startParts(t, cfg, parts); err == nil || !strings.Contains(err.Error(), subject) {
				t.Fatalf("another schema: %v", err)
			}
			cfg.SchemaRegistry.URL = gone.URL
			i, err := startParts(t, cfg, parts)
			if err != nil {
				t.Fatalf("away: %v", err)
			}
			if i.Endpoints.SchemaRegistry != gone.URL {
				t.Errorf("the endpoints name %q", i.Endpoints.SchemaRegistry)
			}
			if err := i.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
