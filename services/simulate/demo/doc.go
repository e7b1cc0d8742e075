// Package demo plans and tells the demonstration: a small shop that opened
// twenty minutes ago, whose past reaches a ledger as a backlog and whose present
// goes on at normal speed, with faults that all become knowable before the
// demonstration ends. It tells what the ledger finds out as it happens, and at
// the end what it should have found.
package demo
