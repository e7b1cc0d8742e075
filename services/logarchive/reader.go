package logarchive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// maxChunk bounds a chunk as it stands in the file, maxPlain what it unpacks to:
// a damaged length must not exhaust the memory.
const (
	maxChunk = 64 << 20
	maxPlain = 64 << 20
)

// Reader reads one file, and checks it while it does. It is not safe for
// concurrent use.
type Reader struct {
	in    *bufio.Reader
	dec   *zstd.Decoder
	chain [32]byte
	sum   Summary
	at    int
	next  int64
	part  hash.Hash
	count PartitionSum

	chunks int
	last   kafkalog.Position
	done   bool
}

// ErrNoArchive says that the bytes are no log archive at all.
var ErrNoArchive = errors.New("this is no log archive: it was not written by `log export`")

// NewReader reads the header.
func NewReader(in io.Reader) (*Reader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	r := &Reader{in: bufio.NewReaderSize(in, 256<<10), dec: dec}
	start := make([]byte, len(magic))
	n, err := io.ReadFull(r.in, start)
	r.sum.Size = int64(n)
	if known := len(magic) - 1; err != nil || string(start[:known]) != magic[:known] {
		return nil, ErrNoArchive
	}
	if start[len(magic)-1] != magic[len(magic)-1] {
		return nil, fmt.Errorf("read log archive: format %d is not known: this program reads format %d", start[len(magic)-1], Version)
	}
	from := r.sum.Size
	kind, payload, err := r.chunk()
	if err != nil {
		return nil, err
	}
	if kind != kindHeader || json.Unmarshal(payload, &r.sum.Header) != nil {
		return nil, r.damage(from, "there is no header")
	}
	if err := r.sum.Header.Validate(); err != nil {
		return nil, fmt.Errorf("read log archive: %w", err)
	}
	r.begin()
	return r, nil
}

// Header says what the file holds.
func (r *Reader) Header() Header { return r.sum.Header }

func (r *Reader) begin() {
	if r.at == len(r.sum.Header.Ranges) {
		return
	}
	x := r.sum.Header.Ranges[r.at]
	r.part, r.next, r.count = sha256.New(), x.Start, PartitionSum{Topic: x.Topic, Partition: x.Partition}
}

// Next returns the next records, all of one partition, or io.EOF once the whole
// file was found sound. They may be kept. Damage is a *DamageError.
func (r *Reader) Next() ([]kafkalog.Record, error) {
	for !r.done {
		from := r.sum.Size
		kind, payload, err := r.chunk()
		if err != nil {
			return nil, err
		}
		switch kind {
		case kindRecords:
			records, why := r.records(payload)
			if why != "" {
				return nil, r.damage(from, why)
			}
			return records, nil
		case kindPartition:
			if why := r.endPartition(payload); why != "" {
				return nil, r.damage(from, why)
			}
		case kindEnd:
			if why := r.end(payload); why != "" {
				return nil, r.damage(from, why)
			}
			r.done = true
		default:
			return nil, r.damage(from, fmt.Sprintf("a chunk of the unknown kind %q", kind))
		}
	}
	return nil, io.EOF
}

// Summary is what the file came to, complete once Next returned io.EOF.
func (r *Reader) Summary() Summary { return r.sum }

func (r *Reader) damage(from int64, why string) error {
	return &DamageError{Byte: from, Chunk: r.chunks, After: r.last, Why: why}
}

