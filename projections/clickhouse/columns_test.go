package clickhouse

import (
	"reflect"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// TestARowIsItselfInEveryBlock: what is written of a row, its hash included, is a
// function of the row alone, whatever block it comes in (I-20).
func TestARowIsItselfInEveryBlock(t *testing.T) {
	all := &ledger.Rows{}
	for seq := uint64(1); seq <= 5; seq++ {
		at := ledger.Instant(1_772_450_000_000_000 + int64(seq))
		key, err := ledger.NewOrderKey("shop", "100"+string(rune('0'+seq)))
		if err != nil {
			t.Fatal(err)
		}
		ev := &ledger.Event{Source: "shop", Feed: "orders", Order: key, ReceivedAt: at, Object: ledger.Object{Type: "order", ID: "1"},
			Claims: []ledger.Claim{{Axis: ledger.AxisOrder, Mode: ledger.Current, Native: "open", Earliest: at, Latest: at}}}
		ev.ID = ev.ComputeID()
		row := ledger.HistoryRow{Seq: seq, Offset: int64(seq), RecordedAt: at, Order: key, Outcome: ledger.OutcomeApplied, Event: ev, States: []ledger.State{ledger.OrderPlaced}}
		if seq%2 == 0 {
			row = ledger.HistoryRow{Seq: seq, Offset: int64(seq), RecordedAt: at, Order: key, Fact: &ledger.Fact{Seq: seq, Kind: ledger.FactVerdict, Rule: "ingestion", At: at}}
		}
		all.History = append(all.History, row)
		all.Exceptions = append(all.Exceptions, ledger.ExceptionRow{Seq: seq, Offset: int64(seq), RecordedAt: at, Change: ledger.FactExceptionOpened,
			Exception: ledger.Exception{ID: ledger.ExceptionID{byte(seq)}, Subject: ledger.Subject{Kind: ledger.SubjectOrder, Order: key}, Rule: "ingestion", Open: true}})
		all.Orders = append(all.Orders, ledger.OrderRow{Seq: seq, Offset: int64(seq), RecordedAt: at, Summary: ledger.Summary{Key: key, Created: at, Events: seq}})
		all.Quarantine = append(all.Quarantine, ledger.QuarantineRow{Seq: seq, Offset: int64(seq), RecordedAt: at, Entry: ledger.Quarantined{ID: string(key), Reason: "malformed", Offset: int64(seq)}})
	}
	for table := range projections.Table(projections.Outgoing) {
		whole := columnsFor(t, all, table, 1, 5)
		for seq := uint64(1); seq <= 5; seq++ {
			alone := columnsFor(t, all, table, seq, seq)
			for c := range whole {
				a, b := reflect.ValueOf(whole[c].values).Index(int(seq-1)).Interface(), reflect.ValueOf(alone[c].values).Index(0).Interface()
				if !reflect.DeepEqual(a, b) {
					t.Errorf("%s, seq %d, column %s: %v in a block of five, %v alone", table, seq, whole[c].name, a, b)
				}
			}
		}
	}
}

func columnsFor(t *testing.T, all *ledger.Rows, table projections.Table, from, to uint64) []column {
	t.Helper()
	rows := &ledger.Rows{}
	projections.Append(rows, all, table, from, to)
	cols, err := columnsOf(&projections.Block{Partition: 3, Table: table, From: from, To: to, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return cols
}
