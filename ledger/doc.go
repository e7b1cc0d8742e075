// Package ledger is the truth of orderledger: what an order is, derived from
// what outside systems claim about it.
//
// The package is a pure function. It has no clock, no randomness, no
// goroutine, no I/O and no dependency outside the standard library. Time,
// policy and coverage reach it only as records of the log, so that the state of
// a partition at an offset is the same on every replica, on every run.
//
// # Laws
//
//   - Total: every record has a defined result. What is not understood is kept
//     (as an unknown kind, shelved or quarantined), never guessed, never dropped.
//   - Convergent: cells, histories and current verdicts are functions of the
//     sets of claims and policies, of coverage and of the clock, not of arrival
//     order or batching (S-8).
//   - Once: an event id takes effect once per order, for ever (S-5).
//   - Absence is proven: a breach is said only when every feed the rule depends
//     on was heard over the whole interval (S-19); otherwise it waits, visibly.
//   - Nothing said is rewritten: a changed verdict is a new fact (S-24).
//
// The flow through the package is
//
//	Record → Partition.Apply → registers → cells → obligations → verdicts → exceptions
//
// with every consequence for the outside world handed back as rows (see Rows).
package ledger
