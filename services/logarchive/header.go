package logarchive

import (
	"errors"
	"fmt"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// Version is the format that this package writes, and the only one it reads.
const Version = 1

// magic begins every file; its last byte is the version.
const magic = "ORDLOG\x00\x01"

// Header says what a file holds, before it does.
type Header struct {
	Version  int       `json:"version"`
	Created  time.Time `json:"created"`
	Software string    `json:"software"`
	// Partitions is N of the keyed topics.
	Partitions int32 `json:"partitions"`
	// Ranges are in the order in which they follow.
	Ranges []Range `json:"ranges"`
}

// Range is the stretch of one partition that a file holds: the offsets from
// Start up to, and without, End.
type Range struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	// Gaps: some offsets between may be missing, as in compacted topics.
	Gaps bool `json:"gaps,omitempty"`
}

// String returns topic/partition.
func (r Range) String() string { return fmt.Sprintf("%s/%d", r.Topic, r.Partition) }

// Validate joins every problem.
func (h *Header) Validate() error {
	var errs []error
	if h.Version != Version {
		errs = append(errs, fmt.Errorf("version %d is not known: this program reads version %d", h.Version, Version))
	}
	seen := map[string]bool{}
	for _, r := range h.Ranges {
		if r.Topic == "" || r.Partition < 0 || r.Start < 0 || r.End < r.Start || seen[r.String()] {
			errs = append(errs, fmt.Errorf("range %s [%d, %d) is no range, or stands twice", r, r.Start, r.End))
		}
		seen[r.String()] = true
	}
	return errors.Join(errs...)
}

// PartitionSum is what a partition came to. Two logs that hold the same records
// at the same offsets have the same sums, whatever broker they came from.
type PartitionSum struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	// Bytes counts keys, values and headers.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Summary is what a whole file came to.
type Summary struct {
	Header     Header         `json:"header"`
	Partitions []PartitionSum `json:"partitions"`
	Records    int64          `json:"records"`
	Bytes      int64          `json:"bytes"`
	// SHA256 is the last link of the chain over the whole file.
	SHA256 string `json:"sha256"`
	// Size is that of the file.
	Size int64 `json:"size"`
}

// DamageError says where a file is not what was written. It matches ErrDamaged.
type DamageError struct {
	// Byte is where the chunk begins that is wrong, or where the file ends.
	Byte  int64
	Chunk int
	// After is the last record before it; Topic is empty if there is none.
	After kafkalog.Position
	Why   string
}

// ErrDamaged is the identity of every DamageError.
var ErrDamaged = errors.New("the file is damaged")

// Error names the place.
func (d *DamageError) Error() string {
	after := "before the first record"
	if d.After.Topic != "" {
		after = "behind " + d.After.String()
	}
	return fmt.Sprintf("%v at byte %d (chunk %d, %s): %s; use another copy", ErrDamaged, d.Byte, d.Chunk, after, d.Why)
}

// Is reports that every DamageError is an [ErrDamaged].
func (d *DamageError) Is(target error) bool { return target == ErrDamaged }
