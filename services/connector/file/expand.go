package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// extensions are those of the files that are read out of folders.
var extensions = [...]string{".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson"}

// expand lists the files behind paths, folders and patterns, ascending, each
// once. What is not there is a fault of its own.
func expand(paths []string) ([]string, []error) {
	var out []string
	var faults []error
	for _, p := range paths {
		found, err := expandOne(p)
		if err != nil {
			faults = append(faults, err)
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out), faults
}

func expandOne(path string) ([]string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && info.IsDir():
		return folder(abs)
	case err == nil:
		return []string{abs}, nil
	case !errors.Is(err, os.ErrNotExist) || !strings.ContainsAny(abs, "*?["):
		return nil, fmt.Errorf("look at: %w", err)
	}
	found, err := filepath.Glob(abs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return slices.DeleteFunc(found, func(p string) bool {
		info, err := os.Stat(p)
		return err != nil || !info.Mode().IsRegular()
	}), nil
}

// folder lists the files of a folder and of those in it that look like data.
// Names that begin with a dot are left alone.
func folder(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && path != dir
		switch {
		case hidden && d.IsDir():
			return filepath.SkipDir
		case !hidden && d.Type().IsRegular() && isData(d.Name()):
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list folder: %w", err)
	}
	return out, nil
}

func isData(name string) bool {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	return slices.ContainsFunc(extensions[:], func(e string) bool { return strings.HasSuffix(name, e) })
}
