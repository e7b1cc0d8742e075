package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// app is what the commands share: the dependencies and the common flags.
type app struct {
	Deps
	endpoint      string
	endpointsFile string
	tokenFile     string
	caFile        string
	certFile      string
	keyFile       string
	timeout       time.Duration
	output        string
	noHeaders     bool
}

// New returns the whole command tree.
func New(d Deps) *cobra.Command {
	if d.In == nil {
		d.In = os.Stdin
	}
	a := &app{Deps: d}
	root := group("orderledger", "Where every order is, and which ones are in trouble", a.orders(), a.exceptions(), a.quarantine(), a.sources(), a.query(),
		a.topics(), a.log(), a.config(), a.doctor(), a.version(), a.completion(),
		outside("dev", "Run everything in one process on the embedded engines", cobra.NoArgs, d.Dev),
		outside("demo", "Run a small shop with faults, and find them", cobra.NoArgs, d.Demo),
		holding(outside("connector", "Run the role that listens to the outside systems", cobra.NoArgs, d.Connector), a.connectorTest()),
		outside("ledger", "Run the role that folds the log", cobra.NoArgs, d.Ledger),
		outside("api", "Run the role that answers questions", cobra.NoArgs, d.API),
		outside("simulate", "Send orders, with faults, to a running instance", cobra.NoArgs, d.Simulate),
		outside("lab", "Measure the detector against seeded shops with known faults", cobra.NoArgs, d.Lab),
		outside("prove", "Check that what is stored follows from the log", cobra.ArbitraryArgs, d.Prove),
		group("rules", "Check, test and format rules",
			outside("check [FILE...]", "Report what is wrong with rules", cobra.ArbitraryArgs, d.RulesCheck),
			outside("test [FILE...]", "Run test files against rules", cobra.ArbitraryArgs, d.RulesTest),
			outside("fmt [FILE...]", "Rewrite rules canonically", cobra.ArbitraryArgs, d.RulesFmt)),
		group("matrix", "Check the status matrix",
			outside("check [FILE...]", "Report words that are missing, doubled or unreachable", cobra.ArbitraryArgs, d.MatrixCheck)))
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(d.In)
	root.SetOut(d.Out)
	root.SetErr(d.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return Usage("%w: see `%s --help`", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&a.endpoint, "endpoint", "", "gRPC address of the ledger, host:port or https://host:port [ORDERLEDGER_ENDPOINT]")
	f.StringVar(&a.endpointsFile, "endpoints-file", "", "endpoints that `dev` wrote [ORDERLEDGER_ENDPOINTS_FILE]")
	f.StringVar(&a.tokenFile, "token-file", "", "file with the bearer token [ORDERLEDGER_TOKEN_FILE]")
	f.StringVar(&a.caFile, "tls-ca-file", "", "authorities to trust for https:// endpoints, PEM; the system's by default [ORDERLEDGER_TLS_CA_FILE]")
	f.StringVar(&a.certFile, "tls-cert-file", "", "client certificate, where the ledger demands one [ORDERLEDGER_TLS_CERT_FILE]")
	f.StringVar(&a.keyFile, "tls-key-file", "", "key of the client certificate [ORDERLEDGER_TLS_KEY_FILE]")
	f.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
	f.StringVarP(&a.output, "output", "o", "table", "table, wide, json, yaml or ndjson")
	f.BoolVar(&a.noHeaders, "no-headers", false, "leave out the headers of tables")
	return root
}

// outside makes a command that the process carries out. Its own flags win over
// common ones of the same name.
func outside(use, short string, args cobra.PositionalArgs, c Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return Usage("%s takes no argument %q: see `%s --help`", cmd.CommandPath(), given[0], cmd.CommandPath())
		}
		return nil
	}}
	if c.Flags != nil {
		c.Flags(cmd.Flags())
	}
	cmd.RunE = c.Run
	if c.Run == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
		}
	}
	return cmd
}

// holding adds commands under one that does something itself.
func holding(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	own := cmd.Args
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if len(given) > 0 {
			return unknownCommand(cmd, given[0])
		}
		return own(cmd, given)
	}
	cmd.AddCommand(children...)
	return cmd
}

// env reads a variable unless a flag was given.
func (a *app) env(flag, name string) string {
	if flag != "" || a.LookupEnv == nil {
		return flag
	}
	if v, ok := a.LookupEnv(name); ok {
		return v
	}
	return ""
}

// within bounds a question by --timeout.
func (a *app) within(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return context.WithTimeout(cmd.Context(), a.timeout)
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(0, "no arguments"), RunE: func(*cobra.Command, []string) error {
		if a.output == "json" {
			return a.document([]byte(fmt.Sprintf(`{"version":%q,"commit":%q}`, a.Version, a.Commit)))
		}
		_, err := fmt.Fprintf(a.Out, "orderledger %s (%s)\n", a.Version, a.Commit)
		return err
	}}
}

func (a *app) completion() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(r *cobra.Command, w io.Writer) error { return r.GenBashCompletionV2(w, true) },
		"zsh":        func(r *cobra.Command, w io.Writer) error { return r.GenZshCompletion(w) },
		"fish":       func(r *cobra.Command, w io.Writer) error { return r.GenFishCompletion(w, true) },
		"powershell": func(r *cobra.Command, w io.Writer) error { return r.GenPowerShellCompletionWithDesc(w) },
	}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a shell's completion script", Args: exactly(1, "the name of a shell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"}, RunE: func(cmd *cobra.Command, args []string) error {
			fn, ok := shells[args[0]]
			if !ok {
				return Usage("unknown shell %q: want bash, zsh, fish or powershell", args[0])
			}
			return fn(cmd.Root(), a.Out)
		},
	}
}
