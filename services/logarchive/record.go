package logarchive

import (
	"encoding/binary"
	"errors"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// appendRecord writes a record canonically: offset, timestamp, key, value,
// headers. The same bytes are hashed.
func appendRecord(b []byte, r *kafkalog.Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.Offset))
	b = binary.AppendVarint(b, r.Timestamp)
	b = appendBytes(b, r.Key)
	b = appendBytes(b, r.Value)
	b = binary.AppendUvarint(b, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		b = appendBytes(b, []byte(h.Key))
		b = appendBytes(b, h.Value)
	}
	return b
}

// appendBytes writes a length above by one, so that none and empty differ.
func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(v))+1)
	return append(b, v...)
}

var errShort = errors.New("a record ends early")

type decoder struct{ b []byte }

func (d *decoder) unsigned() (uint64, error) {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, errShort
	}
	d.b = d.b[n:]
	return v, nil
}

func (d *decoder) signed() (int64, error) {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		return 0, errShort
	}
	d.b = d.b[n:]
	return v, nil
}

func (d *decoder) bytes() ([]byte, error) {
	n, err := d.unsigned()
	if err != nil || n == 0 {
		return nil, err
	}
	if n--; n > uint64(len(d.b)) {
		return nil, errShort
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v, nil
}

func (d *decoder) record(at Range) (kafkalog.Record, error) {
	r := kafkalog.Record{Topic: at.Topic, Partition: at.Partition}
	offset, err := d.unsigned()
	if err != nil {
		return r, err
	}
	r.Offset = int64(offset)
	if r.Timestamp, err = d.signed(); err != nil {
		return r, err
	}
	if r.Key, err = d.bytes(); err != nil {
		return r, err
	}
	if r.Value, err = d.bytes(); err != nil {
		return r, err
	}
	n, err := d.unsigned()
	if err != nil || n > uint64(len(d.b)) {
		return r, errShort
	}
	for range n {
		k, err := d.bytes()
		if err != nil {
			return r, err
		}
		v, err := d.bytes()
		if err != nil {
			return r, err
		}
		r.Headers = append(r.Headers, kafkalog.Header{Key: string(k), Value: v})
	}
	return r, nil
}

// weight is what a record counts in bytes.
func weight(r *kafkalog.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}
