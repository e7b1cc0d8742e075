// Package simulate plays a small shop to a running instance. The shop itself is
// in package shop, its systems on the wire in transport, what a ledger should
// find out in truth, the demonstration in demo; simulatetest lets a ledger listen
// without a network.
package simulate
