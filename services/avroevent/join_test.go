package avroevent

import (
	"errors"
	"reflect"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

func typicalUnkeyed() *ledger.Unkeyed {
	e := typicalEvent()
	e.Order = ""
	e.ID = e.ComputeID()
	return &ledger.Unkeyed{By: ledger.Alias{Scope: "shop-eu", Type: "order-number", Value: "#10457"}, Event: *e}
}

func typicalReemit() *ledger.Reemit {
	u := typicalUnkeyed()
	return &ledger.Reemit{Order: "shop-eu~5678901234567", Alias: u.By, Route: 7, Live: true, Depth: 1, Delivered: true, Copies: 2, Event: u.Event}
}

// TestRecordsOfJoinsThatBreakARule changes a good record's bytes behind the
// back of Encode.
func TestRecordsOfJoinsThatBreakARule(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	by, order := typicalReemit().Alias, typicalReemit().Order
	forwarded := func(change func(*ledger.Forwarded)) *ledger.Forwarded {
		f := &ledger.Forwarded{Through: 5, Route: 4, Held: []ledger.HeldFeed{{Feed: ledger.FeedKey{Source: "erp", Feed: "orders"}, Offset: 3}},
			Parked: []ledger.Parked{{Feed: ledger.FeedKey{Source: "erp", Feed: "orders"}, Type: "order-number", From: 1, Until: 2}}}
		change(f)
		return f
	}
	reemit := func(change func(*ledger.Reemit)) *ledger.Reemit {
		r := typicalReemit()
		change(r)
		return r
	}
	for name, tc := range map[string]struct {
		v      any
		reason string
	}{
		"a re-emission":            {reemit(func(*ledger.Reemit) {}), ""},
		"depth beyond":             {reemit(func(r *ledger.Reemit) { r.Depth = maxDepth + 1 }), ReasonInvalid},
		"depth that would turn":    {reemit(func(r *ledger.Reemit) { r.Depth = 255 }), ReasonInvalid},
		"route before the log":     {reemit(func(r *ledger.Reemit) { r.Route = -1 }), ReasonInvalid},
		"no order":                 {reemit(func(r *ledger.Reemit) { r.Order = "" }), ReasonInvalid},
		"an event of this order":   {reemit(func(r *ledger.Reemit) { r.Event.Order = r.Order; r.Event.ID = r.Event.ComputeID() }), ""},
		"an event of another":      {reemit(func(r *ledger.Reemit) { r.Event.Order = "shop-eu~2"; r.Event.ID = r.Event.ComputeID() }), ReasonInvalid},
		"an event changed":         {reemit(func(r *ledger.Reemit) { r.Event.Claims[1].Native = "refunded" }), ReasonForgedID},
		"a binding":                {&ledger.AliasBinding{Alias: by, Order: order, Until: ledger.Forever, Version: 1, Live: true}, ""},
		"a binding of nothing":     {&ledger.AliasBinding{Alias: ledger.Alias{Type: "order-number"}, Order: order}, ""},
		"a binding to nobody":      {&ledger.AliasBinding{Alias: by}, ReasonInvalid},
		"a binding's depth":        {&ledger.AliasBinding{Alias: by, Order: order, Depth: maxDepth + 1}, ReasonInvalid},
		"an answer":                {&ledger.Bound{Order: order, Alias: by, Version: 1, OK: true}, ""},
		"an answer to nobody":      {&ledger.Bound{Order: "shop", Alias: by}, ReasonInvalid},
		"an answer's route":        {&ledger.Bound{Order: order, Alias: by, Route: -1}, ReasonInvalid},
		"a stretch":                {forwarded(func(*ledger.Forwarded) {}), ""},
		"from no partition":        {forwarded(func(f *ledger.Forwarded) { f.Partition = -1 }), ReasonInvalid},
		"to no partition":          {forwarded(func(f *ledger.Forwarded) { f.To = -1 }), ReasonInvalid},
		"through before the log":   {forwarded(func(f *ledger.Forwarded) { f.Through = -1 }), ReasonInvalid},
		"held by no source":        {forwarded(func(f *ledger.Forwarded) { f.Held[0].Feed.Source = "" }), ReasonInvalid},
		"held before the log":      {forwarded(func(f *ledger.Forwarded) { f.Held[0].Offset = -1 }), ReasonInvalid},
		"parked by no source":      {forwarded(func(f *ledger.Forwarded) { f.Parked[0].Feed.Source = "ERP" }), ReasonInvalid},
		"a type that is not UTF-8": {forwarded(func(f *ledger.Forwarded) { f.Parked[0].Type = "\xff" }), ReasonMalformed},
	} {
		w := c.writers.Get().(*writer)
		w.w.Reset(nil)
		w.err = nil
		n, _ := w.record(tc.v)
		value := append(header(c.current[n]), w.w.Buffer()...)
		if got := reasonOf(d, value, keyOf(tc.v)); got != tc.reason {
			t.Errorf("%s: reason %q, want %q", name, got, tc.reason)
		}
		if _, err := c.Encode(nil, tc.v); errors.Is(err, ErrInvalid) != (tc.reason != "") {
			t.Errorf("%s: Encode says %v, Decode %q", name, err, tc.reason)
		}
	}
}

// TestBoundsBeyondTimeAreWritten: the fold adds spans to instants that anybody
// may have claimed; a binding that could not be written would stop the pump.
func TestBoundsBeyondTimeAreWritten(t *testing.T) {
	c := testCodec(t)
	r := typicalReemit()
	b := &ledger.AliasBinding{Alias: r.Alias, Order: r.Order, From: ledger.Beginning - 5, Until: ledger.Forever + 5, Version: 1}
	got := decodeAny(t, c.NewDecoder(), b, mustEncode(t, c, b))
	b.From, b.Until = ledger.Beginning, ledger.Forever
	if !reflect.DeepEqual(got, b) {
		t.Errorf("came back as %+v", got)
	}
}

// TestJoinRecordsEvolve: a field more or less, also inside the event that a
// re-emission carries.
func TestJoinRecordsEvolve(t *testing.T) {
	const copies = `{"name": "copies", "type": "long", "doc": "How many copies of the event came.", "default": 0},`
	r := typicalReemit()
	list, by := variant(t, "Reemit", copies, copies+` {"name": "why", "type": "string", "doc": "New.", "default": ""},`)
	if got := through(t, list, by, r, func(m map[string]any) { m["why"] = "because" }); !reflect.DeepEqual(got, r) {
		t.Errorf("with a field more it came back as\n%+v", got)
	}
	list, by = variant(t, "Reemit", copies, "")
	r.Copies = 0
	if got := through(t, list, by, r, func(m map[string]any) { delete(m, "copies") }); !reflect.DeepEqual(got, r) {
		t.Errorf("with a field less it came back as\n%+v", got)
	}
	const until = `{"name": "type", "type": "string", "doc": "Type of the alias they stand under."},`
	s := newSampler(14)
	s.full = true
	f := s.fill(new(ledger.Forwarded)).(*ledger.Forwarded)
	list, by = variant(t, "Forwarded", until, until+` {"name": "records", "type": "long", "doc": "New.", "default": 0},`)
	got := through(t, list, by, f, func(m map[string]any) {
		for _, p := range m["parked"].([]any) {
			p.(map[string]any)["records"] = int64(9)
		}
	})
	if !reflect.DeepEqual(got, f) {
		t.Errorf("came back as\n%+v", got)
	}
}

func TestDecodedReemissionsShareNoMemory(t *testing.T) {
	c := testCodec(t)
	d := c.NewDecoder()
	r := typicalReemit()
	value := mustEncode(t, c, r)
	first := decodeAny(t, d, r, value).(*ledger.Reemit)
	clear(value[headerLen:])
	other := typicalReemit()
	other.Order, other.Alias.Value, other.Event.Object.ID = "shop-eu~9", "#9", "9"
	other.Event.ID = other.Event.ComputeID()
	for range 50 {
		decodeAny(t, d, other, mustEncode(t, c, other))
	}
	if !reflect.DeepEqual(first, r) {
		t.Errorf("the first became\n%+v", first)
	}
}

func benchmarkDecode(b *testing.B, v any) {
	c := testCodec(b)
	value, err := c.Encode(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	d, key := c.NewDecoder(), keyOf(v)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		rec := ledger.Record{Key: key}
		if d.Decode(value, &rec); rec.Poison != nil {
			b.Fatal(rec.Poison.Reason)
		}
	}
}

func benchmarkEncode(b *testing.B, v any) {
	c := testCodec(b)
	var dst []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = c.Encode(dst[:0], v); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecodeUnkeyed(b *testing.B) { benchmarkDecode(b, typicalUnkeyed()) }
func BenchmarkDecodeReemit(b *testing.B)  { benchmarkDecode(b, typicalReemit()) }
func BenchmarkEncodeReemit(b *testing.B)  { benchmarkEncode(b, typicalReemit()) }

func BenchmarkDecodeBinding(b *testing.B) {
	r := typicalReemit()
	benchmarkDecode(b, &ledger.AliasBinding{Alias: r.Alias, Order: r.Order, From: 5, Until: ledger.Forever, Version: 1, Live: true})
}

func BenchmarkEncodeBinding(b *testing.B) {
	r := typicalReemit()
	benchmarkEncode(b, &ledger.AliasBinding{Alias: r.Alias, Order: r.Order, From: 5, Until: ledger.Forever, Version: 1, Live: true})
}