// chunk reads one chunk and checks its link of the chain.
func (r *Reader) chunk() (byte, []byte, error) {
	from := r.sum.Size
	head := make([]byte, 5)
	n, err := io.ReadFull(r.in, head)
	r.sum.Size += int64(n)
	if err != nil {
		return 0, nil, r.cut(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxChunk {
		return 0, nil, r.damage(from, fmt.Sprintf("a chunk of %d bytes is larger than any that is written", size))
	}
	body := make([]byte, int(size)+len(r.chain))
	n, err = io.ReadFull(r.in, body)
	r.sum.Size += int64(n)
	if err != nil {
		return 0, nil, r.cut(err)
	}
	payload := body[:size]
	want := link(r.chain, head, payload)
	if !bytes.Equal(want[:], body[size:]) {
		return 0, nil, r.damage(from, fmt.Sprintf("the hash of bytes %d to %d is not the one that was written", from, r.sum.Size))
	}
	r.chain = want
	r.chunks++
	return head[0], payload, nil
}

// cut tells the end of the file from a file that cannot be read.
func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.damage(r.sum.Size, "the file ends here, and is not complete")
	}
	return fmt.Errorf("read log archive: %w", err)
}

// records unpacks a chunk of records; why is empty if they are as they must be.
func (r *Reader) records(payload []byte) (out []kafkalog.Record, why string) {
	if r.at == len(r.sum.Header.Ranges) {
		return nil, "records that belong to no partition"
	}
	plain, err := r.dec.DecodeAll(payload, nil)
	if err != nil {
		return nil, "it can not be unpacked: " + err.Error()
	}
	_, _ = r.part.Write(plain)
	x := r.sum.Header.Ranges[r.at]
	for d := (&decoder{plain}); len(d.b) > 0; {
		rec, err := d.record(x)
		if err != nil {
			return nil, err.Error()
		}
		if rec.Offset < r.next || rec.Offset >= x.End || rec.Offset > r.next && !x.Gaps {
			return nil, fmt.Sprintf("offset %d does not follow in %s, which goes on at %d and ends at %d", rec.Offset, x, r.next, x.End)
		}
		r.next, r.last = rec.Offset+1, rec.Position()
		r.count.Records++
		r.count.Bytes += weight(&rec)
		out = append(out, rec)
	}
	return out, ""
}

func (r *Reader) endPartition(payload []byte) (why string) {
	if r.at == len(r.sum.Header.Ranges) {
		return "more partitions than the header names"
	}
	var want PartitionSum
	if err := json.Unmarshal(payload, &want); err != nil {
		return "the sum of a partition can not be read"
	}
	got := r.count
	got.SHA256 = hex.EncodeToString(r.part.Sum(nil))
	x := r.sum.Header.Ranges[r.at]
	switch {
	case got != want:
		return fmt.Sprintf("%s holds %d records with hash %s, and %d with %s were written", x, got.Records, got.SHA256, want.Records, want.SHA256)
	case r.next != x.End && !x.Gaps:
		return fmt.Sprintf("%s ends at %d and not at %d", x, r.next, x.End)
	}
	r.sum.Partitions = append(r.sum.Partitions, got)
	r.sum.Records += got.Records
	r.sum.Bytes += got.Bytes
	r.at++
	r.begin()
	return ""
}

func (r *Reader) end(payload []byte) (why string) {
	var e ending
	if err := json.Unmarshal(payload, &e); err != nil {
		return "the end can not be read"
	}
	if e.Partitions != r.at || r.at != len(r.sum.Header.Ranges) || e.Records != r.sum.Records {
		return fmt.Sprintf("%d partitions with %d records, and %d with %d were written", r.at, r.sum.Records, e.Partitions, e.Records)
	}
	if _, err := r.in.Peek(1); !errors.Is(err, io.EOF) {
		return "something follows the end"
	}
	r.sum.SHA256 = hex.EncodeToString(r.chain[:])
	return ""
}

// Verify reads a file to its end.
func Verify(in io.Reader) (Summary, error) {
	r, err := NewReader(in)
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, io.EOF) {
		return Summary{}, err
	}
	return r.Summary(), nil
}

// VerifyFile reads a file to its end. Damage matches [ErrDamaged].
func VerifyFile(path string) (Summary, error) {
	f, err := os.Open(path)
	if err != nil {
		return Summary{}, fmt.Errorf("read log archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	sum, err := Verify(f)
	if err != nil {
		return sum, fmt.Errorf("%s: %w", path, err)
	}
	return sum, nil
}
