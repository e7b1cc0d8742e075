package poll

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/services/connector/document"
)

// page is one page of a change list.
type page struct {
	items []json.RawMessage
	last  bool
	end   key    // of the last item; that of the page before for an empty page
	next  string // query of the next page (link-header)
	// offset is how many items were seen, total how many the source counts.
	offset int64
	total  int64
	// moved: the list changed while it was read and must be read again.
	moved bool
}

// Reasons why an answer cannot be used as a page.
var (
	errNoList    = errors.New("the answer holds no list where the catalog says it is")
	errNoTotal   = errors.New("the answer does not say how many items there are")
	errUnsorted  = errors.New("the list is not sorted by the stamp that the catalog names")
	errStuck     = errors.New("the list does not advance: its last item is not after that of the page before")
	errElsewhere = errors.New("the link to the next page leaves the configured base_url")
)

// read turns an answer into the page that follows o.
func (a *asker) read(ans *Answer, o *open) (*page, error) {
	pg := &page{end: o.After}
	if len(bytes.TrimSpace(ans.Body)) == 0 {
		pg.last = true
		return pg, nil
	}
	list, err := at(ans.Body, a.poll.Items)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(list, &pg.items); err != nil {
		return nil, errNoList
	}
	count := int64(len(pg.items))
	if count > 0 && (a.poll.KeyID != "" || a.poll.KeyVersion != "") {
		if pg.end, err = a.keyOf(pg.items[count-1]); err != nil {
			return nil, err
		}
	}
	switch a.poll.Kind.Text {
	case "link-header":
		return pg, a.linked(ans, o, pg)
	case "offset":
		return pg, a.counted(ans, o, pg)
	case "page":
		return pg, a.numbered(ans, o, pg)
	case "cursor":
		return pg, a.cursored(ans, o, pg)
	default:
		return pg, a.keyed(ans, o, pg)
	}
}

// keyed finds the end of a list by keyset.
func (a *asker) keyed(ans *Answer, o *open, pg *page) error {
	pg.last = int64(len(pg.items)) < a.poll.Limit
	if a.poll.More != "" {
		raw, err := at(ans.Body, a.poll.More)
		if err != nil {
			return err
		}
		pg.last = string(raw) != "true"
	}
	if pg.last {
		return nil
	}
	if len(pg.items) == 0 || !after(pg.end, o.After) {
		return errStuck
	}
	if !safeKey(pg.end.Version) || !safeKey(pg.end.ID) {
		return errKey
	}
	return nil
}

// after reports whether x stands behind y in the list. Versions are stamps of
// one layout, which sort as text.
func after(x, y key) bool {
	if x.Version != y.Version {
		return x.Version > y.Version
	}
	m, errM := strconv.ParseInt(x.ID, 10, 64)
	n, errN := strconv.ParseInt(y.ID, 10, 64)
	if errM == nil && errN == nil {
		return m > n
	}
	return x.ID > y.ID
}

// linked finds the next page in the Link header. Only its query is used, and
// only if it stays where we asked: a token must not leave for elsewhere.
func (a *asker) linked(ans *Answer, o *open, pg *page) error {
	pg.last = true
	if o.Pages > 0 && o.After.Version == "" || !a.ascending(o.After, pg.items) {
		pg.end = key{} // not in order: a lost continuation means reading from the beginning
	}
	for _, part := range strings.Split(strings.Join(ans.Header.Values("Link"), ","), ",") {
		target, params, ok := strings.Cut(part, ";")
		if !ok || !strings.Contains(strings.ReplaceAll(params, " ", ""), `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(target), "<>"))
		if err != nil || (u.Host != "" && (u.Host != a.base.Host || u.Scheme != a.base.Scheme)) || u.RawQuery == "" {
			return errElsewhere
		}
		pg.last, pg.next = false, u.RawQuery
	}
	return nil
}

// ascending reports whether items stand in the order of their versions, behind
// the item that ended the page before.
func (a *asker) ascending(before key, items []json.RawMessage) bool {
	last, _ := a.stampOf(before.Version)
	for _, item := range items {
		k, err := a.keyOf(item)
		if err != nil {
			return false
		}
		stamp, ok := a.stampOf(k.Version)
		if !ok || stamp < last {
			return false
		}
		last = stamp
	}
	return true
}

// counted finds the end of a list by offset and whether it moved: the count
// must not change between pages, and each page must begin with the item that
// ended the one before.
func (a *asker) counted(ans *Answer, o *open, pg *page) error {
	raw, err := at(ans.Body, a.poll.Total)
	if err != nil {
		return errNoTotal
	}
	if pg.total, err = strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64); err != nil {
		return errNoTotal
	}
	pg.offset = o.offset + int64(len(pg.items))
	if o.offset > 0 {
		first := key{}
		if len(pg.items) > 0 {
			if first, err = a.keyOf(pg.items[0]); err != nil {
				return err
			}
		}
		if pg.total != o.total || first.ID != o.last {
			pg.moved = true
			return nil
		}
		pg.offset-- // the first item was there already
	}
	pg.last = pg.offset >= pg.total
	if !pg.last && pg.offset <= o.offset {
		return errStuck
	}
	return nil
}

// keyOf reads the sort key of an item.
func (a *asker) keyOf(item json.RawMessage) (key, error) {
	dec := json.NewDecoder(bytes.NewReader(item))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return key{}, fmt.Errorf("read item: %w", errKey)
	}
	var k key
	for path, to := range map[string]*string{a.poll.KeyVersion: &k.Version, a.poll.KeyID: &k.ID} {
		if path == "" {
			continue
		}
		x, ok := document.At(v, path)
		switch t := x.(type) {
		case string:
			*to = t
		case json.Number:
			*to = t.String()
		default:
			ok = false
		}
		if !ok {
			return key{}, fmt.Errorf("%s: %w", path, errKey)
		}
	}
	return k, nil
}

// ItemsOf returns the list at a dotted path of an answer. A single object there,
// or the answer itself where the path is empty, is the only item.
func ItemsOf(body []byte, path string) ([]json.RawMessage, error) {
	raw, err := at(body, path)
	if err != nil {
		return nil, err
	}
	if path == "" || len(raw) > 0 && raw[0] == '{' {
		return []json.RawMessage{raw}, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || string(raw) == "null" {
		return nil, errNoList
	}
	return items, nil
}

// ValueAt returns the raw JSON at a dotted path of an answer, nil if it has none.
func ValueAt(body []byte, path string) json.RawMessage {
	raw, err := at(body, path)
	if err != nil {
		return nil
	}
	return raw
}

// at returns the raw JSON at a dotted path; the whole for an empty path.
func at(raw []byte, path string) (json.RawMessage, error) {
	cur := json.RawMessage(raw)
	if path == "" {
		return cur, nil
	}
	for name := range strings.SplitSeq(path, ".") {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(cur, &m); err != nil {
			return nil, errNoList
		}
		var ok bool
		if cur, ok = m[name]; !ok {
			return nil, errNoList
		}
	}
	return cur, nil
}
