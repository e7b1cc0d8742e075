package kafkalog

import (
	"errors"
	"fmt"
)

var (
	// ErrUndecided means that the record may or may not be in the log, now or
	// later. The append can be repeated; the event id makes a second copy
	// harmless.
	ErrUndecided = errors.New("append undecided: the record may still land in the log")
	// ErrBackPressure means that the append buffer is full and the record was
	// not taken. It is certainly not in the log.
	ErrBackPressure = errors.New("append buffer is full: the broker is not keeping up or is away")
	// ErrRejected means that the broker or the client refused this record for
	// what it is: too large, unknown topic, no permission, policy. It is not in
	// the log and repeating it unchanged is useless.
	ErrRejected = errors.New("append rejected")
	// ErrLogLost means that the log no longer holds, at the offset the reader
	// needs, what the reader has a right to find there. The partition has
	// stopped; see [LogLostError].
	ErrLogLost = errors.New("log lost")
	// ErrClosed means that the log, the reader or the ownership was closed.
	ErrClosed = errors.New("closed")
	// ErrUnsafeTopic means that an existing topic does not keep the promises
	// the ledger stands on.
	ErrUnsafeTopic = errors.New("unsafe topic")
	// ErrUnknownTopic means that the topic or partition does not exist.
	ErrUnknownTopic = errors.New("unknown topic or partition")
)

// LogLostError says which partition stopped, and where. It matches
// [ErrLogLost].
type LogLostError struct {
	// Position is the next offset the reader needed. Partition is -1 when the
	// whole topic is gone.
	Position Position
	// Err is the cause, as the broker or the client put it.
	Err error
}

// Error names the position, the cause and the way on.
func (e *LogLostError) Error() string {
	return fmt.Sprintf("read %s: log lost: %v (the partition has stopped; "+
		"compare the topic with the store, then restore the store from a matching snapshot or rebuild it)", e.Position, e.Err)
}

// Is reports that every LogLostError is an [ErrLogLost].
func (e *LogLostError) Is(target error) bool { return target == ErrLogLost }

// Unwrap returns the cause.
func (e *LogLostError) Unwrap() error { return e.Err }

// LostPartitions returns every [LogLostError] found in err, joined or not.
func LostPartitions(err error) []*LogLostError {
	if err == nil {
		return nil
	}
	if lost, ok := err.(*LogLostError); ok {
		return []*LogLostError{lost}
	}
	switch wrapped := err.(type) {
	case interface{ Unwrap() []error }:
		var all []*LogLostError
		for _, inner := range wrapped.Unwrap() {
			all = append(all, LostPartitions(inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		return LostPartitions(wrapped.Unwrap())
	}
	return nil
}
