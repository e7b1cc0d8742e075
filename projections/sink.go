package projections

import (
	"context"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// Table is one of the tables rows are told for.
type Table uint8

// The tables.
const (
	History    Table = 0
	Exceptions Table = 1
	Orders     Table = 2
	Quarantine Table = 3
	// Outgoing are records for other topics, not rows of a read model: the sink
	// that wants them appends them.
	Outgoing Table = 4
)

// Tables is how many tables there are; valid tables are 0 … Tables−1.
const Tables = 5

var tableNames = [Tables]string{"events", "exceptions", "orders", "quarantine", "outgoing"}

// String returns the table's public name.
func (t Table) String() string {
	if int(t) < Tables {
		return tableNames[t]
	}
	return "none"
}

// Held is the greatest seq a sink holds of each table of one partition; 0 if
// none. Rows are dense, so it is also their number.
type Held [Tables]uint64

// Block is a contiguous range of rows of one table and partition. It is sent
// whole and lands whole: one insert, one part (S-41).
type Block struct {
	Partition int32
	Table     Table
	// From and To are the first and last seq, inclusive.
	From, To uint64
	// Attempt counts the inserts of this range that were answered well and left
	// nothing behind.
	Attempt int
	// Rows holds the rows of Table alone, ascending by seq.
	Rows *ledger.Rows
}

// Token identifies the block: a second insert of the same range carries the
// same token, unless the sink was seen to know the token and not the rows.
func (b *Block) Token() string {
	token := fmt.Sprintf("%s:%d:%d-%d", b.Table, b.Partition, b.From, b.To)
	if b.Attempt > 0 {
		token += fmt.Sprintf("#%d", b.Attempt)
	}
	return token
}

// Sink holds rows outside the ledger.
type Sink interface {
	// Name names the sink in logs, metrics and stored progress.
	Name() string
	// Wants reports whether the sink keeps a table at all.
	Wants(t Table) bool
	// Held asks the sink itself what it holds of a partition. The answer, not
	// anything remembered here, decides where writing resumes.
	Held(ctx context.Context, partition int32) (Held, error)
	// Insert writes one block. On an error the outcome is unknown: the caller
	// asks Held again, and repeats the identical block if it is missing.
	Insert(ctx context.Context, block *Block) error
}

// Repeating is a sink that cannot say what it holds, because whoever reads what
// it writes takes a repeat for what it is. The sender remembers for it what it
// acknowledged.
type Repeating interface {
	Sink
	// Repeats reports true.
	Repeats() bool
}
