package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The exit codes.
const (
	ExitOK       = 0
	ExitError    = 1
	ExitUsage    = 2
	ExitFindings = 3
)

// exitError is an error with the code that the process ends with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// Findings says that a check found something: exit code 3.
func Findings(err error) error { return &exitError{ExitFindings, err} }

// Usage says that a command was called wrongly: exit code 2.
func Usage(format string, args ...any) error {
	return &exitError{ExitUsage, fmt.Errorf(format, args...)}
}

// code is the exit code of what a command returned.
func code(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.code
	default:
		return ExitError
	}
}

// Run carries out a command line and returns the exit code. Errors are written
// to d.Err: what, why, and what to do.
func Run(ctx context.Context, d Deps, args []string) int {
	root := New(d)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	_, _ = fmt.Fprintln(d.Err, "error: "+explain(err))
	return code(err)
}

// explain writes an error for people: a status with its reason and what to do.
func explain(err error) string {
	s, ok := status.FromError(err)
	if !ok || s.Code() == codes.Unknown {
		return err.Error()
	}
	reason := ""
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	switch {
	case reason != "":
		return s.Message() + " [" + reason + "]"
	case s.Code() == codes.Unavailable:
		return s.Message() + "\n  is the ledger running? start one with `orderledger dev`, or name another with --endpoint host:port"
	case s.Code() == codes.DeadlineExceeded:
		return "no answer in time: the ledger is busy or away; --timeout gives it longer"
	default:
		return s.Message()
	}
}

// group makes a command that only holds others. Called without one of them it
// shows its help; with an unknown one it says which was meant.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.AddCommand(children...)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
	return c
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	hint := fmt.Sprintf("run `%s --help` to see the commands", cmd.CommandPath())
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return Usage("unknown command %q for %q: %s", name, cmd.CommandPath(), hint)
}

// exactly and atMost check the number of arguments as usage errors.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return Usage("%s takes %s, and got %d arguments: see `%s --help`", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}
