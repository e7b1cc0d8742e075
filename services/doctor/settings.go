package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/role"
)

// versions says which program this is.
func (e *examination) versions(context.Context) {
	e.ok("version", "orderledger %s, fold version %d, %s on %s/%s", e.o.Version, ledger.FoldVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// settings validates the configuration as a start does.
func (e *examination) settings(context.Context) {
	if err := errors.Join(e.o.Config.Validate(), e.o.Config.ValidateCatalog()); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			e.fail("config", line, "mend the configuration: `orderledger config validate` shows the same")
		}
		return
	}
	e.ok("config", "valid, %d sources", len(e.o.Config.Sources))
}

// policy compiles the configured policy.
func (e *examination) policy(context.Context) {
	c := *e.o.Config // checking fills in bindings
	checked, err := role.CheckPolicy(&c)
	if err != nil {
		e.fail("policy", err.Error(), "mend the rules and the matrix: `orderledger rules check` shows the same")
		return
	}
	e.ok("policy", "%d rules, %d matrix rows", len(checked.Policy.Rules), len(checked.Policy.Rows))
}

// secrets reads what the sources name, and says nothing about what it read.
func (e *examination) secrets(context.Context) {
	s := connector.Secrets{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv}
	bad, sources := 0, 0
	for i := range e.o.Config.Sources {
		src := &e.o.Config.Sources[i]
		var errs []error
		if len(src.SecretFiles)+len(src.SecretEnv) > 0 {
			_, err := s.Webhook(src)
			errs = append(errs, err)
		}
		if len(src.Tokens) > 0 {
			_, err := s.TokensOf(src)
			errs = append(errs, err)
		}
		sources++
		if err := errors.Join(errs...); err != nil {
			bad++
			e.fail("secrets", err.Error(), "put the secret where the configuration says, readable by the user that runs orderledger")
		}
	}
	if bad == 0 {
		e.ok("secrets", "the secrets of %d sources can be read", sources)
	}
}

// Certificates are told of this long before they end.
const (
	certWarn = 30 * 24 * time.Hour
	certFail = 3 * 24 * time.Hour
)

// certificates looks when those that the configuration names end.
func (e *examination) certificates(context.Context) {
	c := e.o.Config
	n := 0
	for _, f := range []struct{ key, path string }{
		{"tls.grpc.cert_file", c.TLS.GRPC.CertFile}, {"tls.grpc.client_ca_file", c.TLS.GRPC.ClientCAFile},
		{"tls.rest.cert_file", c.TLS.REST.CertFile}, {"tls.rest.client_ca_file", c.TLS.REST.ClientCAFile},
		{"tls.webhooks.cert_file", c.TLS.Webhooks.CertFile}, {"tls.webhooks.client_ca_file", c.TLS.Webhooks.ClientCAFile},
		{"kafka.tls.cert_file", c.Kafka.TLS.CertFile}, {"kafka.tls.ca_file", c.Kafka.TLS.CAFile},
		{"schema_registry.ca_file", c.SchemaRegistry.CAFile},
	} {
		if f.path == "" {
			continue
		}
		n++
		e.certificate(f.key, f.path)
	}
	if n == 0 {
		e.ok("certificates", "none is configured")
	}
}

func (e *examination) certificate(key, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		e.fail("certificates", fmt.Sprintf("%s: %v", key, err), "name a readable PEM file")
		return
	}
	now, found := e.o.Now(), 0
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			e.fail("certificates", fmt.Sprintf("%s: %s: %v", key, path, err), "name a file with certificates in PEM")
			return
		}
		found++
		left := cert.NotAfter.Sub(now)
		text := fmt.Sprintf("%s: %s of %q ends at %s", key, filepath.Base(path), cert.Subject.CommonName, cert.NotAfter.UTC().Format(time.RFC3339))
		const remedy = "renew it: listeners take the new file without a restart"
		switch {
		case now.Before(cert.NotBefore):
			e.fail("certificates", fmt.Sprintf("%s: %s of %q begins at %s only", key, filepath.Base(path), cert.Subject.CommonName, cert.NotBefore.UTC().Format(time.RFC3339)), "look at this machine's clock, or wait")
		case left <= 0:
			e.fail("certificates", text+": it is over", remedy)
		case left <= certFail:
			e.fail("certificates", text, remedy)
		case left <= certWarn:
			e.warn("certificates", text, remedy)
		default:
			e.ok("certificates", "%s", text)
		}
	}
	if found == 0 {
		e.fail("certificates", fmt.Sprintf("%s: %s holds no certificate", key, path), "name a file with certificates in PEM")
	}
}
