// Package catalog says what the documents of each outside system mean. A system
// is one YAML file: its feeds, how to ask and how to trust it, and CEL
// expressions that turn a JSON document into the claims of a ledger.Event.
//
// Expressions see a redacted document, so nothing personal can leave through a
// mapping. Numbers never pass through floating point: whole numbers are ints,
// all others are the text the sender wrote.
package catalog
