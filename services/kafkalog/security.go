package kafkalog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// securityOptions turns the TLS and SASL settings into client options.
func securityOptions(cfg Config) ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if cfg.TLS.Enabled {
		conf, err := cfg.TLS.clientConfig()
		if err != nil {
			return nil, fmt.Errorf("configure tls: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	switch user, password := cfg.SASL.Username, cfg.SASL.password; cfg.SASL.Mechanism {
	case MechanismPlain:
		opts = append(opts, kgo.SASL(plain.Plain(func(context.Context) (plain.Auth, error) {
			pass, err := password()
			return plain.Auth{User: user, Pass: pass}, err
		})))
	case MechanismScramSHA256, MechanismScramSHA512:
		auth := func(context.Context) (scram.Auth, error) {
			pass, err := password()
			return scram.Auth{User: user, Pass: pass}, err
		}
		if cfg.SASL.Mechanism == MechanismScramSHA256 {
			opts = append(opts, kgo.SASL(scram.Sha256(auth)))
		} else {
			opts = append(opts, kgo.SASL(scram.Sha512(auth)))
		}
	}
	return opts, nil
}

func (t TLS) clientConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca_file %s: it holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("load client certificate: %w", err)
			}
			return &cert, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return conf, nil
}

func (s SASL) password() (string, error) {
	raw, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read sasl.password_file: %w", err)
	}
	pass := strings.TrimRight(string(raw), "\r\n")
	if pass == "" {
		return "", errors.New("read sasl.password_file: it is empty")
	}
	return pass, nil
}
