// Package topic reads order events that stand on a Kafka topic already, written
// by somebody else, and proves how far that topic was heard (S-17).
//
// It is in no consumer group and commits nothing: its place is the cursor of
// its own SourceStatus, which stands in the ledger's log behind the records it
// covers. Killed anywhere it goes on behind the last saved place; what it reads
// twice takes no effect (S-5).
package topic
