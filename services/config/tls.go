package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLS says which listeners speak TLS. A listener without a certificate speaks
// plain text.
type TLS struct {
	GRPC     ServerTLS `yaml:"grpc"`
	REST     ServerTLS `yaml:"rest"`
	Webhooks ServerTLS `yaml:"webhooks"`
}

// ServerTLS is the certificate of one listener, in PEM files.
type ServerTLS struct {
	// CertFile holds the certificate, then its intermediates; KeyFile its key.
	// Both are read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile holds the authorities of client certificates: with it, nobody
	// connects without one. It is read at the start alone.
	ClientCAFile string `yaml:"client_ca_file"`
}

// Enabled reports whether the listener speaks TLS.
func (t *ServerTLS) Enabled() bool { return t.CertFile != "" }

// validate names the file that is missing; key is the listener's.
func (t *ServerTLS) validate(key string) error {
	missing := func(name, by string) error {
		return fmt.Errorf("%s.%s: is missing: %s.%s is of no use without it", key, name, key, by)
	}
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		return missing("key_file", "cert_file")
	case t.CertFile == "" && t.KeyFile != "":
		return missing("cert_file", "key_file")
	case t.CertFile == "" && t.ClientCAFile != "":
		return missing("cert_file", "client_ca_file")
	}
	return nil
}

// Server reads the files; nil if the listener speaks plain text. The name is
// the listener's key, for errors, which also say what to do. A certificate
// that is replaced on disk is used from the next connection on; if the new one
// cannot be read, the old one stays and the logger is told.
func (t *ServerTLS) Server(name string, logger *slog.Logger) (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	k := &keyPair{name: name, cert: t.CertFile, key: t.KeyFile, logger: logger}
	if err := k.load(); err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get}
	if t.ClientCAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("%s.client_ca_file: %w: name a readable PEM file with the authorities of the clients' certificates", name, err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s.client_ca_file: %s holds no PEM certificate: name the file with the authorities of the clients' certificates", name, t.ClientCAFile)
	}
	return c, nil
}

// keyPair is a certificate as it stands on disk.
type keyPair struct {
	name, cert, key string
	logger          *slog.Logger

	mu     sync.Mutex
	newest [2]time.Time // when the files were written that were last tried
	loaded *tls.Certificate
}

// written is when the two files were written.
func (k *keyPair) written() ([2]time.Time, error) {
	var out [2]time.Time
	for i, f := range [...]struct{ key, path string }{{"cert_file", k.cert}, {"key_file", k.key}} {
		info, err := os.Stat(f.path)
		if err != nil {
			return out, fmt.Errorf("%s.%s: %w: name a readable PEM file", k.name, f.key, err)
		}
		out[i] = info.ModTime()
	}
	return out, nil
}

func (k *keyPair) load() error {
	at, err := k.written()
	if err != nil {
		return err
	}
	k.newest = at
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return fmt.Errorf("%s: cert_file %s with key_file %s: %w: both must be PEM, and the key must be the certificate's", k.name, k.cert, k.key, err)
	}
	k.loaded = &pair
	return nil
}

// get is the certificate in force.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, err := k.written(); err == nil && at != k.newest {
		if err := k.load(); err != nil {
			k.logger.Error("the changed certificate cannot be used: the old one stays", "listener", k.name, "error", err)
		}
	}
	return k.loaded, nil
}
