package connector_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

type sources struct {
	Sources []connector.Source `yaml:"sources"`
}

func TestSourcesFromYAML(t *testing.T) {
	var s sources
	err := strictyaml.Decode("config.yaml", []byte(`
sources:
- name: shopify-eu
  system: shopify
  origin: true
  base_url: https://shop.example
  secret_files: [/run/secrets/old, /run/secrets/new]
  tokens: {access_token: {file: /run/secrets/token}}
  live_from: 2026-01-31
  since: 2026-01-01T00:00:00Z
  skew: 3s
  poll: {interval: 30s, per_second: 1.5}
  feeds: {orders: {settle: 20s}}
- name: netsuite-main
  system: netsuite
  origin_source: shopify-eu
  account: 123456_SB1
  zone: Europe/Berlin
`), &s)
	if err != nil {
		t.Fatal(err)
	}
	if err := connector.ValidateSources(s.Sources); err != nil {
		t.Fatal(err)
	}
	eu, ns := s.Sources[0], s.Sources[1]
	if eu.OriginName() != "shopify-eu" || ns.OriginName() != "shopify-eu" || eu.LiveFrom.Instant().String() != "2026-01-31T00:00:00Z" ||
		eu.Skew.Duration().Seconds() != 3 || eu.Feeds["orders"].Settle.Duration().Seconds() != 20 || eu.Poll.PerSecond != 1.5 {
		t.Errorf("%+v", eu)
	}
}

func TestValidateJoinsEverything(t *testing.T) {
	err := connector.ValidateSources([]connector.Source{
		{
			Name: "Shop", Role: "boss", Origin: true, OriginSource: "other", BaseURL: "ftp://x", Zone: "Mars/Base",
			SecretFiles: []string{"a", "b"}, SecretEnv: []string{"C"}, Tokens: map[string]connector.SecretRef{"t": {}},
			Verify: &connector.Verify{Scheme: "hmac-sha256", Encoding: "rot13"}, Feeds: map[string]connector.FeedSettings{"f": {Coverage: "maybe"}},
		},
		{Name: "erp", System: "netsuite", OriginSource: "nowhere"},
		{Name: "erp", System: "netsuite"},
	})
	for _, want := range []string{
		"sources[Shop].name", "sources[Shop].system", ".role", ".origin_source", ".base_url", ".zone", ".secret_files: 3 secrets", ".tokens.t", ".verify: encoding", "header:",
		".feeds.f.coverage", `sources[erp].origin_source: "nowhere"`, "sources[erp].name: stands twice",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no mention of %s in\n%v", want, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	s := connector.Secrets{
		ReadFile: func(path string) ([]byte, error) {
			if path == "blank" {
				return []byte(" \n"), nil
			}
			if path == "good" {
				return []byte(" hush\n"), nil
			}
			return nil, fs.ErrNotExist
		},
		LookupEnv: func(name string) (string, bool) { return "from env", name == "GOOD" },
	}
	got, err := s.Webhook(&connector.Source{SecretFiles: []string{"good"}, SecretEnv: []string{"GOOD"}})
	if err != nil || len(got) != 2 || string(got[0]) != "hush" || string(got[1]) != "from env" {
		t.Errorf("%q, %v", got, err)
	}
	for _, src := range []connector.Source{{SecretFiles: []string{"blank"}}, {SecretEnv: []string{"BAD"}}, {SecretFiles: []string{"gone"}}} {
		if _, err := s.Webhook(&src); !errors.Is(err, connector.ErrNoSecret) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: %v", src, err)
		}
	}
	if _, err := s.TokensOf(&connector.Source{Tokens: map[string]connector.SecretRef{"t": {File: "good", Env: "GOOD"}}}); err == nil {
		t.Error("a token in two places was taken")
	}
}
