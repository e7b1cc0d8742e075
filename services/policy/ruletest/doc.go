// Package ruletest runs test files against policies: a timeline of events,
// ticks and coverage goes in, and cells, verdicts and exceptions are compared
// with what the file expects. The shape follows promtool's rule tests.
//
// # Laws
//
//   - The ledger is the real one: a ledger.Partition over a ledger.MemStore.
//     Nothing here decides anything about an order.
//   - Input stands in the log in the order of the file, whose instants never
//     decrease. Time passes by ticks alone, and every tick is written down.
//   - An expectation compares exactly the keys it writes, and lists whole: what
//     is not expected and present is a finding.
//   - Rewrite changes expectations only, and only those that failed.
package ruletest
