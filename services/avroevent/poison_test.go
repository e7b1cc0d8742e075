package avroevent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

func header(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0}, id) }

func mustEncode(t testing.TB, c *Codec, v any) []byte {
	t.Helper()
	value, err := c.Encode(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func reasonOf(d *Decoder, value, key []byte) string {
	rec := ledger.Record{Offset: 7, RecordedAt: 8, Key: key}
	d.Decode(value, &rec)
	if rec.Poison == nil {
		return ""
	}
	return rec.Poison.Reason
}

func TestBytesThatAreNoRecord(t *testing.T) {
	c := testCodec(t)
	e := typicalEvent()
	good, key := mustEncode(t, c, e), []byte(e.Order)
	status := mustEncode(t, c, newSampler(1).fill(new(ledger.SourceStatus)))
	cases := map[string]struct {
		value  []byte
		reason string
	}{
		"nil":               {nil, ReasonTombstone},
		"empty":             {[]byte{}, ReasonTombstone},
		"json":              {[]byte(`{"id":1}`), ReasonNotAvro},
		"short":             {good[:4], ReasonNotAvro},
		"too long":          {slicesOf(good, MaxValue+1), ReasonOversize},
		"longest":           {slicesOf(good, MaxValue), ReasonTrailing},
		"unlisted id":       {append(header(1), good[5:]...), ReasonUnknownSchema},
		"header alone":      {good[:5], ReasonMalformed},
		"one byte more":     {append(bytes.Clone(good), 0), ReasonTrailing},
		"status among them": {status, ReasonMisplaced},
	}
	d := c.NewDecoder()
	for name, tc := range cases {
		if got := reasonOf(d, tc.value, key); got != tc.reason {
			t.Errorf("%s: reason %q, want %q", name, got, tc.reason)
		}
	}
	if got := reasonOf(d, good, key); got != "" {
		t.Errorf("the event itself: reason %q", got)
	}
}

// slicesOf is value, padded to n bytes.
func slicesOf(value []byte, n int) []byte {
	out := make([]byte, n)
	copy(out, value)
	return out
}

func TestPoisonKeepsPositionAndBytes(t *testing.T) {
	c := testCodec(t)
	rec := ledger.Record{Offset: 7, RecordedAt: 8, Key: []byte("k"), Tick: new(ledger.Tick)}
	c.Decode([]byte("nonsense"), &rec)
	want := ledger.Record{Offset: 7, RecordedAt: 8, Key: []byte("k"), Poison: &ledger.Poison{Reason: ReasonNotAvro, Raw: []byte("nonsense")}}
	if !reflect.DeepEqual(rec, want) {
		t.Errorf("got %+v", rec)
	}
}

func TestEveryTruncationIsMalformed(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	for _, v := range []any{new(ledger.Event), new(ledger.Unkeyed), new(ledger.Tick), new(ledger.PolicyRecord), new(ledger.OperatorAction), new(ledger.Looked), new(ledger.ClockReset), new(ledger.FoldCutover),
		new(ledger.AliasBinding), new(ledger.Reemit), new(ledger.Bound), new(ledger.Forwarded), new(ledger.Moved), new(ledger.Merge)} {
		s := newSampler(5)
		s.full = true
		value := mustEncode(t, c, s.fill(v))
		for n := headerLen; n < len(value); n++ {
			if got := reasonOf(d, value[:n], keyOf(v)); got != ReasonMalformed {
				t.Fatalf("%T cut to %d of %d bytes: reason %q", v, n, len(value), got)
			}
		}
	}
}

// write writes an event without the checks of Encode.
func write(t testing.TB, c *Codec, e *ledger.Event) []byte {
	t.Helper()
	w := c.writers.Get().(*writer)
	w.w.Reset(nil)
	w.event(e)
	return append(header(c.current[shapeEvent]), w.w.Buffer()...)
}

func TestEventsThatBreakARule(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	cases := map[string]struct {
		change func(*ledger.Event)
		reason string
	}{
		"nothing":            {func(*ledger.Event) {}, ""},
		"axis unknown":       {func(e *ledger.Event) { e.Claims[0].Axis = 0 }, ReasonInvalid},
		"axis beyond":        {func(e *ledger.Event) { e.Claims[0].Axis = 7 }, ReasonMalformed},
		"mode unknown":       {func(e *ledger.Event) { e.Claims[0].Mode = 0 }, ReasonInvalid},
		"scheme unknown":     {func(e *ledger.Event) { e.Version.Scheme = schemeUnknown }, ReasonInvalid},
		"scheme of a claim":  {func(e *ledger.Event) { e.Claims[1].Version.Scheme = schemeUnknown }, ReasonInvalid},
		"lines of no kind":   {func(e *ledger.Event) { e.Lines[0].Kind = 0 }, ReasonInvalid},
		"amounts of no kind": {func(e *ledger.Event) { e.Amounts[0].Kind = 0 }, ReasonInvalid},
		"source":             {func(e *ledger.Event) { e.Source = "Shop" }, ReasonInvalid},
		"no order":           {func(e *ledger.Event) { e.Order = "" }, ReasonInvalid},
		"order key":          {func(e *ledger.Event) { e.Order = "shop" }, ReasonInvalid},
		"another order":      {func(e *ledger.Event) { e.Order = "shop-eu~2" }, ReasonInvalid},
		"instant beyond":     {func(e *ledger.Event) { e.ReceivedAt = ledger.Forever + 1 }, ReasonInvalid},
		"instant before":     {func(e *ledger.Event) { e.Claims[0].Earliest = ledger.Beginning - 1 }, ReasonInvalid},
		"kind unknown":       {func(e *ledger.Event) { e.Kind = 0 }, ""},
		"not UTF-8":          {func(e *ledger.Event) { e.Object.ID = "\xff" }, ReasonMalformed},
	}
	for name, tc := range cases {
		e := typicalEvent()
		key := []byte(e.Order)
		if tc.change(e); e.Order == "shop" {
			key = []byte("shop")
		}
		e.ID = e.ComputeID()
		if got := reasonOf(d, write(t, c, e), key); got != tc.reason {
			t.Errorf("%s: reason %q, want %q", name, got, tc.reason)
		}
		if _, err := c.Encode(nil, e); (err != nil) != (tc.reason != "") && name != "another order" {
			t.Errorf("%s: Encode says %v, Decode %q", name, err, tc.reason)
		}
	}
}

// TestForgedEvents changes each thing that takes part in identity, and some
// that do not, behind the id's back.
func TestForgedEvents(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	forged := map[string]func(*ledger.Event){
		"id":      func(e *ledger.Event) { e.ID[3] ^= 1 },
		"source":  func(e *ledger.Event) { e.Source = "shop-us" },
		"native":  func(e *ledger.Event) { e.Claims[1].Native = "refunded" },
		"version": func(e *ledger.Event) { e.Version.Parts[0]++ },
		"amount":  func(e *ledger.Event) { e.Amounts[0].Amounts[0].Minor = 1 },
		"line":    func(e *ledger.Event) { e.Lines[0].Lines[1].Quantity = 99 },
		"alias":   func(e *ledger.Event) { e.Aliases[0].Value = "#1" },
	}
	for name, change := range forged {
		e := typicalEvent()
		change(e)
		if got := reasonOf(d, write(t, c, e), []byte(e.Order)); got != ReasonForgedID {
			t.Errorf("%s: reason %q", name, got)
		}
		if _, err := c.Encode(nil, e); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: Encode says %v", name, err)
		}
	}
	e := typicalEvent()
	e.TraceID, e.Delivery.Attempt, e.Body.Bytes, e.ReceivedAt = "", 9, nil, 5
	if got := reasonOf(d, write(t, c, e), []byte(e.Order)); got != "" {
		t.Errorf("attributes that identify nothing: reason %q", got)
	}
}

func TestKeysOfOtherRecords(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	for _, v := range []any{new(ledger.Unkeyed), new(ledger.Looked), new(ledger.AliasBinding), new(ledger.Reemit), new(ledger.Bound)} {
		value := mustEncode(t, c, newSampler(2).fill(v))
		if got := reasonOf(d, value, []byte("another")); got != ReasonInvalid {
			t.Errorf("%T under another key: reason %q", v, got)
		}
	}
}

func TestTypedDecodersRefuseOtherRecords(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	tick := mustEncode(t, c, newSampler(3).fill(new(ledger.Tick)))
	u := newSampler(4).fill(new(ledger.Unkeyed)).(*ledger.Unkeyed)
	w := &writer{w: c.writers.Get().(*writer).w}
	w.w.Reset(nil)
	u.Event.ID[0] ^= 1
	w.unkeyed(u)
	forged := append(header(c.current[shapeUnkeyed]), w.w.Buffer()...)
	decoders := map[string]func([]byte) (any, error){
		"quarantined": func(b []byte) (any, error) { return d.DecodeQuarantined(b) },
		"status":      func(b []byte) (any, error) { return d.DecodeSourceStatus(b) },
		"exception":   func(b []byte) (any, error) { return d.DecodeException(b) },
		"policy":      func(b []byte) (any, error) { return d.DecodePolicy(b) },
		"unkeyed":     func(b []byte) (any, error) { return d.DecodeUnkeyed(b) },
	}
	for name, decode := range decoders {
		for _, value := range [][]byte{nil, tick, tick[:9], []byte("nonsense"), forged} {
			if _, err := decode(value); !errors.Is(err, ErrPoison) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, decode := range decoders {
		if _, err := decode(tick); err == nil || !strings.Contains(err.Error(), ReasonMisplaced) {
			t.Errorf("%s: a tick is %v", name, err)
		}
	}
	if _, err := d.DecodeUnkeyed(forged); err == nil || !strings.Contains(err.Error(), ReasonForgedID) {
		t.Errorf("forged: %v", err)
	}
}

// TestLengthsThatLieCostNothing: a few bytes that promise a great deal.
func TestLengthsThatLieCostNothing(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	id := c.current[shapeClockReset]
	wall := binary.AppendVarint(nil, 5)
	lies := [][]byte{
		binary.AppendVarint(nil, 1<<62),                         // elements
		binary.AppendVarint(nil, -1<<63),                        // a block whose size follows
		binary.AppendVarint(nil, maxElements),                   // as many as a list may have
		binary.AppendVarint(nil, maxElements+1),                 // one too many
		binary.AppendVarint(binary.AppendVarint(nil, 1), 1<<40), // a long text
		binary.AppendVarint(binary.AppendVarint(nil, 1), -1),    // a negative one
		bytes.Repeat([]byte{0xff}, 11),                          // a number without end
	}
	for i, lie := range lies {
		value := append(append(header(id), wall...), lie...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := reasonOf(d, value, nil)
		runtime.ReadMemStats(&after)
		if got != ReasonMalformed {
			t.Errorf("lie %d: reason %q", i, got)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<16 {
			t.Errorf("lie %d: %d bytes allocated", i, spent)
		}
	}
}

func TestLongestList(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	r := &ledger.ClockReset{Wall: 5, Operators: make([]string, maxElements)}
	value := mustEncode(t, c, r)
	if got := decodeAny(t, d, r, value); !reflect.DeepEqual(got, r) {
		t.Errorf("the longest list came back otherwise")
	}
	r.Operators = append(r.Operators, "")
	if _, err := c.Encode(nil, r); !errors.Is(err, ErrInvalid) {
		t.Errorf("one more: %v", err)
	}
	list := binary.AppendVarint(value[:headerLen+1:headerLen+1], maxElements+1)
	list = append(list, make([]byte, maxElements+3)...)
	if got := reasonOf(d, list, nil); got != ReasonMalformed {
		t.Errorf("one more in one block: reason %q", got)
	}
	list = append(binary.AppendVarint(value[:headerLen+1:headerLen+1], maxElements), make([]byte, maxElements)...)
	list = append(binary.AppendVarint(list, 1), 0, 0, 0)
	if got := reasonOf(d, list, nil); got != ReasonMalformed {
		t.Errorf("one more in a second block: reason %q", got)
	}
}

func TestARecordIsUsedAgain(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	var rec ledger.Record
	for _, v := range []any{new(ledger.Tick), new(ledger.ClockReset), new(ledger.OperatorAction)} {
		d.Decode(mustEncode(t, c, newSampler(6).fill(v)), &rec)
		if got := payloadOf(t, &rec); !reflect.DeepEqual(got, v) {
			t.Errorf("%T came back as %+v", v, got)
		}
	}
}

func TestInternedWordsAreBounded(t *testing.T) {
	d := testCodec(t).NewDecoder()
	for i := range 3 * maxWords {
		word := binary.AppendVarint(nil, 4)
		word = binary.BigEndian.AppendUint32(word, uint32(i)&0x7f7f7f7f)
		d.in.reset(word)
		if s := d.in.word(); s != string(word[1:]) {
			t.Fatalf("word %d is %q", i, s)
		}
		if len(d.in.words) > maxWords {
			t.Fatalf("%d words are kept", len(d.in.words))
		}
	}
}

func TestTextThatIsNotUTF8IsMendedWhereItIdentifiesNothing(t *testing.T) {
	c := testCodec(t)
	e := typicalEvent()
	e.Delivery.ID, e.TraceID = "a\xffb", "\xc3"
	value := mustEncode(t, c, e)
	got := decodeAny(t, c.NewDecoder(), e, value).(*ledger.Event)
	if got.Delivery.ID != "a�b" || got.TraceID != "�" {
		t.Errorf("mended to %q and %q", got.Delivery.ID, got.TraceID)
	}
	e.Claims[0].Native = "pa\xffid"
	e.ID = e.ComputeID()
	if _, err := c.Encode(nil, e); !errors.Is(err, ErrInvalid) {
		t.Errorf("a native word that is not UTF-8: %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	c := testCodec(t)
	before := []byte("kept")
	big := typicalEvent()
	big.Body.Bytes = make([]byte, MaxValue)
	for name, tc := range map[string]struct {
		v    any
		want error
	}{
		"a type without schema": {"text", ErrUnsupported},
		"too long":              {big, ErrOversize},
		"a great number":        {&ledger.PolicyRecord{Version: 1 << 63}, ErrInvalid},
		"an action beyond":      {&ledger.OperatorAction{Kind: 8}, ErrInvalid},
		"an instant beyond":     {&ledger.Tick{Wall: ledger.Forever + 1}, ErrInvalid},
		"a feed's source":       {&ledger.Tick{Feeds: make([]ledger.FeedCoverage, 1)}, ErrInvalid},
		"an alias of nothing":   {&ledger.Unkeyed{Event: *typicalEvent()}, ErrInvalid},
	} {
		got, err := c.Encode(before, tc.v)
		if !errors.Is(err, tc.want) || !bytes.Equal(got, before) {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
}

// TestDecodedRecordsShareNoMemory: neither with the value nor with each other.
func TestDecodedRecordsShareNoMemory(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	e := typicalEvent()
	value := mustEncode(t, c, e)
	first := decodeAny(t, d, e, value).(*ledger.Event)
	clear(value[headerLen:])
	other := typicalEvent()
	other.Order, other.Object.ID = "shop-eu~9", "9"
	other.Body.Bytes = bytes.Repeat([]byte{1}, 900)
	other.ID = other.ComputeID()
	for range 50 {
		decodeAny(t, d, other, mustEncode(t, c, other))
	}
	if !reflect.DeepEqual(first, e) {
		t.Errorf("the first event became\n%+v", first)
	}
}

func TestDecodeAllocatesLittle(t *testing.T) {
	c := testCodec(t)
	value := mustEncode(t, c, typicalEvent())
	in := newReader()
	if n := testing.AllocsPerRun(200, func() {
		in.reset(value[headerLen:])
		in.event(new(ledger.Event))
	}); n > 10 {
		t.Errorf("%v allocations per event", n)
	}
}
