package logarchive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// The kinds of chunks.
const (
	kindHeader    = 'H'
	kindRecords   = 'R'
	kindPartition = 'P'
	kindEnd       = 'E'
)

// Bounds of a chunk of records: it is closed by whichever comes first.
const (
	chunkRecords = 1000
	chunkBytes   = 1 << 20
)

// Writer writes one file. It is not safe for concurrent use.
type Writer struct {
	out    io.Writer
	enc    *zstd.Encoder
	chain  [32]byte
	sum    Summary
	at     int // index of the range being written
	buf    []byte
	count  int
	next   int64
	rec    []byte
	part   hash.Hash
	counts PartitionSum
}

// NewWriter begins a file. Nothing is buffered beyond one chunk.
func NewWriter(out io.Writer, h Header) (*Writer, error) {
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("write log archive: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	w := &Writer{out: out, enc: enc, sum: Summary{Header: h}}
	if err := w.raw([]byte(magic)); err != nil {
		return nil, err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write log archive: %w", err)
	}
	w.begin()
	return w, w.chunk(kindHeader, text)
}

// begin starts the range at w.at.
func (w *Writer) begin() {
	if w.at == len(w.sum.Header.Ranges) {
		return
	}
	r := w.sum.Header.Ranges[w.at]
	w.part, w.next, w.counts = sha256.New(), r.Start, PartitionSum{Topic: r.Topic, Partition: r.Partition}
}

// Append adds a record to the range that is being written.
func (w *Writer) Append(rec *kafkalog.Record) error {
	r := w.sum.Header.Ranges[w.at]
	if rec.Topic != r.Topic || rec.Partition != r.Partition || rec.Offset < w.next || rec.Offset >= r.End || rec.Offset > w.next && !r.Gaps {
		return fmt.Errorf("write log archive: the record at %s does not follow: %s goes on at %d and ends at %d", rec.Position(), r, w.next, r.End)
	}
	w.rec = appendRecord(w.rec[:0], rec)
	if w.count == chunkRecords || w.count > 0 && len(w.buf)+len(w.rec) > chunkBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, w.rec...)
	_, _ = w.part.Write(w.rec)
	w.count++
	w.next = rec.Offset + 1
	w.counts.Records++
	w.counts.Bytes += weight(rec)
	return nil
}

// flush writes the chunk that was collected.
func (w *Writer) flush() error {
	if w.count == 0 {
		return nil
	}
	err := w.chunk(kindRecords, w.enc.EncodeAll(w.buf, nil))
	w.buf, w.count = w.buf[:0], 0
	return err
}

// EndPartition ends the range that is being written.
func (w *Writer) EndPartition() (PartitionSum, error) {
	if r := w.sum.Header.Ranges[w.at]; w.next != r.End && !r.Gaps {
		return PartitionSum{}, fmt.Errorf("write log archive: %s ends at %d and not at %d", r, w.next, r.End)
	}
	if err := w.flush(); err != nil {
		return PartitionSum{}, err
	}
	sum := w.counts
	sum.SHA256 = hex.EncodeToString(w.part.Sum(nil))
	w.sum.Partitions = append(w.sum.Partitions, sum)
	w.sum.Records += sum.Records
	w.sum.Bytes += sum.Bytes
	text, err := json.Marshal(sum)
	if err != nil {
		return sum, fmt.Errorf("write log archive: %w", err)
	}
	w.at++
	w.begin()
	return sum, w.chunk(kindPartition, text)
}

// Close ends the file. It does not close what it was written to.
func (w *Writer) Close() (Summary, error) {
	if w.at != len(w.sum.Header.Ranges) {
		return Summary{}, fmt.Errorf("write log archive: %d of %d partitions were written", w.at, len(w.sum.Header.Ranges))
	}
	text, err := json.Marshal(ending{Partitions: len(w.sum.Partitions), Records: w.sum.Records})
	if err != nil {
		return Summary{}, fmt.Errorf("write log archive: %w", err)
	}
	if err := w.chunk(kindEnd, text); err != nil {
		return Summary{}, err
	}
	w.sum.SHA256 = hex.EncodeToString(w.chain[:])
	return w.sum, nil
}

// ending is the last chunk.
type ending struct {
	Partitions int   `json:"partitions"`
	Records    int64 `json:"records"`
}

// chunk writes kind, length, payload, and the link of the chain: SHA-256 over
// the link before and all of that.
func (w *Writer) chunk(kind byte, payload []byte) error {
	if len(payload) > maxChunk {
		return fmt.Errorf("write log archive: a chunk of %d bytes is larger than %d", len(payload), maxChunk)
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	w.chain = link(w.chain, head, payload)
	for _, part := range [][]byte{head, payload, w.chain[:]} {
		if err := w.raw(part); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) raw(b []byte) error {
	n, err := w.out.Write(b)
	w.sum.Size += int64(n)
	if err != nil {
		return fmt.Errorf("write log archive: %w", err)
	}
	return nil
}

// link is the next link of the chain.
func link(before [32]byte, head, payload []byte) (out [32]byte) {
	h := sha256.New()
	_, _ = h.Write(before[:])
	_, _ = h.Write(head)
	_, _ = h.Write(payload)
	h.Sum(out[:0])
	return out
}
