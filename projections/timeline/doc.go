// Package timeline tells an order's story: one entry per claim and per fact of
// the ledger, in the order of the log, each with one sentence that a person
// without knowledge of the systems understands.
//
// Entries are a pure function of what the log holds. They are numbered densely
// from 1; what the log gains later is only ever added at the end, so a reader
// who knows the last number it saw knows what is new.
package timeline
