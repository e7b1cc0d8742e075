package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Document is the whole configuration as a YAML file that Read accepts and that
// gives the same configuration again. It names the files of secrets, and holds
// none.
func (c *Config) Document() ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	prune(&root)
	out, err := yaml.Marshal(&root)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return out, nil
}

// prune removes what says nothing: absent values and instants, empty lists and
// blocks.
func prune(n *yaml.Node) {
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		prune(val)
		instant := key.Value == "live_from" || key.Value == "since"
		if val.Tag == "!!null" || instant && val.Value == "none" || val.Kind != yaml.ScalarNode && len(val.Content) == 0 {
			continue
		}
		kept = append(kept, key, val)
	}
	if n.Kind == yaml.MappingNode {
		n.Content = kept
		return
	}
	for _, c := range n.Content {
		prune(c)
	}
}
