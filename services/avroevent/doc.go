// Package avroevent is the only code that knows Avro: it turns the records of
// the ledger into bytes and back.
//
// A value is the Confluent wire format, 0x00, four bytes of schema id in
// network order, then the Avro binary form. The schemas, their ids and their
// versions stand in proto/avro and never change once listed.
//
// Decode is total: any bytes give a record or a Poison, the same on every
// replica and on every run, within a bounded amount of memory and work. What
// the fold relies on is checked here: enums that decide anything, order keys,
// event ids.
package avroevent
