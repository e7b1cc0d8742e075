package document_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector/document"
)

func TestDecodeRefuses(t *testing.T) {
	lim := document.Limits{Depth: 3, Values: 10, Text: 8}
	for raw, want := range map[string]error{
		`{"a":[{"b":1}]}`:           nil,
		`{"a":[{"b":[1]}]}`:         document.ErrDepth,
		`[1,2,3,4,5,6,7,8,9,10,11]`: document.ErrSize,
		`"123456789"`:               document.ErrText,
		`123456789`:                 document.ErrText,
		`{"123456789":1}`:           document.ErrText,
		`{"a":1,"a":1}`:             document.ErrDuplicate,
		`{"a":1,"\u0061":2}`:        document.ErrDuplicate,
		`{"a":1}{}`:                 document.ErrTrailing,
		`{"a":1}]`:                  document.ErrTrailing,
		"{\"a\":\"\xc3\"}":          document.ErrEncoding,
		``:                          document.ErrSyntax,
		`{"a":}`:                    document.ErrSyntax,
		`{'a':1}`:                   document.ErrSyntax,
		`{"a":1,}`:                  document.ErrSyntax,
		`[01]`:                      document.ErrSyntax,
		`[1`:                        document.ErrSyntax,
		"\ufeff{}":                  document.ErrSyntax,
	} {
		if _, err := document.Decode([]byte(raw), lim); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", raw, err, want)
		}
	}
}

// TestErrorsDoNotQuote: what stands in a broken document may be personal.
func TestErrorsDoNotQuote(t *testing.T) {
	for _, raw := range []string{`{"secret-name" "x"}`, `{"secret-name":1,"secret-name":2}`, `secret-name`, `["secret-name`} {
		if _, err := document.Decode([]byte(raw), document.DefaultLimits()); err == nil || strings.Contains(err.Error(), "secret-name") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestRoundTripKeepsDigits(t *testing.T) {
	const raw = `{"a":1.10,"b":[null,true,12345678901234567890],"c":"<&>"}`
	v, err := document.Decode([]byte(raw), document.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	got, err := document.Encode(v)
	if err != nil || string(got) != raw {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRedaction(t *testing.T) {
	for _, tc := range []struct{ name, in, remove, hash, key, want string }{
		{"a path", `{"a":{"b":1,"c":2},"b":3}`, "a.b", "", "", `{"a":{"c":2},"b":3}`},
		{"any key", `{"a":{"x":1},"b":{"x":2},"x":3}`, "*.x", "", "", `{"a":{},"b":{},"x":3}`},
		{"anywhere", `{"a":[{"x":1,"y":[{"x":2}]}],"x":3}`, "**.x", "", "", `{"a":[{"y":[{}]}]}`},
		{"anywhere below", `{"a":{"n":{"x":1}},"n":{"x":2},"x":3}`, "**.n.x", "", "", `{"a":{"n":{}},"n":{},"x":3}`},
		{"without a key", `{"m":"a@b.c"}`, "", "**.m", "", `{}`},
		{"null stays", `{"m":null}`, "", "**.m", "k", `{"m":null}`},
		{"not a text", `{"m":{"to":"a@b.c"}}`, "", "**.m", "k", `{}`},
		{"hashed", `{"m":"A@b.c"}`, "", "**.m", "k", `{"m":"` + document.HashPersonal("a@b.c", []byte("k")) + `"}`},
		{"named twice", `{"m":"a@b.c"}`, "", "m **.m", "k", `{"m":"` + document.HashPersonal("a@b.c", []byte("k")) + `"}`},
	} {
		r, err := document.NewRedaction(strings.Fields(tc.remove), strings.Fields(tc.hash), []byte(tc.key))
		if err != nil {
			t.Fatal(err)
		}
		v, err := document.Decode([]byte(tc.in), document.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		r.Apply(v)
		if got, err := document.Encode(v); err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	if _, err := document.NewRedaction([]string{"a..b", "a*"}, nil, nil); !errors.Is(err, document.ErrPath) {
		t.Errorf("bad paths: %v", err)
	}
}
