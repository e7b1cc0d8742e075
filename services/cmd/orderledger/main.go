// Command orderledger is the whole product in one binary.
//
//	config ─▶ role.Stack (log) ─▶ role.Edge      connector, dev
//	                           ├▶ engine.Node    ledger, api, dev
//	                           │      └▶ api.Server ─▶ api.Surface (gRPC, REST)
//	                           └▶ admin.Handler (health, metrics)
//	cli ─────────── gRPC ─────────────▶ api.Surface
//
// The embedded ClickHouse runs in a child process, which is this binary again
// with a hidden first argument.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/role"
)

// version is set when the binary is built for a release.
var version = "dev"

func main() {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.RunChild(os.Args[2:]))
	}
	os.Exit(cli.Run(untilAsked(), deps(), os.Args[1:]))
}

// untilAsked returns a context that ends when the process is asked to end.
// Asked a second time, the process ends at once: that loses nothing either, but
// a partition waits for its next owner until the session timeout.
func untilAsked() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-asked
		cancel()
		<-asked
		os.Exit(cli.ExitError)
	}()
	return ctx
}

// deps joins the command line with this process.
func deps() cli.Deps {
	return cli.Deps{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, CacheDir: os.UserCacheDir,
		Terminal: terminal(os.Stdout), Version: version, Commit: commit(),
		Dev: newRole(role.Everything()), Demo: newDemo(), Connector: newRole(role.Parts{Edge: true}),
		Ledger: newRole(role.Parts{History: true}), API: newRole(role.Parts{API: true, Standby: true}),
		ConnectorTest: newConnectorTest(), Topics: newTopics, Log: newLog, Examine: newDoctor(),
		Import: newImport(), Simulate: newSimulate(), Lab: newLab(), Prove: newProve(), RulesTest: newRulesTest(), RulesFmt: newRulesFmt(),
		RulesCheck: newCheck(func(d *policy.Draft, c *role.Checked) []policy.Problem { return d.Check(c.Policy) }),
		MatrixCheck: newCheck(func(d *policy.Draft, c *role.Checked) []policy.Problem {
			return d.CheckMatrix(c.Policy, c.Vocabularies)
		}),
	}
}

// terminal reports whether a person reads the file.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// commit is the revision the binary was built from.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}
