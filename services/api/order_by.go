package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.einride.tech/aip/ordering"
)

// sorting is a checked order_by: fields in turn, each ascending or descending,
// equal ones by id, ascending.
type sorting struct{ fields []ordering.Field }

// sortOf checks an order_by against the fields a list can be sorted by.
func sortOf(text, standard string, allowed ...string) (*sorting, error) {
	if strings.TrimSpace(text) == "" {
		text = standard
	}
	bad := func(format string, args ...any) error {
		e := fail(InvalidOrderBy, "order_by: "+fmt.Sprintf(format, args...), "order_by", text)
		e.Field = "order_by"
		return e
	}
	var by ordering.OrderBy
	if err := by.UnmarshalString(text); err != nil {
		return nil, bad("%q: want fields separated by commas, each optionally followed by desc", text)
	}
	seen := map[string]bool{}
	for _, f := range by.Fields {
		if !slices.Contains(allowed, f.Path) {
			return nil, bad("unknown field %q: want %s", f.Path, strings.Join(allowed, ", "))
		}
		if seen[f.Path] {
			return nil, bad("the field %q stands twice", f.Path)
		}
		seen[f.Path] = true
	}
	return &sorting{by.Fields}, nil
}

// ranked is one item with its sort key, whose parts compare as text.
type ranked[T any] struct {
	key  []string
	id   string
	item T
}

// compare orders two keys.
func (s *sorting) compare(a, b []string, aID, bID string) int {
	for i, f := range s.fields {
		if i >= len(a) || i >= len(b) {
			break
		}
		if c := strings.Compare(a[i], b[i]); c != 0 {
			if f.Desc {
				return -c
			}
			return c
		}
	}
	return cmp.Compare(aID, bID)
}

// top keeps the first items behind a cursor, without keeping all of them.
type top[T any] struct {
	s     *sorting
	after *cursor
	size  int
	items []ranked[T]
}

// place is where an item would stand on the page; false if it does not belong
// there.
func (t *top[T]) place(r *ranked[T]) (int, bool) {
	if t.after != nil && t.s.compare(r.key, t.after.Key, r.id, t.after.ID) <= 0 {
		return 0, false
	}
	at, _ := slices.BinarySearchFunc(t.items, *r, func(x, y ranked[T]) int { return t.s.compare(x.key, y.key, x.id, y.id) })
	return at, at <= t.size
}

// wants reports whether an item belongs to the page as far as is known.
func (t *top[T]) wants(r *ranked[T]) bool {
	_, ok := t.place(r)
	return ok
}

// offer takes an item in if it belongs to the page. It keeps one more than the
// page holds, to know whether another page follows.
func (t *top[T]) offer(r ranked[T]) {
	at, ok := t.place(&r)
	if !ok {
		return
	}
	t.items = slices.Insert(t.items, at, r)
	if len(t.items) > t.size+1 {
		clear(t.items[t.size+1:])
		t.items = t.items[:t.size+1]
	}
}

// page returns the items of the page and the token of the next.
func (t *top[T]) page(p *pages, request uint64) ([]T, string) {
	token := ""
	if len(t.items) > t.size {
		t.items = t.items[:t.size]
		last := t.items[t.size-1]
		token = p.token(cursor{Request: request, Key: last.key, ID: last.id})
	}
	out := make([]T, len(t.items))
	for i := range t.items {
		out[i] = t.items[i].item
	}
	return out, token
}

// sortable writes a number so that text order is its order.
func sortable(n int64) string { return fmt.Sprintf("%016x", uint64(n)^(1<<63)) }
