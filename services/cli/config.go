package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/config"
)

func (a *app) config() *cobra.Command {
	return group("config", "Check and show the configuration", a.configValidate(), a.configPrint(), a.configSchema())
}

func (a *app) lookup(name string) (string, bool) {
	if a.LookupEnv == nil {
		return os.LookupEnv(name)
	}
	return a.LookupEnv(name)
}

func (a *app) configValidate() *cobra.Command {
	cmd := &cobra.Command{Use: "validate", Short: "Report everything that is wrong with the configuration", Args: exactly(0, "no arguments")}
	flags := config.Bind(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		c, err := flags.Load(a.lookup)
		if err == nil {
			err = errors.Join(c.Validate(), c.ValidateCatalog())
		}
		if err != nil {
			return Findings(fmt.Errorf("the configuration has problems:\n%w", err))
		}
		_, err = fmt.Fprintln(a.Out, "the configuration is valid")
		return err
	}
	return cmd
}

func (a *app) configPrint() *cobra.Command {
	cmd := &cobra.Command{Use: "print", Short: "Show the configuration in effect", Args: exactly(0, "no arguments")}
	flags := config.Bind(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		if _, err := a.format(); err != nil {
			return err
		}
		c, err := flags.Load(a.lookup)
		if err != nil {
			return err
		}
		if !a.drawn() {
			return a.configDocument(c)
		}
		t := a.table("KEY", "VALUE")
		for _, p := range c.Effective() {
			t.row(p[0], dash(p[1]))
		}
		return t.write(a.Out)
	}
	return cmd
}

// configDocument writes the configuration as a file that can be read again.
func (a *app) configDocument(c *config.Config) error {
	raw, err := c.Document()
	if err != nil {
		return err
	}
	if a.output == "yaml" {
		_, err := a.Out.Write(raw)
		return err
	}
	var whole map[string]any
	if err := yaml.Unmarshal(raw, &whole); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if raw, err = json.Marshal(whole); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return a.document(raw)
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: exactly(0, "no arguments"), RunE: func(*cobra.Command, []string) error {
		raw, err := json.Marshal(configSchema())
		if err != nil {
			return fmt.Errorf("write schema: %w", err)
		}
		if a.drawn() {
			a.output = "json"
		}
		return a.document(raw)
	}}
}
