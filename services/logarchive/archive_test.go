package logarchive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logarchive"
)

// header is a log of two topics, one of them empty and one with gaps.
func header(n int64) logarchive.Header {
	return logarchive.Header{Version: 1, Partitions: 2, Ranges: []logarchive.Range{
		{Topic: "a", End: n}, {Topic: "a", Partition: 1}, {Topic: "b", Start: 5, End: 20, Gaps: true},
	}}
}

func record(topic string, offset int64) kafkalog.Record {
	r := kafkalog.Record{Topic: topic, Offset: offset, Timestamp: 1_700_000_000_000_000 + offset*1000, Value: []byte(fmt.Sprintf("value %d", offset))}
	switch offset % 4 {
	case 0:
		r.Key, r.Headers = []byte("key"), []kafkalog.Header{{Key: "h", Value: []byte("1")}, {Key: "h", Value: nil}, {Key: "", Value: []byte{}}}
	case 1:
		r.Key, r.Value = []byte{}, nil
	}
	return r
}

// write makes a file of n records in a/0 and two in b/0.
func write(t *testing.T, n int64) ([]byte, logarchive.Summary) {
	t.Helper()
	var out bytes.Buffer
	w, err := logarchive.NewWriter(&out, header(n))
	if err != nil {
		t.Fatal(err)
	}
	end := func() {
		t.Helper()
		if _, err := w.EndPartition(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		r := record("a", i)
		if err := w.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	end()
	end()
	for _, o := range []int64{7, 15} {
		r := record("b", o)
		if err := w.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	end()
	sum, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sum
}

func TestEveryRecordComesBack(t *testing.T) {
	raw, sum := write(t, 2500)
	r, err := logarchive.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var got []kafkalog.Record
	for {
		records, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, records...)
	}
	if len(got) != 2502 {
		t.Fatalf("%d records", len(got))
	}
	for i := range got {
		want := record(got[i].Topic, got[i].Offset)
		if fmt.Sprintf("%#v", got[i]) != fmt.Sprintf("%#v", want) {
			t.Fatalf("record %d: %#v, want %#v", i, got[i], want)
		}
	}
	again := r.Summary()
	if again.SHA256 != sum.SHA256 || again.Records != 2502 || again.Size != int64(len(raw)) || sum.Size != again.Size || len(again.Partitions) != 3 {
		t.Errorf("%+v, written %+v", again, sum)
	}
	for i := range sum.Partitions {
		if sum.Partitions[i] != again.Partitions[i] {
			t.Errorf("%+v, written %+v", again.Partitions[i], sum.Partitions[i])
		}
	}
}

// No byte can be changed, none can be missing, none can be added.
func TestDamageIsFound(t *testing.T) {
	raw, _ := write(t, 1300)
	step := max(1, len(raw)/1500)
	for i := 0; i < len(raw); i += step {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		if _, err := logarchive.Verify(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d was changed, and nobody noticed", i)
		}
		var damage *logarchive.DamageError
		if _, err := logarchive.Verify(bytes.NewReader(raw[:i])); err == nil || i >= 8 && (!errors.As(err, &damage) || damage.Byte != int64(i)) {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
	}
	if _, err := logarchive.Verify(bytes.NewReader(append(bytes.Clone(raw), 0))); !errors.Is(err, logarchive.ErrDamaged) {
		t.Errorf("a byte behind the end: %v", err)
	}
}

// Damage is named by byte, and by the last record before it.
func TestDamageIsNamed(t *testing.T) {
	raw, _ := write(t, 2500)
	for share, want := range map[float64]string{0.5: "behind a/0@", 0.02: "before the first record", 0.97: "behind a/0@2499", 0.995: "behind b/0@15"} {
		bad := bytes.Clone(raw)
		at := int(float64(len(raw)) * share)
		bad[at] ^= 1
		_, err := logarchive.Verify(bytes.NewReader(bad))
		var damage *logarchive.DamageError
		if !errors.As(err, &damage) || damage.Byte > int64(at) || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d of %d: %v, want %q", at, len(raw), err, want)
		}
	}
}

func TestWhatIsNoArchive(t *testing.T) {
	for _, raw := range []string{"", "PK\x03\x04", strings.Repeat("x", 100)} {
		if _, err := logarchive.Verify(strings.NewReader(raw)); !errors.Is(err, logarchive.ErrNoArchive) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	raw, _ := write(t, 1)
	raw[7] = 9
	if _, err := logarchive.Verify(bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "format 9 is not known") {
		t.Errorf("a later format: %v", err)
	}
}

// A writer takes only what the header promised.
func TestWriterRefusesWhatDoesNotFollow(t *testing.T) {
	w, err := logarchive.NewWriter(io.Discard, header(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []kafkalog.Record{record("b", 7), record("a", 1), record("a", 2)} {
		if w.Append(&r) == nil {
			t.Errorf("%s was taken", r.Position())
		}
	}
	if _, err := w.EndPartition(); err == nil {
		t.Error("a partition may end early")
	}
	if _, err := w.Close(); err == nil {
		t.Error("a file may end early")
	}
}

// The memory that a file needs does not grow with it: 100 MB go through a pipe,
// and are never held.
func TestMemoryIsFlat(t *testing.T) {
	const records, size, bound = 100_000, 1000, 24 << 20
	h := logarchive.Header{Version: 1, Partitions: 1, Ranges: []logarchive.Range{{Topic: "a", End: records}}}
	in, out := io.Pipe()
	go func() {
		w, err := logarchive.NewWriter(out, h)
		noise := rand.New(rand.NewPCG(1, 2))
		for i := int64(0); err == nil && i < records; i++ {
			value := make([]byte, size)
			for k := range value {
				value[k] = byte(noise.Uint32())
			}
			err = w.Append(&kafkalog.Record{Topic: "a", Offset: i, Value: value})
		}
		if err == nil {
			_, err = w.EndPartition()
		}
		if err == nil {
			_, err = w.Close()
		}
		_ = out.CloseWithError(err)
	}()
	var before, now runtime.MemStats
	r, err := logarchive.NewReader(in)
	for chunk := 0; err == nil; chunk++ {
		if _, err = r.Next(); chunk%25 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if chunk == 0 { // both sides have their buffers by then
				before = now
			}
			if now.HeapAlloc > before.HeapAlloc+bound {
				t.Fatalf("%d bytes are held after %d chunks", now.HeapAlloc-before.HeapAlloc, chunk)
			}
		}
	}
	if !errors.Is(err, io.EOF) || r.Summary().Records != records {
		t.Fatalf("%d records: %v", r.Summary().Records, err)
	}
}
