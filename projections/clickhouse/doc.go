// Package clickhouse is the only code that knows ClickHouse: the tables and
// views that are the analysts' contract, their migrations, and the sink that
// keeps them.
package clickhouse
