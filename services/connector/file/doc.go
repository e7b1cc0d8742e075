// Package file reads orders out of files: CSV, JSON lines and JSON arrays, plain
// or in gzip or zstd, one path or whole folders.
//
//	path ─▶ dialect ─▶ splitter ─▶ batches ─▶ rows ─▶ catalog ─▶ Sink
//	          │            └─ digest of what was read ─┐
//	          └ encoding, delimiter, header            └▶ cursor, range ─▶ StatusStore
//
// A file is read once: how far is remembered in the feed's status, together with
// digests that tell whether the file grew or was replaced. What cannot be read
// is set aside row by row, and never stops its neighbours.
package file
