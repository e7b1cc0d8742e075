package audit

import "github.com/orderledger/orderledger/ledger"

// Kind says what is wrong.
type Kind uint8

// The kinds. The numbers are those of the contract.
const (
	Residual Kind = 1 // records without an outcome
	Skipped  Kind = 2 // the state was folded from other records than the log holds
	Missing  Kind = 3 // rows that were acknowledged are not there
	Doubled  Kind = 4 // rows stand there more than once
	Changed  Kind = 5 // rows are not what they were
)

var kindNames = [...]string{"none", "residual", "skipped", "missing", "doubled", "changed"}

// String returns the kind's name, such as "missing".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "none"
}

// Finding is one thing that is not as it follows from the log.
type Finding struct {
	Kind       Kind            `json:"kind"`
	Topic      string          `json:"topic"`
	Partition  int32           `json:"partition"`
	Table      string          `json:"table,omitempty"`
	FirstRow   uint64          `json:"first_row,omitempty"`
	LastRow    uint64          `json:"last_row,omitempty"`
	Offset     int64           `json:"offset"` // −1 if unknown
	LastOffset int64           `json:"last_offset"`
	Source     ledger.Source   `json:"source,omitempty"`
	Order      ledger.OrderKey `json:"order,omitempty"`
	Text       string          `json:"text"`
	FoundAt    ledger.Instant  `json:"found_at"`
	Standing   bool            `json:"-"`
}

// same reports whether two findings are about the same thing.
func (f *Finding) same(g *Finding) bool {
	return f.Kind == g.Kind && f.Topic == g.Topic && f.Partition == g.Partition && f.Table == g.Table && f.FirstRow == g.FirstRow &&
		f.LastRow == g.LastRow && f.Offset == g.Offset && f.LastOffset == g.LastOffset && f.Source == g.Source
}

// Audited is how far one partition has been audited.
type Audited struct {
	Topic     string
	Partition int32
	// Offset is that up to which every record was counted once more.
	Offset int64
	// Residual is the records without an outcome, over all sources.
	Residual int64
}
