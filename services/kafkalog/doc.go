// Package kafkalog is the only code of orderledger that knows Kafka.
//
// It moves bytes: records are appended to the log and read back from it in
// the order of their offsets. What the bytes mean is none of its business.
//
// Three promises carry everything built on top:
//
//   - An append that returns a [Position] is in the log: every in-sync replica
//     has it. An append whose context ends first returns [ErrUndecided]; its
//     record may still land, so the caller repeats it and relies on event ids.
//   - A reader starts where it is told and never moves by itself. When the log
//     no longer holds what the reader needs next, the partition stops with
//     [ErrLogLost]; it is never rewound and never skipped ahead.
//   - Topics are verified before they are trusted ([Admin.EnsureTopics]): the
//     events are kept for ever, uncompacted, with a fixed number of partitions.
//
// The interfaces in journal.go have two implementations: [Log] on Kafka and
// the in-memory one of package memlog. Package kafkalogtest holds the suite
// that both pass.
package kafkalog
