package schemaregistry

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"
)

// ErrAway is the identity of errors that pass by themselves: the registry does
// not answer, or says that it cannot at the moment.
var ErrAway = errors.New("the schema registry is away")

// Refusal means that readers who trust the registry would not understand our
// records. Somebody has to act; trying again does not help.
type Refusal struct {
	// Subject is where; empty if it concerns the whole registry.
	Subject string
	// Problem and Remedy are one sentence each.
	Problem, Remedy string
	err             error
}

// Error says what is wrong and what to do.
func (r *Refusal) Error() string {
	where := "schema registry"
	if r.Subject != "" {
		where += ": subject " + r.Subject
	}
	return fmt.Sprintf("%s: %s: %s", where, r.Problem, r.Remedy)
}

// Unwrap returns the registry's own words.
func (r *Refusal) Unwrap() error { return r.err }

// classify turns a failed request into ErrAway or a Refusal.
func classify(subject, doing string, err error) error {
	var said *sr.ResponseError
	if errors.Is(err, ErrAway) {
		return err
	}
	if !errors.As(err, &said) {
		return fmt.Errorf("%s: %w: %w", doing, ErrAway, err)
	}
	switch {
	case said.StatusCode >= http.StatusInternalServerError, said.StatusCode == http.StatusTooManyRequests, said.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("%s: %w: %d %w", doing, ErrAway, said.StatusCode, err)
	case said.StatusCode == http.StatusUnauthorized, said.StatusCode == http.StatusForbidden:
		return &Refusal{
			Subject: subject, Problem: fmt.Sprintf("%s: not allowed (%d)", doing, said.StatusCode), err: err,
			Remedy: "set schema_registry.username and password_file to an account that may read and register the subjects orders.*",
		}
	default:
		return &Refusal{
			Subject: subject, Problem: fmt.Sprintf("%s: %d %s", doing, said.StatusCode, said.Error()), err: err,
			Remedy: "check that schema_registry.url names a registry that speaks the Confluent API",
		}
	}
}

// missing reports whether the registry answered that it has no such subject,
// version or schema.
func missing(err error) bool {
	var said *sr.ResponseError
	return errors.As(err, &said) && said.StatusCode == http.StatusNotFound && said.ErrorCode/100 == http.StatusNotFound
}

// notImporting reports whether the registry wants the subject's mode to be
// IMPORT before it takes an id.
func notImporting(err error) bool {
	var said *sr.ResponseError
	return errors.As(err, &said) && said.ErrorCode == sr.ErrOperationNotPermitted.Code
}
