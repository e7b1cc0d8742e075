package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// stream is the text of a file: unpacked, and in UTF-8 if it was in UTF-16.
type stream struct {
	io.Reader
	file *os.File
	// seekable: what is read are the bytes of the file itself.
	seekable bool
	// read counts the file's own bytes.
	read  *atomic.Int64
	close []func()
}

// counted counts the bytes of the file as they are read.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
	bomUTF8   = []byte{0xef, 0xbb, 0xbf}
	bomLE     = []byte{0xff, 0xfe}
	bomBE     = []byte{0xfe, 0xff}
)

// openStream opens a file and unpacks it by its first bytes, whatever its name.
// A declared encoding decides where two would fit.
func openStream(path, encoding string) (*stream, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	s := &stream{file: f, read: new(atomic.Int64)}
	if err := s.unpack(encoding); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *stream) unpack(encoding string) error {
	magic := make([]byte, 4)
	n, err := io.ReadFull(s.file, magic)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read: %w", err)
	}
	magic = magic[:n]
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	from := io.Reader(counted{s.file, s.read})
	switch {
	case bytes.HasPrefix(magic, magicGzip):
		z, err := gzip.NewReader(from)
		if err != nil {
			return fmt.Errorf("unpack gzip: %w", err)
		}
		s.close = append(s.close, func() { _ = z.Close() })
		return s.decode(z, encoding)
	case bytes.HasPrefix(magic, magicZstd):
		z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return fmt.Errorf("unpack zstd: %w", err)
		}
		s.close = append(s.close, z.Close)
		return s.decode(z, encoding)
	default:
		s.seekable = true
		return s.decode(from, encoding)
	}
}

// decode turns UTF-16, known by its mark or declared, into UTF-8.
func (s *stream) decode(r io.Reader, encoding string) error {
	mark := make([]byte, 2)
	n, err := io.ReadFull(r, mark)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("unpack: %w", err)
	}
	mark = mark[:n]
	order, is := unicode.LittleEndian, true
	switch {
	case bytes.Equal(mark, bomLE) || encoding == "utf-16le" && !bytes.Equal(mark, bomBE):
	case bytes.Equal(mark, bomBE) || encoding == "utf-16be":
		order = unicode.BigEndian
	default:
		is = false
	}
	if is {
		s.seekable = false
		s.Reader = transform.NewReader(io.MultiReader(bytes.NewReader(mark), r), unicode.UTF16(order, unicode.UseBOM).NewDecoder())
		return nil
	}
	if s.seekable {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		s.read.Store(0)
		s.Reader = r
		return nil
	}
	s.Reader = io.MultiReader(bytes.NewReader(mark), r)
	return nil
}

// seek goes to an offset of a seekable stream.
func (s *stream) seek(offset int64) error {
	if _, err := s.file.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	s.read.Store(offset)
	return nil
}

// Close closes the file and what unpacks it.
func (s *stream) Close() {
	for _, f := range s.close {
		f()
	}
	_ = s.file.Close()
}
