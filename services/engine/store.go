package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
)

// ErrStore is the identity of faults of the local store: the disk is full, a
// file is damaged, another process holds the directory.
var ErrStore = errors.New("local store")

// StoreOptions configure one partition's store.
type StoreOptions struct {
	// FS is the file system; nil means the machine's.
	FS vfs.FS
	// Cache is shared between the partitions of a process; nil means its own.
	Cache *pebble.Cache
	// MemTableBytes is the size of one memtable; 0 means 16 MiB.
	MemTableBytes uint64
	// Volatile does not wait for the disk: for scratch stores, which nobody opens
	// again after a crash.
	Volatile bool
	// Fatal is told of a fault of the disk, or of Pebble, after which the open
	// store cannot go on. It is called where the fault was met and must not
	// return. Nil ends the process with the error.
	Fatal func(error)
}

// MemTableBytes is the size of a store's memtable on a node that folds so many
// partitions of both topics: an order that is written again before it leaves
// memory costs the disk once. All stores together get 256 MiB.
func MemTableBytes(partitions int32) uint64 {
	return uint64(min(max((256<<20)/(2*int(partitions)), 16<<20), 64<<20))
}

// Store is the Pebble store of one topic-partition and one fold version (S-33).
// It is safe for concurrent use.
type Store struct {
	db *pebble.DB
	// durable is how commits are written.
	durable *pebble.WriteOptions
}

// StoreName names the directory of a partition's store.
func StoreName(topic string, partition int32) string {
	return fmt.Sprintf("%s-%d-fold%d", topic, partition, ledger.FoldVersion)
}

// OpenStore opens the store in dir, creating it if it is missing.
func OpenStore(dir string, opt StoreOptions) (*Store, error) {
	if opt.MemTableBytes == 0 {
		opt.MemTableBytes = 16 << 20
	}
	if opt.Fatal == nil {
		opt.Fatal = endProcess
	}
	if opt.FS == nil {
		opt.FS = vfs.Default
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return nil, fmt.Errorf("%w: create %s: %w", ErrStore, filepath.Dir(dir), err)
		}
	}
	db, err := openPebble(dir, opt)
	if err != nil {
		return nil, lastWords("open", dir, err)
	}
	durable := pebble.Sync
	if opt.Volatile {
		durable = pebble.NoSync
	}
	return &Store{db: db, durable: durable}, nil
}

// openPebble opens the database in dir, creating it if it is missing. Pebble
// panics over some faults of the disk that it meets meanwhile.
func openPebble(dir string, opt StoreOptions) (db *pebble.DB, err error) {
	disk := stopFS{FS: opt.FS, armed: &atomic.Bool{}, fatal: opt.Fatal}
	defer func() {
		if v := recover(); v != nil {
			cause, ok := v.(error)
			if !ok {
				panic(v)
			}
			db, err = nil, cause
		}
	}()
	db, err = pebble.Open(dir, &pebble.Options{FS: disk, Cache: opt.Cache, MemTableSize: opt.MemTableBytes,
		MemTableStopWritesThreshold: 4, FormatMajorVersion: pebble.FormatNewest, Logger: silent{dir, opt.Fatal}})
	disk.armed.Store(err == nil)
	return db, err
}

// silent keeps Pebble's own chatter out of the logs; its errors come back from
// the calls that meet them, but for those after which it cannot go on.
type silent struct {
	dir   string
	fatal func(error)
}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (s silent) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = cause
		}
	}
	s.fatal(lastWords("keep", s.dir, err))
}

// Get implements ledger.Store.
func (s *Store) Get(key []byte) ([]byte, bool, error) { return get(s.db, key) }

// Scan implements ledger.Store.
func (s *Store) Scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return scan(s.db, from, to, fn)
}

func get(r pebble.Reader, key []byte) ([]byte, bool, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: get: %w", ErrStore, err)
	}
	out := append(make([]byte, 0, len(v)), v...)
	if err := closer.Close(); err != nil {
		return nil, false, fmt.Errorf("%w: get: %w", ErrStore, err)
	}
	return out, true, nil
}

func scan(r pebble.Reader, from, to []byte, fn func(k, v []byte) (bool, error)) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("%w: scan: %w", ErrStore, err)
	}
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("%w: scan: %w", ErrStore, cerr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		more, err := fn(it.Key(), it.Value())
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// batch adapts a Pebble batch to ledger.Batch; the first fault sticks.
type batch struct {
	b   *pebble.Batch
	err error
}

func (b *batch) Put(key, value []byte) {
	if err := b.b.Set(key, value, nil); err != nil && b.err == nil {
		b.err = err
	}
}

func (b *batch) Delete(key []byte) {
	if err := b.b.Delete(key, nil); err != nil && b.err == nil {
		b.err = err
	}
}

// Commit writes one batch atomically and waits until it is on disk, unless the
// store is volatile.
func (s *Store) Commit(fill func(ledger.Batch)) error {
	pb := s.db.NewBatch()
	defer func() { _ = pb.Close() }()
	b := &batch{b: pb}
	fill(b)
	if b.err != nil {
		return fmt.Errorf("%w: fill batch: %w", ErrStore, b.err)
	}
	if err := pb.Commit(s.durable); err != nil {
		return fmt.Errorf("%w: commit: %w", ErrStore, err)
	}
	return nil
}

// DeleteRange removes the keys in [from, to) without waiting for the disk: what
// it removes is disposable.
func (s *Store) DeleteRange(from, to []byte) error {
	if err := s.db.DeleteRange(from, to, pebble.NoSync); err != nil {
		return fmt.Errorf("%w: trim: %w", ErrStore, err)
	}
	return nil
}

// Snapshot is a read-only view of a store at one commit.
type Snapshot struct {
	s *pebble.Snapshot
}

// Snapshot returns a view of the last commit. The caller closes it.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s: s.db.NewSnapshot()} }

// Get implements ledger.Store.
func (s *Snapshot) Get(key []byte) ([]byte, bool, error) { return get(s.s, key) }

// Scan implements ledger.Store.
func (s *Snapshot) Scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return scan(s.s, from, to, fn)
}

// Close ends the view.
func (s *Snapshot) Close() error {
	if err := s.s.Close(); err != nil {
		return fmt.Errorf("%w: close snapshot: %w", ErrStore, err)
	}
	return nil
}

// DiskBytes is what the store takes on disk.
func (s *Store) DiskBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// Close closes the store. What was committed is on disk already.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("%w: close: %w", ErrStore, err)
	}
	return nil
}
