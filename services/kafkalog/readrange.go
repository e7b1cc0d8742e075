package kafkalog

import (
	"context"
	"fmt"
)

// ReadRange returns the records of one partition from the given position up
// to, and without, offset until. It stops early at the partition's present
// end. It is meant for tools and checks, not for following the log.
func ReadRange(ctx context.Context, source Source, from Position, until int64) ([]Record, error) {
	ends, err := source.EndOffsets(ctx, from.Topic)
	if err != nil {
		return nil, err
	}
	end, ok := ends[from.Partition]
	if !ok {
		return nil, fmt.Errorf("read %s: %w", from, ErrUnknownTopic)
	}
	until = min(until, end)
	if from.Offset >= until {
		return nil, nil
	}
	reader, err := source.NewReader(ReaderOptions{
		Assignments: map[string]map[int32]int64{from.Topic: {from.Partition: from.Offset}},
	})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var out []Record
	for {
		batches, err := reader.Poll(ctx)
		if err != nil {
			return out, err
		}
		for i := range batches {
			for _, rec := range batches[i].Records {
				if rec.Offset >= until {
					return out, nil
				}
				out = append(out, rec)
			}
			if batches[i].Next() >= until {
				return out, nil
			}
		}
	}
}

// ReadAt returns the record at exactly one position.
func ReadAt(ctx context.Context, source Source, at Position) (Record, error) {
	records, err := ReadRange(ctx, source, at, at.Offset+1)
	if err != nil {
		return Record{}, err
	}
	if len(records) != 1 || records[0].Offset != at.Offset {
		return Record{}, fmt.Errorf("read %s: %w", at, ErrLogLost)
	}
	return records[0], nil
}
