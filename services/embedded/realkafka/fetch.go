package realkafka

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/orderledger/orderledger/services/embedded/internal/cachedir"
)

// version is the Kafka of pom.xml and jars.sha256.
const version = "4.3.0"

//go:embed pom.xml
var pom []byte

//go:embed jars.sha256
var jarSums string

// ErrUnavailable means that a real Kafka can not be had on this machine.
var ErrUnavailable = errors.New("real Kafka is not available")

// libraries returns the directory of Kafka's jars, fetching them into the
// user's cache directory the first time.
func libraries(ctx context.Context) (string, error) {
	dir, err := cachedir.Ensure(ctx, "kafka-"+version, fetch)
	if err != nil {
		return "", fmt.Errorf("provide kafka %s: %w", version, err)
	}
	return filepath.Join(dir, "lib"), nil
}

func fetch(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w: mvn is not installed: install Maven, which fetches Kafka once", ErrUnavailable)
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o600); err != nil {
		return fmt.Errorf("write pom: %w", err)
	}
	lib := filepath.Join(dir, "lib")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
		"dependency:copy-dependencies", "-DoutputDirectory="+lib)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: mvn dependency:copy-dependencies: %w: %s", ErrUnavailable, err, strings.TrimSpace(string(out)))
	}
	return verify(lib, jarSums)
}

// verify compares a directory with a list in the format of sha256sum: the same
// files, with the same content, and no others.
func verify(dir, sums string) error {
	var errs []error
	wanted := make(map[string]bool)
	lines := bufio.NewScanner(strings.NewReader(sums))
	for lines.Scan() {
		want, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return fmt.Errorf("verify jars: unreadable checksum line %q", lines.Text())
		}
		wanted[name] = true
		got, err := sha256File(filepath.Join(dir, name))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("verify jars: %w", err))
		case got != want:
			errs = append(errs, fmt.Errorf("verify jars: %s has sha256 %s, wanted %s: do not use it", name, got, want))
		}
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("verify jars: %w", err)
	}
	for _, entry := range found {
		if !wanted[entry.Name()] {
			errs = append(errs, fmt.Errorf("verify jars: %s is not expected", entry.Name()))
		}
	}
	return errors.Join(errs...)
}

func sha256File(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
