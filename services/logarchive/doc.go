// Package logarchive is the file format in which a whole log is kept outside of
// Kafka: every record of every topic with its place, key, headers and time,
// compressed, and hashed so that one wrong bit is found and named.
package logarchive
