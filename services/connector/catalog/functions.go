package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"

	"github.com/orderledger/orderledger/ledger"
)

// costLimit bounds the evaluation of one expression over one document.
const costLimit = 2_000_000

// newEnv returns the CEL environment of the catalog: the variables doc, it,
// item, source and delivery, and the functions of this file.
func newEnv() (*cel.Env, error) {
	places := &zones{}
	unary := func(name string, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, result, cel.UnaryBinding(f)))
	}
	binary := func(name, id string, result *cel.Type, f func(a, b ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(id, []*cel.Type{cel.DynType, cel.DynType}, result, cel.BinaryBinding(f)))
	}
	return cel.NewEnv(
		cel.CustomTypeAdapter(exact{}),
		cel.OptionalTypes(),
		ext.Strings(),
		ext.Lists(),
		ext.Bindings(),
		ext.Math(),
		cel.Variable("doc", cel.DynType),
		cel.Variable("it", cel.DynType),
		cel.Variable("item", cel.DynType),
		cel.Variable("source", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("delivery", cel.MapType(cel.StringType, cel.DynType)),
		unary("text", cel.StringType, celText),
		unary("word", cel.StringType, celWord),
		unary("whole", cel.IntType, celWhole),
		unary("unsigned", cel.StringType, celUnsigned),
		unary("stamp", cel.DynType, func(v ref.Val) ref.Val { return celStamp(v, time.UTC) }),
		binary("stamp", "stamp_dyn_zone", cel.DynType, func(v, zone ref.Val) ref.Val {
			loc, err := places.load(zone)
			if err != nil {
				return types.NewErr("stamp(): %s", err)
			}
			return celStamp(v, loc)
		}),
		binary("minor", "minor_dyn_dyn", cel.IntType, celMinor),
		cel.Function("scaled", cel.Overload("scaled_dyn_dyn_int", []*cel.Type{cel.DynType, cel.DynType, cel.IntType}, cel.IntType, cel.FunctionBinding(celScaled))),
		binary("coded", "coded_dyn_dyn", cel.StringType, celCoded),
		unary("first", cel.DynType, celFirst),
	)
}

// exact adapts decoded documents to CEL without losing a digit.
type exact struct{}

// NativeToValue maps whole numbers to ints and all others to their text.
func (a exact) NativeToValue(v any) ref.Val {
	switch t := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(t), 10, 64); err == nil {
			return types.Int(i)
		}
		return types.String(string(t))
	case map[string]any:
		return types.NewStringInterfaceMap(a, t)
	case []any:
		return types.NewDynamicList(a, t)
	default:
		return types.DefaultTypeAdapter.NativeToValue(v)
	}
}

// bare unwraps an optional. The second result is false for one without value.
func bare(v ref.Val) (ref.Val, bool) {
	for {
		o, ok := v.(*types.Optional)
		if !ok {
			return v, true
		}
		if !o.HasValue() {
			return types.NullValue, false
		}
		v = o.GetValue()
	}
}

// plain returns the text of a scalar.
func plain(v ref.Val) (string, bool) {
	switch t := v.(type) {
	case types.String:
		return string(t), true
	case types.Int:
		return strconv.FormatInt(int64(t), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(t), 10), true
	case types.Bool:
		return strconv.FormatBool(bool(t)), true
	default:
		return "", false
	}
}

func celText(v ref.Val) ref.Val {
	v, _ = bare(v)
	if s, ok := plain(v); ok {
		return types.String(s)
	}
	return types.NewErr("text(): want a text, number or boolean, found %s", v.Type().TypeName())
}

func celWord(v ref.Val) ref.Val {
	w, err := wordOf(v)
	if err != nil {
		return types.NewErr("word(): %s", err)
	}
	return types.String(w)
}

// wordOf turns the value of a native-word expression into the word: what is
// null or missing has a word of its own (S-7).
func wordOf(v ref.Val) (string, error) {
	v, present := bare(v)
	switch {
	case !present:
		return ledger.NativeMissing, nil
	case v == types.NullValue:
		return ledger.NativeNull, nil
	}
	s, ok := plain(v)
	if !ok {
		return "", fmt.Errorf("want a word, found %s", v.Type().TypeName())
	}
	if len(s) > maxWord {
		return "", fmt.Errorf("word is longer than %d bytes", maxWord)
	}
	return s, nil
}

// celWhole reads a quantity: "2", "2.0" and 2 are the same, "2.5" is none.
func celWhole(v ref.Val) ref.Val {
	v, _ = bare(v)
	s, ok := plain(v)
	if !ok {
		return types.NewErr("whole(): want a number, found %s", v.Type().TypeName())
	}
	n, err := Minor(s, "JPY") // no digits behind the point
	if err != nil {
		return types.NewErr("whole(): not a whole number")
	}
	return types.Int(n)
}

