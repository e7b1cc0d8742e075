package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const lockFile = "LOCK"

// ErrInUse means that another broker holds the data directory.
var ErrInUse = errors.New("data directory is in use")

// dirLock is an exclusive hold on a data directory. The kernel ends it with the
// process, so a crash leaves nothing to clean up.
type dirLock struct{ file *os.File }

// lockDir creates dir if needed, makes it private and locks it.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is held by process %s; stop it, or use another --data directory", ErrInUse, dir, holder(path))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	lock := &dirLock{file}
	if err := lock.claim(dir); err != nil {
		lock.release()
		return nil, err
	}
	return lock, nil
}

// claim closes the directory to other users and leaves our process id.
func (l *dirLock) claim(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make %s private: %w", dir, err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := l.file.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

func (l *dirLock) release() { _ = l.file.Close() }

func holder(path string) string {
	raw, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(raw)); err == nil && pid != "" {
		return pid
	}
	return "(unknown)"
}

// Holder returns the process that holds a data directory, empty if nobody does.
// It changes nothing.
func Holder(dir string) (string, error) {
	path := filepath.Join(dir, lockFile)
	file, err := os.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look at lock: %w", err)
	}
	defer func() { _ = file.Close() }() // ends the hold as well
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return holder(path), nil
	case err != nil:
		return "", fmt.Errorf("look at lock %s: %w", path, err)
	}
	return "", nil
}
