package file

import (
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// said is what the status says of coverage, to tell whether it changed.
func (im *Importer) said() string {
	return fmt.Sprint(im.status.Epoch, im.status.Intervals, im.status.Holes, len(im.cursor.Files))
}

// declare says what the files prove: the declared stretch, cut at when we asked
// and when the newest file was written, less settle (S-17). A row that could not
// be read makes a hole of all of it, since who cannot be read cannot be dated
// (S-20).
func (im *Importer) declare(sum *Summary, paths []string, asked ledger.Instant) {
	if im.opts.Covers == nil {
		return
	}
	var written ledger.Instant
	var holes []ledger.Hole
	rows := int64(0)
	for _, path := range paths {
		s := im.cursor.find(path)
		if s == nil || !s.Done {
			sum.Withheld = "not every file was read to its end"
			return
		}
		rows += s.Rows
		written = max(written, ledger.Instant(s.Modified/1000))
	}
	if len(sum.Faults) > 0 || rows == 0 {
		sum.Withheld = "a file could not be read"
		if rows == 0 {
			sum.Withheld = "the files hold no row"
		}
		return
	}
	iv := ledger.Interval{From: im.opts.Covers.From.Instant(), Until: min(asked, written).Add(-im.settle)}
	if !im.opts.Covers.Until.Written {
		iv.Until = min(iv.Until, im.opts.Covers.Until.At)
	}
	if iv.From >= iv.Until {
		sum.Withheld = "the declared stretch begins after the files were written"
		return
	}
	for _, s := range im.cursor.Files {
		if s.Bad > 0 {
			holes = append(holes, ledger.Hole{Interval: iv, ReceivedAt: s.BadAt, Quarantine: s.FirstBad})
		}
	}
	im.prove(iv, holes)
	if len(holes) > 0 {
		sum.Withheld = "rows are in quarantine: mend them in the file, or wait for hold_max"
		return
	}
	sum.Proven = &iv
}

// prove puts a stretch into the status. What was proven before a row turned out
// to be unreadable is withdrawn under the next epoch.
func (im *Importer) prove(iv ledger.Interval, holes []ledger.Hole) {
	st := im.status
	st.Holes = holes
	if len(holes) == 0 {
		st.Intervals = ledger.AddInterval(st.Intervals, iv)
		return
	}
	kept := ledger.CutInterval(st.Intervals, iv)
	if slices.Equal(kept, st.Intervals) {
		return
	}
	st.Intervals = kept
	st.Withdrawn = ledger.AddInterval(st.Withdrawn, iv)
	st.Epoch = ledger.Epoch{Number: st.Epoch.Number + 1, OpenedBy: Instance}
}
