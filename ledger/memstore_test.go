package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// TestMemStoreScansInOrder compares the store with a sorted list, through
// insertions and deletions that split and empty its runs, also while it is
// scanned.
func TestMemStoreScansInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	s, want := ledger.NewMemStore(), map[string]bool{}
	key := func() string { return fmt.Sprint(rnd.IntN(3000)) }
	scan := func(from, to string) (got []string) {
		end := []byte(to)
		if to == "" {
			end = nil
		}
		if err := s.Scan([]byte(from), end, func(k, v []byte) (bool, error) {
			if string(v) != "of "+string(k) {
				t.Fatalf("%s holds %q", k, v)
			}
			got = append(got, string(k))
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 20_000 {
		if k := key(); rnd.IntN(3) > 0 {
			s.Put([]byte(k), []byte("of "+k))
			want[k] = true
		} else {
			s.Delete([]byte(k))
			delete(want, k)
		}
		if rnd.IntN(200) > 0 {
			continue
		}
		from, to := key(), key()
		if rnd.IntN(4) == 0 {
			from, to = "", ""
		}
		var list []string
		for k := range want {
			if k >= from && (to == "" || k < to) {
				list = append(list, k)
			}
		}
		slices.Sort(list)
		if got := scan(from, to); !slices.Equal(got, list) {
			t.Fatalf("[%s, %s): %d keys, want %d", from, to, len(got), len(list))
		}
	}
	if s.Len() != len(want) {
		t.Errorf("%d keys, want %d", s.Len(), len(want))
	}
	left := len(scan("", ""))
	seen := 0
	if err := s.Scan(nil, nil, func(k, _ []byte) (bool, error) {
		seen++
		s.Delete(k)
		s.Put([]byte("!"+string(k)), []byte("of !"+string(k)))
		return true, nil
	}); err != nil || seen != left {
		t.Errorf("%d of %d seen while the store changed, %v", seen, left, err)
	}
	if got := scan("", ""); len(got) != left || !strings.HasPrefix(got[0], "!") {
		t.Errorf("%d keys left", len(got))
	}
}
