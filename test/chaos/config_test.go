package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/role"
)

// partitions of a round's log.
const partitions = 4

// pageSize is that of the back office's list.
const pageSize = 100

// secret is what both systems share with the edge, and the API with who asks.
const secret = "hush-hush-hush-hush-hush-hush-hush"

// The names of the sources.
const (
	storefront = "shop"
	backOffice = "office"
	provider   = "pay"
)

// backOfficeSystem describes the back office: orders with stamps to the
// millisecond, listed by their changes.
const backOfficeSystem = `system: backoffice
title: Back Office
role: erp
precision: 1ms
skew: 500ms

feeds:
- name: orders
  documents: [order]
  settle: 1s
  expected_every: 5s
  proves:
  - {axis: order, object: order}
  poll:
    kind: keyset
    path: /orders
    query: {since: "{since}"}
    after: {after: "{key.version}", id: "{key.id}"}
    items: orders
    key_version: updated_at
    key_id: id
    limit: 100
    since_layout: "2006-01-02T15:04:05.000Z07:00"
    interval: 500ms
    auth: {scheme: header, header: X-Token, token: access_token}

documents:
- name: order
  kind: order
  direction: incoming
  shape: has(it.id) && has(it.reference) && has(it.created_at) && has(it.updated_at)
  order: it.reference
  object: {type: order, id: text(it.id)}
  version: {scheme: timestamp, parts: [it.updated_at]}
  aliases:
  - {type: office-number, value: "it.?number"}
  claims:
  - {axis: order, mode: created, native: "'created_at'", stamp: it.created_at}
  - {axis: order, native: it.status}

unknown:
  order: it.?reference

words:
- axis: order
  words: [created_at, open, released]

matrix:
- {axis: order, word: created_at, state: RECEIVED}
- {axis: order, word: open, state: RECEIVED}
- {axis: order, word: released, state: PROCESSING}

personal:
  hash: ["**.email"]
  remove: ["**.contact"]
`

// promise is the rule that the campaign is judged by.
const promise = `groups:
- name: handoff
  rules:
  - rule: ingestion
    from: storefront.order >= PLACED
    until: erp.order != ABSENT
    within: %s
    exception: CheckoutDisconnect
    severity: critical
    depends_on: [erp]
    labels: {hop: storefront→erp, owner: integration}
    annotations: {impact: The order is not sent., remedy: Send it again.}
`

// common is what the configurations of all roles have in common.
type common struct {
	dir    string
	office string // the address of the back office
}

// write writes the files that the configurations name, and returns their common
// part.
func (c common) write(opened time.Time) (string, error) {
	files := map[string]string{
		"secret": secret + "\n", "catalog/backoffice.yaml": backOfficeSystem, "rules.yaml": fmt.Sprintf(promise, within),
	}
	for name, text := range files {
		file := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return "", fmt.Errorf("write configuration: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write configuration: %w", err)
		}
	}
	key := filepath.Join(c.dir, "secret")
	return strings.Join([]string{
		fmt.Sprintf("partitions: %d", partitions),
		"ledger: {session_timeout: 6s, disk_reserve_bytes: 8388608}",
		"shutdown: {timeout: 15s}",
		"catalog_dirs: [" + filepath.Join(c.dir, "catalog") + "]",
		"policy: {rules: [" + filepath.Join(c.dir, "rules.yaml") + "]}",
		"hash_key_file: " + key,
		"auth: {token_files: [" + key + "]}",
		"sources:",
		fmt.Sprintf("- {name: %s, system: shopify, origin: true, secret_files: [%s], poll: {disabled: true}, precision: 1ms, skew: 500ms}", storefront, key),
		fmt.Sprintf("- {name: %s, system: demopay, origin_source: %s, secret_files: [%s]}", provider, storefront, key),
		fmt.Sprintf("- {name: %s, system: backoffice, origin_source: %s, base_url: \"http://%s\", tokens: {access_token: {file: %s}}, live_from: %s, poll: {per_second: 20, burst: 20}}",
			backOffice, storefront, c.office, key, opened.UTC().Format(time.RFC3339)),
		"",
	}, "\n"), nil
}

// bind gives the shop what the product makes of its documents.
func (s *shop) bind(file string) error {
	cfg := config.Default()
	if err := cfg.Read(file); err != nil {
		return err
	}
	cat, err := role.BoundCatalog(cfg)
	if err != nil {
		return err
	}
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		sys, err := cat.System(src.System)
		if err != nil {
			return err
		}
		m, err := sys.NewMapper(catalog.MapperOptions{Source: src, HashKey: []byte(secret)})
		if err != nil {
			return err
		}
		feed := sys.Feed("orders")
		if src.Name != backOffice {
			feed = sys.WebhookFeed()
		}
		s.mapper[src.Name] = func(raw []byte) catalog.Result {
			return m.Map(catalog.Input{Feed: feed, Raw: raw, ReceivedAt: ledger.At(time.Now())})
		}
	}
	return nil
}
