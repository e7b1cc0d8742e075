// Package schemaregistry makes the committed Avro schemas known at a schema
// registry that speaks the Confluent API, under the committed ids. It is the
// only code that speaks to such a registry.
//
// The ledger itself never asks one: ids and schemas come with the program
// (proto/avro). A registry is for everybody else who reads the topics.
package schemaregistry
