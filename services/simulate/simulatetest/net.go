package simulatetest

import "github.com/orderledger/orderledger/ledger/ledgertest"

// Net is the ledger behind: its partitions, with their logs. Records may be
// appended to it between two runs.
func (l *Ledger) Net() *ledgertest.Net { return l.net }
