package sim

import "testing"

func TestShop(t *testing.T) {
	s, err := NewShop()
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range s.rules {
		t.Logf("%s %+v", n, r)
	}
}
