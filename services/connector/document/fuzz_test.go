package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/orderledger/orderledger/services/connector/document"
)

// FuzzDecode: what is read is what the standard library reads, unless a bound
// or a key that stands twice refuses it; and it is written in one way alone.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,null,"x",-1.50e+3,0.10]}`, `{"a":1,"a":2}`, `"\ud800"`, `"\ud83d\ude00 \u2028 <&>"`, `[1,]`, `{"a":}`, `01`, `-`, ` [ ] x`, "\"\x00\"", `[[[[]]]]`, `nul`, `1e999`, ``,
	} {
		f.Add([]byte(s))
	}
	lim := document.Limits{Depth: 40, Values: 1000, Text: 1000}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1000 {
			return
		}
		got, err := document.Decode(raw, lim)
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var want any
		theirs := dec.Decode(&want)
		if theirs == nil {
			if _, more := dec.Token(); !errors.Is(more, io.EOF) {
				theirs = document.ErrTrailing
			}
		}
		switch {
		case errors.Is(err, document.ErrDepth), errors.Is(err, document.ErrDuplicate), errors.Is(err, document.ErrEncoding), errors.Is(err, document.ErrSize):
			return
		case (err == nil) != (theirs == nil):
			t.Fatalf("%q: %v, by the standard library %v", raw, err, theirs)
		case err != nil:
			return
		case !reflect.DeepEqual(got, want):
			t.Fatalf("%q is\n%#v, to the standard library\n%#v", raw, got, want)
		}
		once, err := document.Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := document.Decode(once, document.DefaultLimits())
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q is written as %q: %v", raw, once, err)
		}
	})
}
