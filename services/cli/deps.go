package cli

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command is a command that somebody else carries out.
type Command struct {
	// Flags adds the command's flags; nil adds none.
	Flags func(*pflag.FlagSet)
	// Run carries it out.
	Run func(*cobra.Command, []string) error
}

// Deps are what the command line stands on.
type Deps struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// LookupEnv reads a variable of the environment.
	LookupEnv func(string) (string, bool)
	// CacheDir is the user's cache folder, where `dev` leaves its endpoints.
	CacheDir func() (string, error)
	// Terminal says whether Out is one: then tables are coloured, unless
	// NO_COLOR is set.
	Terminal bool
	Version  string
	Commit   string

	// The roles and tools that this package does not carry out itself.
	Dev, Demo, Connector, Ledger, API, Simulate, Lab, Prove Command
	RulesCheck, RulesTest, RulesFmt, MatrixCheck            Command
	// Import carries out `source import`.
	Import Importing
	// Topics returns what `topics plan` and `topics apply` need, for one of them.
	Topics func() TopicTasks
	// Log returns what `log export` and `log import` need, for one of them.
	Log func() LogTasks
	// Examine carries out `doctor`.
	Examine Examining
	// ConnectorTest carries out `connector test`.
	ConnectorTest Trying
}
