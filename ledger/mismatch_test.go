package ledger_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// copyOf is another store of the same content.
func copyOf(t *testing.T, s ledger.Store) *ledger.MemStore {
	t.Helper()
	out := ledger.NewMemStore()
	if err := s.Scan(nil, nil, func(k, v []byte) (bool, error) {
		out.Put(append([]byte(nil), k...), append([]byte(nil), v...))
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAMismatchNamesTheField: one value changed by hand is named by order,
// offset and field, with both values, and nothing else is.
func TestAMismatchNamesTheField(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	if m, err := ledger.FirstMismatch(l.Store, copyOf(t, l.Store)); m != nil || err != nil {
		t.Fatalf("a store differs from its copy: %v, %v", m, err)
	}
	tried := map[byte]bool{}
	err := l.Store.Scan([]byte{'A'}, nil, func(k, v []byte) (bool, error) {
		value, field := ledger.Falsified(k, v)
		if value == nil {
			return true, nil
		}
		tried[k[0]] = true
		other := copyOf(t, l.Store)
		other.Put(k, value)
		m, err := ledger.FirstMismatch(l.Store, other)
		if err != nil || m == nil || m.Field != field || m.Order != Key("1001") || m.Offset < 1 || m.A == m.B {
			t.Errorf("%s of %q was changed: told %+v, %v", field, k[:1], m, err)
		}
		other.Delete(k)
		if m, err = ledger.FirstMismatch(other, l.Store); err != nil || m == nil || m.A != "nothing" || m.Order != Key("1001") {
			t.Errorf("%q was removed: told %+v, %v", k, m, err)
		}
		return true, nil
	})
	if err != nil || len(tried) != 4 {
		t.Errorf("changed values of the kinds %v, %v", tried, err)
	}
}

// TestAMismatchSaysBothValues in words.
func TestAMismatchSaysBothValues(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	other := copyOf(t, l.Store)
	if err := l.Store.Scan([]byte{'x'}, []byte{'y'}, func(k, v []byte) (bool, error) {
		value, _ := ledger.Falsified(k, v)
		other.Put(k, value)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	m, err := ledger.FirstMismatch(l.Store, other)
	if err != nil || m == nil {
		t.Fatalf("%v, %v", m, err)
	}
	for _, want := range []string{"exception ", " of order shop~1001, offset 2, field at_risk.minor: 4990 against 4991"} {
		if !strings.Contains(m.String(), want) {
			t.Errorf("%q does not say %q", m, want)
		}
	}
}
