package avroevent

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/orderledger/orderledger/ledger"
)

var reasons = []string{
	ReasonTombstone, ReasonOversize, ReasonNotAvro, ReasonUnknownSchema, ReasonMisplaced,
	ReasonMalformed, ReasonTrailing, ReasonInvalid, ReasonForgedID,
}

// decodeTwice decodes with a used and with a fresh decoder and fails unless
// both say the same, one payload is set and what is accepted can be written.
func decodeTwice(t *testing.T, c *Codec, used *Decoder, value, key []byte) {
	t.Helper()
	var a, b ledger.Record
	a.Key, b.Key = key, key
	used.Decode(value, &a)
	c.NewDecoder().Decode(bytes.Clone(value), &b)
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("two decodings differ: %+v and %+v", a, b)
	}
	payload := payloadOf(t, &a)
	if a.Poison != nil {
		if !slices.Contains(reasons, a.Poison.Reason) || !bytes.Equal(a.Poison.Raw, value) {
			t.Fatalf("poison %q of %x", a.Poison.Reason, value)
		}
		return
	}
	again, err := c.Encode(nil, payload)
	if err != nil {
		t.Fatalf("accepted, but not written: %v", err)
	}
	if got := decodeAny(t, used, payload, again); !reflect.DeepEqual(got, payload) {
		t.Fatalf("written again it is\n%+v, was\n%+v", got, payload)
	}
}

func typedTwice(t *testing.T, c *Codec, used *Decoder, value []byte) {
	t.Helper()
	for _, decode := range []func(*Decoder) (any, error){
		func(d *Decoder) (any, error) { return d.DecodeQuarantined(value) },
		func(d *Decoder) (any, error) { return d.DecodeSourceStatus(value) },
		func(d *Decoder) (any, error) { return d.DecodeException(value) },
	} {
		a, errA := decode(used)
		b, errB := decode(c.NewDecoder())
		if (errA == nil) != (errB == nil) || (errA == nil && !reflect.DeepEqual(a, b)) {
			t.Fatalf("two decodings differ: %+v, %v and %+v, %v", a, errA, b, errB)
		}
	}
}

func FuzzDecode(f *testing.F) {
	c := testCodec(f)
	values, keys := frozenValues(f)
	for i := range values {
		f.Add(values[i], keys[i])
		f.Add(values[i][:len(values[i])/2], keys[i])
	}
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte{0, 0, 0x0a, 0xd6, 0x39}, []byte("k"))
	used := c.NewDecoder()
	var mu sync.Mutex
	f.Fuzz(func(t *testing.T, value, key []byte) {
		mu.Lock()
		defer mu.Unlock()
		decodeTwice(t, c, used, value, key)
		typedTwice(t, c, used, value)
	})
}

// FuzzTwoLibraries: what our reader takes, the second library takes as well, to
// the last byte, and reads the same out of it. The other way round ours may
// refuse more: what breaks a rule of the fold.
func FuzzTwoLibraries(f *testing.F) {
	c := testCodec(f)
	libs := libraries(f)
	values, keys := frozenValues(f)
	for i := range values {
		f.Add(values[i], keys[i])
	}
	f.Fuzz(func(t *testing.T, value, key []byte) {
		if len(value) < headerLen || len(value) > 1<<16 {
			return
		}
		rec := ledger.Record{Key: key}
		c.NewDecoder().Decode(value, &rec)
		l, known := libs[binary.BigEndian.Uint32(value[1:])]
		if rec.Poison != nil || !known {
			return
		}
		payload := payloadOf(t, &rec)
		if id, _ := c.SchemaID(payload); id != binary.BigEndian.Uint32(value[1:]) {
			return // an older version, which is brought up to date while it is read
		}
		var theirs any
		rest, err := l.twmb.Decode(value[headerLen:], &theirs)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%T is read, and by the other library refused with %d bytes left: %v", payload, len(rest), err)
		}
		if ours := plain(generic(reflect.ValueOf(payload).Elem())); wellFormed(theirs) && !reflect.DeepEqual(ours, plain(theirs)) {
			t.Fatalf("read as\n%v, by the other library as\n%v", ours, plain(theirs))
		}
	})
}

// wellFormed reports whether all text is UTF-8; ours mends what is not.
func wellFormed(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if !wellFormed(e) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !wellFormed(e) })
	case string:
		return utf8.ValidString(v)
	}
	return true
}

// TestDamagedValues is a seeded stretch of the same: bytes of good values
// changed, cut out and doubled.
func TestDamagedValues(t *testing.T) {
	c := testCodec(t)
	used := c.NewDecoder()
	values, keys := frozenValues(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		i := r.IntN(len(values))
		value := bytes.Clone(values[i])
		for range 1 + r.IntN(3) {
			at := headerLen + r.IntN(len(value)-headerLen)
			switch r.IntN(4) {
			case 0:
				value[at] ^= 1 << r.IntN(8)
			case 1:
				value[at] = 0xff
			case 2:
				value = slices.Delete(value, at, min(len(value), at+1+r.IntN(4)))
			default:
				value = slices.Insert(value, at, value[at:min(len(value), at+1+r.IntN(9))]...)
			}
			if len(value) <= headerLen {
				break
			}
		}
		decodeTwice(t, c, used, value, keys[i])
		typedTwice(t, c, used, value)
	}
}

// TestManyReadersShareOneCodec is for the race detector.
func TestManyReadersShareOneCodec(t *testing.T) {
	c := testCodec(t)
	e := typicalEvent()
	want, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				value, err := c.Encode(nil, e)
				if err != nil {
					t.Error(err)
					return
				}
				rec := ledger.Record{Key: []byte(e.Order)}
				c.Decode(value, &rec)
				if got, err := json.Marshal(rec.Event); err != nil || !bytes.Equal(got, want) {
					t.Errorf("read %s, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
