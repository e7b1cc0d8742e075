package catalog_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// TestReadmeSources: the sources that the README shows are right for their
// systems, and every option that a system has is told there.
func TestReadmeSources(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "## Stripe and ShipStation")
	_, block, _ := strings.Cut(text, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var cfg struct {
		Sources []connector.Source `yaml:"sources"`
	}
	if err := strictyaml.Decode("config.yaml", []byte(block), &cfg); err != nil || len(cfg.Sources) != 2 {
		t.Fatalf("%d sources: %v", len(cfg.Sources), err)
	}
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		s, _ := mapperOf(t, src.System)
		if err := s.Check(src); err != nil {
			t.Error(err)
		}
		if err := src.Validate(); err != nil {
			t.Error(err)
		}
		for _, o := range s.Options {
			if !strings.Contains(text, "`"+o.Name+"`") || o.Help == "" {
				t.Errorf("option %s of %s is not told", o.Name, s.Name)
			}
		}
		for _, f := range s.Feeds {
			if !strings.Contains(text, "`"+f.Name+"`") && !strings.HasSuffix(f.Name, "-of-old") {
				t.Errorf("feed %s of %s is not told", f.Name, s.Name)
			}
		}
	}
}
