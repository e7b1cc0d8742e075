package kafkalog_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

func TestSASLAndTLS(t *testing.T) {
	serverTLS, caFile := selfSigned(t)
	for _, mechanism := range []string{kafkalog.MechanismPlain, kafkalog.MechanismScramSHA256, kafkalog.MechanismScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			b := startBroker(t, broker.Options{TLS: serverTLS, Users: []broker.User{{Mechanism: mechanism, Name: "ledger", Password: "right"}}})
			cfg := kafkalog.Config{
				Brokers: []string{b.Addr()},
				TLS:     kafkalog.TLS{Enabled: true, CAFile: caFile},
				SASL:    kafkalog.SASL{Mechanism: mechanism, Username: "ledger", PasswordFile: file(t, "right\n")},
			}
			l := open(t, cfg)
			ensure(t, l, kafkalogtest.Spec("t", 1))
			if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: []byte("v")}); err != nil {
				t.Fatal(err)
			}
			if rec, err := kafkalog.ReadAt(t.Context(), l, kafkalog.Position{Topic: "t"}); err != nil || string(rec.Value) != "v" {
				t.Errorf("read back %q, %v", rec.Value, err)
			}
			for name, spoil := range map[string]func(*kafkalog.Config){
				"wrong password":  func(c *kafkalog.Config) { c.SASL.PasswordFile = file(t, "wrong") },
				"empty password":  func(c *kafkalog.Config) { c.SASL.PasswordFile = file(t, "\n") },
				"no sasl":         func(c *kafkalog.Config) { c.SASL = kafkalog.SASL{} },
				"no tls":          func(c *kafkalog.Config) { c.TLS = kafkalog.TLS{} },
				"other authority": func(c *kafkalog.Config) { _, c.TLS.CAFile = selfSigned(t) },
				"other name":      func(c *kafkalog.Config) { c.TLS.ServerName = "elsewhere.example" },
			} {
				spoilt := cfg
				spoil(&spoilt)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				if l, err := kafkalog.Open(ctx, spoilt, kafkalogtest.Logger()); err == nil {
					l.Close()
					t.Errorf("%s: connected", name)
				}
				cancel()
			}
		})
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// selfSigned returns a server certificate for loopback and the file of its
// authority.
func selfSigned(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "loopback"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	authority := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, authority
}
