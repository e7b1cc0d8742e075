package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// endProcess ends the process with an error, wherever it is called and whatever
// is locked there: a panic of the caller's own would run unlocks that are not
// due, and might be recovered.
func endProcess(err error) {
	go panic(err)
	select {}
}

// lastWords says what a fault of the disk means and what to do about it.
func lastWords(op, name string, err error) error {
	what := "see to that"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		what = "free some space"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EROFS):
		what = "replace the disk or restore the volume"
	}
	return fmt.Errorf("%w: %s %s: %w: %s, and start again: it continues from its last commit, and nothing acknowledged is lost", ErrStore, op, name, err, what)
}

// stopFS is the file system under a store. It ends the store at the first write, sync, creation or renaming that
// fails once it is armed. Pebble would try a failed flush again without a
// pause and without a word, and panic over a failed log with its locks held; and
// after a failed sync nobody knows what is on disk.
//
// And it syncs a directory before a marker is made in it, the file that names
// the present catalogue: Pebble syncs afterwards alone, and the power may leave
// the name of a file that is not there, which Pebble refuses for ever.
type stopFS struct {
	vfs.FS
	armed *atomic.Bool
	fatal func(error)
}

func (s stopFS) met(op, name string, err error) error {
	var no syscall.Errno
	if err != nil && s.armed.Load() && errors.As(err, &no) && no != syscall.ENOENT {
		s.fatal(lastWords(op, name, err))
	}
	return err
}

func (s stopFS) file(op, name string, f vfs.File, err error) (vfs.File, error) {
	if s.met(op, name, err) != nil {
		return nil, err
	}
	return stopFile{f, s, name}, nil
}

// Create implements vfs.FS.
func (s stopFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(s.PathBase(name), "marker.") {
		if err := s.syncDir(s.PathDir(name)); err != nil {
			return nil, err
		}
	}
	f, err := s.FS.Create(name, c)
	return s.file("create", name, f, err)
}

func (s stopFS) syncDir(name string) error {
	dir, err := s.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// OpenReadWrite implements vfs.FS.
func (s stopFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.OpenReadWrite(name, c, opts...)
	return s.file("open", name, f, err)
}

// OpenDir implements vfs.FS.
func (s stopFS) OpenDir(name string) (vfs.File, error) {
	f, err := s.FS.OpenDir(name)
	return s.file("open", name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (s stopFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(old, name, c)
	return s.file("reuse", name, f, err)
}

// Link implements vfs.FS.
func (s stopFS) Link(old, name string) error { return s.met("link", name, s.FS.Link(old, name)) }

// Rename implements vfs.FS.
func (s stopFS) Rename(old, name string) error { return s.met("rename", name, s.FS.Rename(old, name)) }

// Unwrap implements vfs.FS.
func (s stopFS) Unwrap() vfs.FS { return s.FS }

// stopFile is a file of a stopFS.
type stopFile struct {
	vfs.File
	fs   stopFS
	name string
}

// Write implements vfs.File.
func (f stopFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.met("write", f.name, err)
}

// WriteAt implements vfs.File.
func (f stopFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	return n, f.fs.met("write", f.name, err)
}

// Sync implements vfs.File.
func (f stopFile) Sync() error { return f.fs.met("sync", f.name, f.File.Sync()) }

// SyncData implements vfs.File.
func (f stopFile) SyncData() error { return f.fs.met("sync", f.name, f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f stopFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.fs.met("sync", f.name, err)
}
