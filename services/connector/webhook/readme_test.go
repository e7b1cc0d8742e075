package webhook_test

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
	"github.com/orderledger/orderledger/services/connector/webhook"
)

// TestReadmeSystem does what the README tells people who add a system to do,
// with the very text that stands there.
func TestReadmeSystem(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(raw)
	block := func(lang string, n int) string {
		m := regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllStringSubmatch(readme, -1)
		if len(m) <= n {
			t.Fatalf("the README has %d %s blocks", len(m), lang)
		}
		return m[n][1]
	}
	system, err := catalog.Parse("parcelbird.yaml", []byte(block("yaml", 0)))
	if err != nil {
		t.Fatal(err)
	}
	var cfg struct {
		Sources []connector.Source `yaml:"sources"`
	}
	if err := strictyaml.Decode("config.yaml", []byte(block("yaml", 1)), &cfg); err != nil {
		t.Fatal(err)
	}
	e, err := webhook.NewEndpoint(webhook.EndpointOptions{Source: &cfg.Sources[0], System: system, Secrets: [][]byte{[]byte("a-shared-secret")}, HashKey: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, connectortest.NewClock(now), func(c *webhook.Config) { c.Endpoints = []*webhook.Endpoint{e} })
	body := strings.TrimSuffix(block("json", 0), "\n")
	signature := hex.EncodeToString(mac("a-shared-secret", body))
	if !strings.Contains(readme, "`"+signature+"`") || !strings.Contains(block("sh", 0), "BODY='"+body+"'") {
		t.Error("the README names another signature or body")
	}
	if w := g.post("parcelbird-eu", body, "X-Parcelbird-Signature", "sha256="+signature); w.Code != 200 {
		t.Fatalf("answered %d", w.Code)
	}
	events := g.log.Outgoing().Events
	if len(events) != 1 || events[0].Order != "shopify-eu~1001" || len(events[0].Claims) != 1 {
		t.Fatalf("events %+v", events)
	}
	c := events[0].Claims[0]
	if c.Native != "DELIVERED" || c.Axis != ledger.AxisFulfilment || c.Object != (ledger.Object{Type: "parcel", ID: "PB-7"}) || c.Earliest.String() != "2026-01-31T10:00:00Z" ||
		events[0].Aliases[0].String() != "tracking-number:PB-7" {
		t.Errorf("claim %+v, aliases %v", c, events[0].Aliases)
	}
	if w := g.post("parcelbird-eu", body+" ", "X-Parcelbird-Signature", "sha256="+signature); w.Code != 401 {
		t.Errorf("changed without signing: %d", w.Code)
	}
	odd := strings.Replace(body, "DELIVERED", "EATEN_BY_DOG", 1)
	if w := g.post("parcelbird-eu", odd, "X-Parcelbird-Signature", "sha256="+hex.EncodeToString(mac("a-shared-secret", odd))); w.Code != 200 || len(g.log.EventIDs()) != 2 {
		t.Errorf("an unknown word: %d", w.Code)
	}
}
