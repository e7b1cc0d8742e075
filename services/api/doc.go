// Package api answers questions about orders from the ledger's own stores, over
// gRPC and REST, and proposes what people want done as records of the log.
//
// # Laws
//
//   - Any replica answers, from one snapshot per partition, and says how fresh
//     it is: every answer carries the offset and clock of each partition it
//     draws on.
//   - An action exists when its record has been read back. Until then the
//     answer is OUTCOME_UNKNOWN, never a guess.
//   - Deny by default: a method without a permission cannot be called, and a
//     test walks the registered methods to see that each has one.
//   - Every error has exactly one reason from the table in proto/README.md; one
//     function makes them.
//   - Clients wait as long as their deadline says and no longer; streams end
//     when they are cancelled, and beat while nothing happens.
package api
