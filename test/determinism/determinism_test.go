// Package determinism_test folds one log in processes that have nothing else in
// common, and compares what became of it byte by byte.
package determinism_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// surroundings are what must make no difference.
var surroundings = [][]string{
	{"TZ=UTC", "LANG=C", "GOMAXPROCS=1", "GOGC=100", "HOSTNAME=one", "USER=one"},
	{"TZ=Pacific/Apia", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=4", "GOGC=5", "HOSTNAME=two", "USER=two"},
	{"TZ=America/St_Johns", "LANG=de_DE.UTF-8", "GOMAXPROCS=2", "GOGC=off", "HOSTNAME=three", "USER=three", "GODEBUG=randautoseed=0"},
}

// TestFoldIsAFunctionOfItsLog: state and rows depend on nothing but the log (I-1, I-5).
func TestFoldIsAFunctionOfItsLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	writeLogs(t, log)
	var first []became
	for n := range 2 * len(surroundings) {
		got := inChild(t, log, n)
		if n == 0 {
			first = got
			richEnough(t, first)
			continue
		}
		for i := range first {
			if diff := first[i].differs(t, &got[i]); diff != "" {
				t.Fatalf("partition %d, in the surroundings %v: %s", first[i].Partition, surroundings[n%len(surroundings)], diff)
			}
		}
	}
}

// inChild folds the log in a process of its own.
func inChild(t *testing.T, log string, n int) []became {
	t.Helper()
	out := filepath.Join(t.TempDir(), "became")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Dir = t.TempDir()
	cmd.Env = append(append([]string{}, surroundings[n%len(surroundings)]...), envLog+"="+log, envOut+"="+out, fmt.Sprintf("%s=%d", envWay, n))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("folding in another process: %v\n%s", err, said)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got []became
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// richEnough: the log brings something into every table and key space, or the
// comparison proves little.
func richEnough(t *testing.T, all []became) {
	t.Helper()
	var rows [5]int
	spaces := map[byte]int{}
	for i := range all {
		for k := range rows {
			rows[k] += len(all[i].Rows[k])
		}
		for _, p := range all[i].Keys {
			spaces[p.Key[0]]++
		}
	}
	for k, n := range rows {
		if n == 0 {
			t.Errorf("the log tells no %s", tables[k])
		}
	}
	if len(spaces) < 12 {
		t.Errorf("the log fills %d key spaces alone: %v", len(spaces), spaces)
	}
}

var tables = [...]string{"history", "exceptions", "orders", "quarantine", "outgoing"}

// store loads what became of the state.
func (b *became) store() *ledger.MemStore {
	s := ledger.NewMemStore()
	for _, p := range b.Keys {
		s.Put(p.Key, p.Value)
	}
	return s
}

// differs names the first difference, empty if there is none.
func (b *became) differs(t *testing.T, c *became) string {
	t.Helper()
	diff, err := ledger.FirstMismatch(b.store(), c.store())
	if err != nil {
		t.Fatal(err)
	}
	if diff != nil {
		return diff.String()
	}
	for k := range b.Rows {
		for i := range max(len(b.Rows[k]), len(c.Rows[k])) {
			if i >= len(b.Rows[k]) || i >= len(c.Rows[k]) {
				return fmt.Sprintf("%s: %d rows against %d", tables[k], len(b.Rows[k]), len(c.Rows[k]))
			}
			if !bytes.Equal(b.Rows[k][i], c.Rows[k][i]) {
				return rowsDiffer(t, tables[k], b.Rows[k][i], c.Rows[k][i])
			}
		}
	}
	return ""
}

// rowsDiffer names the first field in which two rows differ.
func rowsDiffer(t *testing.T, table string, a, b []byte) string {
	t.Helper()
	x, err := ledger.DecodeRows(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := ledger.DecodeRows(b)
	if err != nil {
		t.Fatal(err)
	}
	path, v, w := fieldOf(reflect.ValueOf(*x), reflect.ValueOf(*y), "")
	where := ""
	for i := range x.History {
		where = fmt.Sprintf(" of order %s, offset %d", x.History[i].Order, x.History[i].Offset)
	}
	for i := range x.Exceptions {
		where = fmt.Sprintf(" of %s, offset %d", x.Exceptions[i].Exception.Subject, x.Exceptions[i].Offset)
	}
	for i := range x.Orders {
		where = fmt.Sprintf(" of order %s, offset %d", x.Orders[i].Summary.Key, x.Orders[i].Offset)
	}
	return fmt.Sprintf("%s%s, field %s: %s against %s", table, where, path, v, w)
}

// fieldOf walks two values of one type to the first place where they differ.
func fieldOf(a, b reflect.Value, path string) (string, string, string) {
	switch {
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		return fieldOf(a.Elem(), b.Elem(), path)
	case a.Kind() == reflect.Slice && a.Len() == b.Len(), a.Kind() == reflect.Array:
		for i := range a.Len() {
			if !reflect.DeepEqual(a.Index(i).Interface(), b.Index(i).Interface()) {
				return fieldOf(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		}
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				return fieldOf(a.Field(i), b.Field(i), strings.TrimPrefix(path+"."+f.Name, "."))
			}
		}
	}
	return path, fmt.Sprintf("%v", a.Interface()), fmt.Sprintf("%v", b.Interface())
}
