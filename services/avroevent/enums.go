package avroevent

import "github.com/orderledger/orderledger/ledger"

// How many symbols each enum has in the schemas. The index of a symbol is the
// ledger's frozen number. UNKNOWN, the default by which old readers survive new
// symbols, has index 0; where the ledger uses 0 for a value it stands behind
// the known symbols and takes that number: the ledger's next one skips it.
const (
	axes         = 7
	kinds        = 11
	directions   = 3
	schemes      = 4 // NONE SEQUENCE TIMESTAMP UNKNOWN
	modes        = 4
	lineKinds    = 6
	amountKinds  = 7
	actionKinds  = 8
	subjectKinds = 6
	severities   = 4
	bases        = 4 // PROVEN ASSUMED INCOMPLETE UNKNOWN
	becauses     = 14
	changes      = 16
)

const (
	schemeUnknown = 3
	basisUnknown  = 3
)

// basisOf maps a symbol's index; what a reader does not know is incomplete.
func basisOf(index uint8) ledger.Basis {
	if index == basisUnknown {
		return ledger.BasisIncomplete
	}
	return ledger.Basis(index)
}
