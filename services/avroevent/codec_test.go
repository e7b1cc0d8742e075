package avroevent

import (
	"reflect"
	"testing"
)

func TestEveryRecordComesBackAsItWent(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	for seed := range uint64(300) {
		s := newSampler(seed)
		s.full = seed%3 == 0
		for _, v := range empties() {
			s.fill(v)
			value, err := c.Encode([]byte("before"), v)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got := decodeAny(t, d, v, value[len("before"):]); !reflect.DeepEqual(got, v) {
				t.Fatalf("seed %d: %T came back as\n%+v\nwant\n%+v", seed, v, got, v)
			}
		}
	}
}
