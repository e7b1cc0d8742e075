// Package engine moves partitions of the log through the fold into local
// stores: record → fold → one Pebble batch of state, outbox and place.
//
// The steps (Fold, Ticker, Coverage) take values and an injected clock and do
// no I/O of their own; Node gives them Kafka and Pebble. A crash anywhere
// leaves the store at exactly the state of the records before its stored
// offset (I-2, I-3).
package engine