func celUnsigned(v ref.Val) ref.Val {
	v, _ = bare(v)
	s, ok := plain(v)
	if !ok {
		return types.NewErr("unsigned(): want a number, found %s", v.Type().TypeName())
	}
	return types.String(strings.TrimLeft(s, "+-"))
}

func celMinor(amount, currency ref.Val) ref.Val {
	amount, _ = bare(amount)
	currency, _ = bare(currency)
	a, okA := plain(amount)
	c, okC := plain(currency)
	if !okA || !okC {
		return types.NewErr("minor(): want an amount and a currency, found %s and %s", amount.Type().TypeName(), currency.Type().TypeName())
	}
	m, err := Minor(a, c)
	if err != nil {
		return types.NewErr("minor(): %s", err)
	}
	return types.Int(m)
}

// celCoded reads a coded status in any of its spellings — "B", "SalesOrd:B",
// {id: "B", refName: …}, {id: "SalesOrd:B"} — and returns "SalesOrd:B".
func celCoded(v, prefix ref.Val) ref.Val {
	inner, _ := bare(v)
	if m, ok := inner.(traits.Mapper); ok {
		id, found := m.Find(types.String("id"))
		if !found {
			return types.String(ledger.NativeMissing)
		}
		v = id
	}
	w, err := wordOf(v)
	if err != nil {
		return types.NewErr("coded(): %s", err)
	}
	p, _ := plain(prefix)
	if w == ledger.NativeNull || w == ledger.NativeMissing || strings.Contains(w, ":") {
		return types.String(w)
	}
	return types.String(p + ":" + w)
}

// celFirst returns the first element of a list that is neither null nor missing;
// null if there is none.
func celFirst(v ref.Val) ref.Val {
	v, _ = bare(v)
	l, ok := v.(traits.Lister)
	if !ok {
		return types.NewErr("first(): want a list, found %s", v.Type().TypeName())
	}
	n, _ := l.Size().(types.Int)
	for i := range n {
		if e, there := bare(l.Get(i)); there && e != types.NullValue {
			return e
		}
	}
	return types.NullValue
}

// zones remembers time zones, which are files, once they were read.
type zones struct{ known sync.Map }

func (z *zones) load(v ref.Val) (*time.Location, error) {
	name, ok := plain(v)
	if !ok || name == "" {
		return time.UTC, nil
	}
	if loc, ok := z.known.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not known here", clip(name))
	}
	z.known.Store(name, loc)
	return loc, nil
}

// celStamp reads an instant; a text without offset is local to the zone.
// Null and missing stay null.
func celStamp(v ref.Val, zone *time.Location) ref.Val {
	t, ok, err := instantOf(v, zone)
	switch {
	case err != nil:
		return types.NewErr("stamp(): %s", err)
	case !ok:
		return types.NullValue
	default:
		return types.Timestamp{Time: t}
	}
}

// errStamp never quotes the text it refuses.
var errStamp = errors.New("want an instant in RFC 3339, unix seconds or unix milliseconds, between 1970 and 2262")

// localLayouts are the spellings of stamps that name no offset.
var localLayouts = [...]string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"}

// msFrom is where whole numbers stop being unix seconds (the year 5138) and
// start being milliseconds (March 1973).
const msFrom = 100_000_000_000

// maxStamp keeps nanoseconds within an int64.
var maxStamp = time.Unix(1<<63/1_000_000_000-1, 0)

// instantOf converts the value of a stamp expression. The second result is
// false for null and missing. Without a zone, texts must name their offset.
func instantOf(v ref.Val, zone *time.Location) (time.Time, bool, error) {
	v, present := bare(v)
	if !present || v == types.NullValue {
		return time.Time{}, false, nil
	}
	var t time.Time
	switch x := v.(type) {
	case types.Timestamp:
		t = x.Time
	case types.Int:
		if int64(x) >= msFrom {
			t = time.UnixMilli(int64(x))
		} else {
			t = time.Unix(int64(x), 0)
		}
	case types.String:
		parsed, err := parseStamp(string(x), zone)
		if err != nil {
			return time.Time{}, false, err
		}
		t = parsed
	default:
		return time.Time{}, false, errStamp
	}
	if t.Unix() <= 0 || t.After(maxStamp) {
		return time.Time{}, false, errStamp
	}
	return t.UTC(), true, nil
}

func parseStamp(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	if zone != nil {
		for _, layout := range localLayouts {
			if t, err := time.ParseInLocation(layout, s, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, errStamp
}
