// Package sim runs the whole ledger in one goroutine: the engine's own steps,
// the connectors' pollers, mappers and sinks, and the sinks of the outbox, on
// a model of everything around them: a broker, ClickHouse, clocks, disks and
// source systems. One seed decides all of it, so that a run that fails fails
// again, and can be made smaller while it does.
package sim
