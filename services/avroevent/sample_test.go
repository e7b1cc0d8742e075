package avroevent

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// sampler fills records with seeded values of every field.
type sampler struct {
	r *rand.Rand
	// full: every list has elements and every number is set.
	full bool
}

func newSampler(seed uint64) *sampler {
	return &sampler{r: rand.New(rand.NewPCG(seed, 7))}
}

// empties are pointers to the zero value of every encodable type.
func empties() []any {
	return []any{
		new(ledger.Event), new(ledger.Unkeyed), new(ledger.Tick), new(ledger.SourceStatus),
		new(ledger.PolicyRecord), new(ledger.OperatorAction), new(ledger.Looked), new(ledger.ClockReset),
		new(ledger.FoldCutover), new(ledger.Quarantined), new(ExceptionRecord), new(ledger.AliasBinding),
		new(ledger.Reemit), new(ledger.Bound), new(ledger.Forwarded),
		new(ledger.Merge), new(ledger.Split), new(ledger.Moved), new(ledger.Through), new(ledger.AliasIndex), new(ledger.Mute),
	}
}

// fill sets every field of the record p points to and makes it valid.
func (s *sampler) fill(p any) any {
	s.value(reflect.ValueOf(p).Elem())
	switch v := p.(type) {
	case *ledger.Event:
		v.Order = s.order()
		v.ID = v.ComputeID()
	case *ledger.Unkeyed:
		v.By.Type, v.By.Value = "tracking", "x"+v.By.Value
		v.Event.Order = ""
		v.Event.ID = v.Event.ComputeID()
	case *ExceptionRecord:
		v.Exception.Subject.Partition = v.Partition
	case *ledger.AliasBinding:
		s.name(&v.Alias, &v.Depth)
	case *ledger.Reemit:
		s.name(&v.Alias, &v.Depth)
		v.Route, v.Event.Order = abs(v.Route), ""
		v.Event.ID = v.Event.ComputeID()
	case *ledger.Bound:
		var depth uint8
		s.name(&v.Alias, &depth)
		v.Route = abs(v.Route)
	case *ledger.Forwarded:
		v.Partition, v.To, v.Through, v.Route = v.Partition&math.MaxInt32, v.To&math.MaxInt32, abs(v.Through), abs(v.Route)
		for i := range v.Held {
			v.Held[i].Offset = abs(v.Held[i].Offset)
		}
	case *ledger.AliasIndex:
		v.Route = abs(v.Route)
		for i := range v.Claims {
			v.Claims[i].Depth %= maxDepth + 1
		}
	case *ledger.Moved:
		v.Route, v.Depth, v.Event.Order = abs(v.Route), v.Depth%(maxDepth+2), v.Member
		v.Event.ID = v.Event.ComputeID()
	case *ledger.Through:
		v.From, v.To, v.Route = v.From&math.MaxInt32, v.To&math.MaxInt32, abs(v.Route)
	}
	return p
}

// name makes a name and a depth that may be bound.
func (s *sampler) name(a *ledger.Alias, depth *uint8) {
	a.Type, a.Value, *depth = "tracking", "x"+a.Value, 1+*depth%maxDepth
}

func abs(n int64) int64 { return max(n, -(n + 1)) }

func (s *sampler) order() ledger.OrderKey {
	k, err := ledger.NewOrderKey("shop-eu", fmt.Sprintf("gid://%d ö", s.r.Uint64()))
	if err != nil {
		panic(err)
	}
	return k
}

var limits = map[reflect.Type]uint64{
	reflect.TypeFor[ledger.Axis]():        axes,
	reflect.TypeFor[ledger.Kind]():        kinds,
	reflect.TypeFor[ledger.Direction]():   directions,
	reflect.TypeFor[ledger.Scheme]():      schemeUnknown,
	reflect.TypeFor[ledger.Mode]():        modes,
	reflect.TypeFor[ledger.LineKind]():    lineKinds,
	reflect.TypeFor[ledger.AmountKind]():  amountKinds,
	reflect.TypeFor[ledger.ActionKind]():  actionKinds,
	reflect.TypeFor[ledger.SubjectKind](): subjectKinds,
	reflect.TypeFor[ledger.Severity]():    severities,
	reflect.TypeFor[ledger.Basis]():       basisUnknown,
	reflect.TypeFor[ledger.Because]():     becauses,
	reflect.TypeFor[ledger.FactKind]():    changes,
}

