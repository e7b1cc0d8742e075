// Package projections says what a read model of the ledger is: rows that are a
// pure function of (partition, table, seq), written in contiguous blocks, and
// how far a sink has them.
//
// A sink never decides what is true. It holds a prefix of the rows that the
// fold told, and can say which prefix; whatever it lacks is sent again.
package projections
