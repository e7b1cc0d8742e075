package realkafka

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerifyJars(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const sums = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0  a.jar\n"
	write("a.jar", "aaa")
	if err := verify(dir, sums); err != nil {
		t.Errorf("as listed: %v", err)
	}
	write("b.jar", "bbb")
	if err := verify(dir, sums); err == nil || !strings.Contains(err.Error(), "b.jar is not expected") {
		t.Errorf("with one file more: %v", err)
	}
	write("a.jar", "aab")
	if err := verify(dir, sums); err == nil || !strings.Contains(err.Error(), "a.jar has sha256") {
		t.Errorf("with another content: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "a.jar")); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir, sums); err == nil || !strings.Contains(err.Error(), "a.jar") {
		t.Errorf("with a file missing: %v", err)
	}
}

func TestMissingProgramsAreNamed(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := Start(t.Context(), Options{DataDir: t.TempDir()}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "install a Java runtime") {
		t.Errorf("without java: %v", err)
	}
	if err := os.WriteFile(filepath.Join(bin, "java"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{DataDir: t.TempDir()}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "install Maven") {
		t.Errorf("without mvn: %v", err)
	}
}
