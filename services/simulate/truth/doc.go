// Package truth holds what a simulation knows and a ledger must find out: every
// order, what went wrong with it, and which exceptions must be claimed by when.
// A truth file is written for the judge and never read by the ledger. Score
// compares it with what a ledger claimed.
package truth
