// Package connector is the edge at which outside systems reach the ledger. It
// turns what they push and what we ask them into ledger.Event values, and what
// it proved to have heard into ledger.SourceStatus.
//
// # Laws
//
//   - A delivery is acknowledged only when every record made of it stands in the
//     log at a known offset (Sink). Everything else is 503 and a retry.
//   - Authenticity is settled on the raw bytes, before anything is parsed.
//   - What is authentic but not understood is quarantined and acknowledged.
//   - Coverage is reported only after the records it covers are acknowledged.
//   - An event's identity depends on the signed document alone: never on
//     headers, topics, retries or the way it came (S-4).
//
// The parts: catalog (one YAML file per system: what its documents mean),
// webhook (the server), poll (the reader of change lists), document (bounded
// JSON and redaction), strictyaml (files people write). This package holds what
// they share and what other packages implement: Sink, StatusStore, Clock,
// Observer and the configuration of a Source.
package connector
