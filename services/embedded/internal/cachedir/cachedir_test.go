package cachedir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFillsOnceForAll(t *testing.T) {
	base := filepath.Join(t.TempDir(), "cache")
	var fills atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := ensure(t.Context(), base, "thing-1", func(_ context.Context, dir string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(dir, "file"), []byte("whole"), 0o600)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "whole" {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
	all.Wait()
	if n := fills.Load(); n != 1 {
		t.Errorf("filled %d times", n)
	}
}

func TestFailedFillLeavesNothing(t *testing.T) {
	base, broken := t.TempDir(), errors.New("broken")
	if _, err := ensure(t.Context(), base, "thing", func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o600), broken)
	}); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	dir, err := ensure(t.Context(), base, "thing", func(context.Context, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the second fill began with %v, %v", entries, err)
	}
}

func TestWaitingEndsWithContext(t *testing.T) {
	base := t.TempDir()
	unlock, err := lock(t.Context(), filepath.Join(base, "thing.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := ensure(ctx, base, "thing", func(context.Context, string) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
