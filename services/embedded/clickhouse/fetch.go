package clickhouse

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/orderledger/orderledger/services/embedded/internal/cachedir"
)

// The library, exactly. Other versions do not listen on a port.
const (
	packageName      = "@chdb/lib-linux-x64-gnu"
	packageVersion   = "26.7.3-stable.1"
	packageIntegrity = "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw=="
	libraryFile      = "libchdb.so"
)

// ErrUnavailable means that the embedded ClickHouse can not be had on this
// machine. Its message names the ways on.
var ErrUnavailable = errors.New("embedded ClickHouse is not available")

const waysOn = "install npm (Node.js) so that it can be fetched once, or use a ClickHouse server with --clickhouse DSN, or go without with --no-analytics"

// Library returns the path of the ClickHouse library, fetching it into the
// user's cache directory the first time.
func Library(ctx context.Context) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("%w on %s/%s: use a ClickHouse server with --clickhouse DSN, or go without with --no-analytics",
			ErrUnavailable, runtime.GOOS, runtime.GOARCH)
	}
	dir, err := cachedir.Ensure(ctx, "clickhouse-"+packageVersion, fetchLibrary)
	if err != nil {
		return "", fmt.Errorf("provide the ClickHouse library: %w", err)
	}
	return filepath.Join(dir, libraryFile), nil
}

func fetchLibrary(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("%w: npm is not installed: %s", ErrUnavailable, waysOn)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--pack-destination", dir, packageName+"@"+packageVersion)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: npm pack %s@%s: %w: %s (%s)", ErrUnavailable, packageName, packageVersion, err,
			strings.TrimSpace(stderr.String()), waysOn)
	}
	archive := filepath.Join(dir, filepath.Base(strings.TrimSpace(stdout.String())))
	defer func() { _ = os.Remove(archive) }()
	if err := verifyIntegrity(archive, packageIntegrity); err != nil {
		return err
	}
	return unpackLibrary(archive, filepath.Join(dir, libraryFile))
}

// verifyIntegrity compares a file's SHA-512, in base64, with the wanted one.
func verifyIntegrity(path, want string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	defer func() { _ = file.Close() }()
	sum := sha512.New()
	if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("verify %s: its sha512 is %s, wanted %s: the registry delivered something else; do not use it", filepath.Base(path), got, want)
	}
	return nil
}

// unpackLibrary writes the one file that matters of an npm package.
func unpackLibrary(archive, to string) error {
	file, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	defer func() { _ = file.Close() }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unpack package: %w", err)
	}
	entries := tar.NewReader(unzipped)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("unpack package: it holds no %s", libraryFile)
		}
		if err != nil {
			return fmt.Errorf("unpack package: %w", err)
		}
		if filepath.Base(entry.Name) == libraryFile && entry.Typeflag == tar.TypeReg {
			return writeFile(to, entries)
		}
	}
}

func writeFile(path string, from io.Reader) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return fmt.Errorf("write library: %w", err)
	}
	_, err = io.Copy(out, from)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write library: %w", err)
	}
	return nil
}