func (s *sampler) value(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[ledger.Source]():
		v.SetString(fmt.Sprintf("source-%d", s.r.IntN(50)))
		return
	case reflect.TypeFor[ledger.OrderKey]():
		v.SetString(string(s.order()))
		return
	case reflect.TypeFor[ledger.Instant]():
		all := []int64{0, int64(ledger.Beginning), int64(ledger.Forever), 1_790_000_000_123_456, -1, s.r.Int64N(1 << 60)}
		if s.full {
			all = all[3:]
		}
		v.SetInt(all[s.r.IntN(len(all))])
		return
	}
	if n, ok := limits[v.Type()]; ok {
		v.SetUint(1 + s.r.Uint64N(n-1))
		return
	}
	s.kind(v)
}

func (s *sampler) kind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			s.value(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			s.value(v.Index(i))
		}
	case reflect.Slice:
		n := s.r.IntN(4)
		if s.full {
			n++
		}
		if n == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			s.value(v.Index(i))
		}
	case reflect.String:
		v.SetString(s.text())
	case reflect.Bool:
		v.SetBool(s.full || s.r.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(1 + s.r.Uint64N(1<<v.Type().Bits()-1))
	case reflect.Uint64:
		v.SetUint(1 + s.r.Uint64N(math.MaxInt64))
	case reflect.Int32:
		v.SetInt(int64(int32(s.r.Uint32())) | 1)
	case reflect.Int64:
		v.SetInt(int64(s.r.Uint64()>>s.r.IntN(60)) | 1)
	default:
		panic("no sample for " + v.Type().String())
	}
}

func (s *sampler) text() string {
	const alphabet = "abcXYZ019 -_~/:äß漢字🙂\n\"\\\x00"
	letters := []rune(alphabet)
	n := s.r.IntN(12)
	if s.r.IntN(40) == 0 {
		n = s.r.IntN(3000)
	}
	if s.full {
		n++
	}
	var b strings.Builder
	for range n {
		b.WriteRune(letters[s.r.IntN(len(letters))])
	}
	return b.String()
}

// keyOf is the Kafka key a record of that payload must have to be accepted.
func keyOf(v any) []byte {
	switch v := v.(type) {
	case *ledger.Event:
		return []byte(v.Order)
	case *ledger.Unkeyed:
		return v.By.Key()
	case *ledger.Looked:
		return []byte(v.Order)
	case *ledger.AliasBinding:
		return v.Alias.Key()
	case *ledger.Reemit:
		return []byte(v.Order)
	case *ledger.Bound:
		return []byte(v.Order)
	case *ledger.Moved:
		return []byte(v.Root)
	default:
		return nil
	}
}

// payloadOf is the payload pointer that is set, or the poison.
func payloadOf(t testing.TB, rec *ledger.Record) any {
	t.Helper()
	var found []any
	v := reflect.ValueOf(rec).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			found = append(found, f.Interface())
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d payloads are set, want exactly one", len(found))
	}
	return found[0]
}

// decodeAny decodes a value with the decoder for v's type.
func decodeAny(t testing.TB, d *Decoder, v any, value []byte) any {
	t.Helper()
	var got any
	var err error
	switch v.(type) {
	case *ledger.SourceStatus:
		got, err = d.DecodeSourceStatus(value)
	case *ledger.Quarantined:
		got, err = d.DecodeQuarantined(value)
	case *ExceptionRecord:
		got, err = d.DecodeException(value)
	case *ledger.AliasIndex:
		got, err = d.DecodeAliasIndex(value)
	default:
		rec := ledger.Record{Key: keyOf(v)}
		d.Decode(value, &rec)
		return payloadOf(t, &rec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func testCodec(t testing.TB) *Codec {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
