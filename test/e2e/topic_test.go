package e2e_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/embedded/registry"
)

// company is somebody else's Kafka and schema registry, and a `dev` process
// that reads a topic of theirs, as the connectors' README tells people to.
type company struct {
	*dev
	client *kgo.Client
	body   string
}

// The schemas of the topic's values, before and after a field was added.
const (
	schemaBefore = `{"type":"record","name":"oms.Order","fields":[{"name":"order","type":"string"},{"name":"status","type":{"type":"enum","name":"oms.Status","symbols":["ACCEPTED","DONE"]}},` +
		`{"name":"revision","type":"long"},{"name":"changed","type":{"type":"long","logicalType":"timestamp-millis"}}]}`
	schemaAfter = `{"type":"record","name":"oms.Order","fields":[{"name":"order","type":"string"},{"name":"channel","type":["null","string"],"default":null},` +
		`{"name":"status","type":{"type":"enum","name":"oms.Status","symbols":["ACCEPTED","DONE"]}},{"name":"revision","type":"long"},{"name":"changed","type":{"type":"long","logicalType":"timestamp-millis"}}]}`
	idBefore, idAfter = 41, 42
)

func newCompany(t *testing.T) *company {
	t.Helper()
	raw, err := os.ReadFile("../../services/connector/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(raw), "## Read a topic you already have")
	if !ok {
		t.Fatal("the README has no section about topics")
	}
	block := func(lang string, n int) string {
		return regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllStringSubmatch(section, -1)[n][1]
	}
	kafka := startKafka(t)
	schemas, err := registry.Start(registry.Options{Logger: slog.New(slog.DiscardHandler), Schemas: map[int]registry.Schema{
		idBefore: {Subjects: []string{"oms.orders-value"}, Version: 1, Definition: schemaBefore},
		idAfter:  {Subjects: []string{"oms.orders-value"}, Version: 2, Definition: schemaAfter},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(schemas.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "oms.yaml"), []byte(strings.Replace(block("yaml", 0), "settle: 30s", "settle: 1s", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	// The company of the README, as it is on this machine.
	conf := regexp.MustCompile(`(?m)^    (tls|sasl):.*\n`).ReplaceAllString(block("yaml", 1), "")
	conf = strings.NewReplacer("kafka.company.example:9093", kafka.Addr(), "https://registry.company.example", schemas.URL()).Replace(conf)
	conf += fmt.Sprintf("- {name: shopify-eu, system: shopify, origin: true, poll: {disabled: true}}\ncatalog_dirs: [%s]\n", dir)
	c := &company{body: strings.TrimSpace(block("json", 0))}
	c.dev = newDev(t, t.TempDir(), conf, "listen: {rest: '127.0.0.1:0', admin: '127.0.0.1:0', grpc: '127.0.0.1:0', webhooks: '127.0.0.1:0', kafka_port: 0, schema_registry_port: 0}\nclickhouse: {disabled: true}\n")
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(kafka.Addr())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	if _, err := kadm.NewClient(c.client).CreateTopic(t.Context(), 2, 1, nil, "oms.orders"); err != nil {
		t.Fatal(err)
	}
	return c
}

// write writes one record under its order's number.
func (c *company) write(order, value string) {
	c.t.Helper()
	r := &kgo.Record{Topic: "oms.orders", Key: []byte(order), Value: []byte(value)}
	if err := c.client.ProduceSync(context.WithoutCancel(c.t.Context()), r).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// avro is a record of the topic in the wire format; status is an index of the
// enum, channel is left out by the schema before.
func avro(id int, order string, status, revision int64, channel string) string {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
	text := func(s string) { b = append(binary.AppendVarint(b, int64(len(s))), s...) }
	text(order)
	if id == idAfter {
		b = binary.AppendVarint(b, 1)
		text(channel)
	}
	b = binary.AppendVarint(b, status)
	b = binary.AppendVarint(b, revision)
	return string(binary.AppendVarint(b, time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC).UnixMilli()))
}

// awaitState waits until the service's cell of an order says so.
func (c *company) awaitState(order, state string) {
	c.t.Helper()
	await(c.t, 60*time.Second, func() error {
		a := do(c.t, http.MethodGet, c.ends.API+"/v1/orders/"+url.PathEscape("shopify-eu~"+order), nil, nil)
		var out struct {
			Order struct {
				Cells []struct{ Source, Axis, State string }
			}
		}
		if a.Code == http.StatusOK {
			decode(c.t, a.Body, &out)
		}
		for _, cell := range out.Order.Cells {
			if cell.Source == "oms-eu" && cell.Axis == "AXIS_ORDER" && cell.State == state {
				return nil
			}
		}
		return yet("order %s: %d %s", order, a.Code, a.Body)
	})
}

// TestATopicThatIsThereAlready: the README's own example, then Avro whose schema
// changes, poison, and kill -9 in the middle.
func TestATopicThatIsThereAlready(t *testing.T) {
	c := newCompany(t)
	c.write("1001", c.body)
	c.start()
	c.ready()
	c.awaitState("1001", "CONFIRMED")
	c.write("1002", avro(idBefore, "1002", 0, 1, ""))
	c.write("1002", avro(idAfter, "1002", 1, 2, "shop"))
	c.awaitState("1002", "COMPLETED")
	c.write("1003", `{"order":"1003",`)
	c.write("1003", avro(idBefore, "1003", 9, 1, ""))
	c.write("1003", avro(43, "1003", 0, 1, ""))
	for i := range 300 {
		order := fmt.Sprint(2000 + i)
		c.write(order, strings.Replace(c.body, `"1001"`, `"`+order+`"`, 1))
		if i == 100 {
			c.kill()
		}
	}
	c.start()
	c.ready()
	c.write("1003", avro(idAfter, "1003", 0, 2, "shop"))
	c.awaitState("1003", "CONFIRMED")
	for _, order := range []string{"2000", "2100", "2101", "2299"} {
		c.awaitState(order, "CONFIRMED")
	}
	c.settled(t)
}

// settled checks what is counted and what is proven at the end.
func (c *company) settled(t *testing.T) {
	t.Helper()
	wrote := time.Now()
	await(t, 60*time.Second, func() error {
		var out struct {
			Sources []struct {
				Source string
				Feeds  []struct {
					Coverage struct {
						Intervals []struct{ From, Until time.Time }
					}
				}
				Outcomes []struct{ Outcome, Records string }
			}
		}
		a := do(t, http.MethodGet, c.ends.API+"/v1/sources", nil, nil)
		decode(t, a.Body, &out)
		for _, s := range out.Sources {
			if s.Source != "oms-eu" {
				continue
			}
			// 300 orders, that of the README, one of two states, and one behind poison:
			// however often records were read again, each counts once.
			applied := slices.ContainsFunc(s.Outcomes, func(o struct{ Outcome, Records string }) bool {
				return o.Outcome == "RECORD_OUTCOME_APPLIED" && o.Records == "304"
			})
			if iv := s.Feeds[0].Coverage.Intervals; applied && len(iv) == 1 && iv[0].Until.After(wrote) {
				return nil
			}
		}
		return yet("%s", a.Body)
	})
	a := do(t, http.MethodGet, c.ends.API+"/v1/quarantine", nil, nil)
	for _, reason := range []string{"broken-json", "undecodable", "schema 43"} {
		if !strings.Contains(a.Body, reason) {
			t.Errorf("quarantine lacks %s: %s", reason, a.Body)
		}
	}
}
