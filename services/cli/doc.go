// Package cli is orderledger's command line: resource first, as `gh` does it.
//
// Answers go to Out, everything else (progress, freshness, errors) to Err. A
// command ends with 0, with 1 for an error, 2 for wrong usage, or 3 if it found
// what it was asked to look for. What the process roles do is given in by Deps;
// this package knows how to ask a running ledger, and how to draw the answer.
package cli
