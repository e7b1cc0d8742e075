package kafkalog

import "github.com/orderledger/orderledger/ledger"

// PartitionFor returns the partition of a key among n partitions, as the Java
// client's default partitioner computes it: murmur2 of the key, sign bit
// cleared, modulo n. A missing key counts as the empty key. It panics if n is
// not positive.
func PartitionFor(key []byte, n int32) int32 { return ledger.PartitionOf(key, n) }
