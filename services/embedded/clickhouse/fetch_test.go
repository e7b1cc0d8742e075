package clickhouse

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithoutNpmTheWaysOnAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := Library(t.Context())
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	for _, way := range []string{"install npm", "--clickhouse DSN", "--no-analytics"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("%q is missing from: %v", way, err)
		}
	}
}

func TestAnotherPackageIsRefused(t *testing.T) {
	bin, cache := t.TempDir(), t.TempDir()
	// An npm that delivers something else under the right name.
	script := "#!/bin/sh\nprintf tampered > package.tgz\necho package.tgz\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", cache)
	_, err := Library(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sha512") {
		t.Fatalf("got %v", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("the refused package left %v, %v", left, err)
	}
}
