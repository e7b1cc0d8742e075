package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/config"
)

// TestWhatASystemMustBeToldIsRefusedWhereItStands: before anything starts, all
// at once, with file, line and what to do.
func TestWhatASystemMustBeToldIsRefusedWhereItStands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orderledger.yaml")
	text := `sources:
- name: shop
  system: shopify
  origin: true
  base_url: https://shop.example
  tokens: {access_token: {env: TOKEN}}
- name: quiet
  system: shopify
  origin: true
  poll: {disabled: true}
- name: dated
  system: shopify
  origin: true
  base_url: https://dated.example
  tokens: {access_token: {env: TOKEN}}
  live_from: 2026-01-31
- name: erp
  system: netsweet
- name: wms
  system: shipstation
  origin_source: shop
  base_url: nowhere
  zone: Mars/North
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	if err := c.Read(file); err != nil {
		t.Fatal(err)
	}
	err := c.ValidateCatalog()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		file + ":2:3: sources[shop].since: feed orders is asked for", "set since: or live_from:",
		file + ":18:3: sources[erp].system: ", "netsuite",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in:\n%v", want, err)
		}
	}
	for _, not := range []string{"sources[quiet]", "sources[dated]"} {
		if strings.Contains(err.Error(), not) {
			t.Errorf("%s has no fault:\n%v", not, err)
		}
	}
	c.DataDir = "d"
	c.Finish()
	err = c.Validate()
	for _, want := range []string{file + ":22:3: sources[wms].base_url: ", file + ":23:3: sources[wms].zone: "} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not said once in:\n%v", want, err)
		}
	}
}

// TestSourcesOfAProgramHaveNoPlace: the file's places are not those of sources
// that stand in none.
func TestSourcesOfAProgramHaveNoPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orderledger.yaml")
	if err := os.WriteFile(file, []byte("sources:\n- {name: shop, system: shopify}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	if err := c.Read(file); err != nil {
		t.Fatal(err)
	}
	c.Sources[0].Name = "other"
	if err := c.ValidateCatalog(); err == nil || strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "sources[0] (other)") {
		t.Errorf("got %v", err)
	}
}
