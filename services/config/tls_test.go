package config_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/config/certtest"
)

// A wrong file is refused with the key, the path and what to do.
func TestWrongCertificateFilesAreRefused(t *testing.T) {
	a, other := certtest.New(t), certtest.New(t)
	cert, key := a.Issue("server")
	_, foreign := other.Issue("server")
	for want, s := range map[string]config.ServerTLS{
		"tls.grpc.cert_file: stat /nowhere.pem": {CertFile: "/nowhere.pem", KeyFile: key},
		"tls.grpc.key_file: stat /nowhere.key":  {CertFile: cert, KeyFile: "/nowhere.key"},
		"the key must be the certificate's":     {CertFile: cert, KeyFile: foreign},
		"cert_file " + key:                      {CertFile: key, KeyFile: key},
		"/nowhere.ca":                           {CertFile: cert, KeyFile: key, ClientCAFile: "/nowhere.ca"},
		key + " holds no PEM certificate":       {CertFile: cert, KeyFile: key, ClientCAFile: key},
	} {
		if _, err := s.Server("tls.grpc", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "tls.grpc") {
			t.Errorf("%+v: %v, want %s", s, err, want)
		}
	}
	plain := config.ServerTLS{}
	if c, err := plain.Server("tls.grpc", slog.New(slog.DiscardHandler)); c != nil || err != nil {
		t.Errorf("without files: %v %v", c, err)
	}
}

func TestHalfACertificateIsRefused(t *testing.T) {
	for want, change := range map[string]func(*config.TLS){
		"tls.grpc.key_file: is missing":      func(c *config.TLS) { c.GRPC.CertFile = "c" },
		"tls.rest.cert_file: is missing":     func(c *config.TLS) { c.REST.KeyFile = "k" },
		"tls.webhooks.cert_file: is missing": func(c *config.TLS) { c.Webhooks.ClientCAFile = "a" },
	} {
		c := config.Default()
		c.Ephemeral = true
		c.Finish()
		change(&c.TLS)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// serial is the certificate that a listener would show.
func serial(t *testing.T, c *tls.Config) *big.Int {
	t.Helper()
	got, err := c.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Leaf.SerialNumber
}

// A certificate replaced on disk is shown from the next connection on; one that
// cannot be read leaves the old one in force, and is told.
func TestCertificateIsReadAgain(t *testing.T) {
	a := certtest.New(t)
	cert, key := a.Issue("server")
	var told bytes.Buffer
	s := config.ServerTLS{CertFile: cert, KeyFile: key}
	c, err := s.Server("tls.rest", slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	touch := func(at time.Time) {
		if err := os.Chtimes(cert, at, at); err != nil {
			t.Fatal(err)
		}
	}
	first := serial(t, c)
	a.Issue("server")
	touch(time.Now().Add(time.Minute))
	second := serial(t, c)
	if first.Cmp(second) == 0 {
		t.Fatal("the old certificate is still shown")
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(time.Now().Add(2 * time.Minute))
	for range 2 {
		if got := serial(t, c); got.Cmp(second) != 0 {
			t.Fatalf("serial %v, want %v", got, second)
		}
	}
	if n := strings.Count(told.String(), "the old one stays"); n != 1 {
		t.Fatalf("told %d times:\n%s", n, told.String())
	}
}
