package poll

import (
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// cursored finds the end of a list that shows the newest first and goes on
// behind an id. What comes to be while it is read stands before its first page:
// stamped later than the next poll begins, so that one reads it.
func (a *asker) cursored(ans *Answer, o *open, pg *page) error {
	raw, err := at(ans.Body, a.poll.More)
	if err != nil {
		return err
	}
	if pg.last = string(raw) != "true"; pg.last {
		return nil
	}
	if len(pg.items) == 0 || pg.end.ID == o.After.ID {
		return errStuck
	}
	if !safeKey(pg.end.ID) {
		return errKey
	}
	return nil
}

// numbered finds the end of a list that is sorted by its stamps and can only be
// asked by page number. Numbers shift when an item moves to the end, so they
// are used as little as possible: a page whose items do not all share one
// second is followed by the first page since its last item's stamp. Only within
// one second pages are counted, each beginning with the item that ended the one
// before; the same goes for a list without a stamp to ask by.
func (a *asker) numbered(ans *Answer, o *open, pg *page) error {
	raw, err := at(ans.Body, a.poll.Total)
	if err != nil {
		return errNoTotal
	}
	if pg.total, err = strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64); err != nil {
		return errNoTotal
	}
	number, size := window(o.offset, a.poll.Limit)
	before := (number - 1) * size
	if o.offset > 0 {
		first := key{}
		if i := o.offset - 1 - before; i < int64(len(pg.items)) {
			if first, err = a.keyOf(pg.items[i]); err != nil {
				return err
			}
		}
		if pg.total != o.total || first.ID != o.last {
			pg.moved = true
			return nil
		}
	}
	pg.offset = before + int64(len(pg.items))
	if pg.last = pg.offset >= pg.total; pg.last {
		return nil
	}
	if pg.offset <= o.offset {
		return errStuck
	}
	if a.poll.KeyVersion == "" {
		pg.end.Version = ""
		return nil
	}
	stamp, ok := a.stampOf(pg.end.Version)
	if !ok || !safeKey(pg.end.Version) {
		return errKey
	}
	if !a.ascending(key{}, pg.items) {
		return errUnsorted
	}
	if whole(stamp) > whole(a.sinceOf(o)) {
		pg.offset = 0 // go on by stamp
	}
	return nil
}

// window chooses the page number and size whose page holds the last of the
// items seen, so that it can be recognised, and as many new ones as possible.
func window(seen, limit int64) (number, size int64) {
	if seen == 0 {
		return 1, limit
	}
	at, best := seen-1, int64(-1)
	for s := limit; s > 1; s-- {
		if fresh := s - at%s - 1; fresh > best {
			number, size, best = at/s+1, s, fresh
		}
	}
	return number, size
}

// sinceOf is where the open window of a list by page number begins.
func (a *asker) sinceOf(o *open) ledger.Instant {
	stamp, ok := a.stampOf(o.After.Version)
	if o.After.Version == "" || !ok {
		return o.From
	}
	return max(o.From, whole(stamp))
}

// whole cuts an instant to its second, since filters may know no finer stamp.
func whole(at ledger.Instant) ledger.Instant {
	return ledger.At(at.Time().Truncate(time.Second))
}
