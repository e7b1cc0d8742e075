// Package role composes orderledger's parts into the roles of its processes:
//
//	Stack   the log (Kafka or the embedded broker), its topics, the codec
//	Edge    webhook server and pollers → Stack
//	Ledger  the fold of every partition, its ticks, its outbox → sinks
//	Surface gRPC, REST, admin
//
// `dev` is all of them in one process; in production each is a workload of the
// same binary. Parts are constructed in the order of the flow and closed in
// reverse.
package role
