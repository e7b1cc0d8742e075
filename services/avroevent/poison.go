package avroevent

// Reasons of a ledger.Poison. The set is closed and the words are frozen: they
// stand in quarantine entries. They are tried in this order, the first that
// applies is given.
const (
	// ReasonTombstone: the value is empty.
	ReasonTombstone = "tombstone"
	// ReasonOversize: the value is longer than MaxValue.
	ReasonOversize = "oversize"
	// ReasonNotAvro: shorter than a header, or not beginning with 0x00.
	ReasonNotAvro = "not-avro"
	// ReasonUnknownSchema: the schema id is not in the manifest.
	ReasonUnknownSchema = "unknown-schema"
	// ReasonMisplaced: a record of ours that has no place in the log it stands
	// in, such as a SourceStatus among events.
	ReasonMisplaced = "misplaced"
	// ReasonMalformed: the bytes are not what the schema says.
	ReasonMalformed = "malformed"
	// ReasonTrailing: bytes follow the record.
	ReasonTrailing = "trailing-bytes"
	// ReasonInvalid: readable, but breaks a rule the fold relies on.
	ReasonInvalid = "invalid"
	// ReasonForgedID: the event's id is not the one computed from its content.
	ReasonForgedID = "forged-id"
)
