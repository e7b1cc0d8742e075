package schemaregistry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// requestTimeout bounds one request to the registry.
const requestTimeout = 5 * time.Second

// Config names a registry; the zero value names none.
type Config struct {
	// URL is where a Confluent-compatible registry answers.
	URL string `yaml:"url"`
	// Username and PasswordFile are its basic authentication.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	// CAFile holds the certificates to trust instead of the machine's.
	CAFile string `yaml:"ca_file"`
}

// Validate joins every problem, each with its key and what to do.
func (c *Config) Validate() error {
	var errs []error
	if c.URL == "" {
		if c.Username != "" || c.PasswordFile != "" || c.CAFile != "" {
			errs = append(errs, errors.New("url: is missing: say where the registry answers, or remove the other keys"))
		}
		return errors.Join(errs...)
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		errs = append(errs, errors.New("url: want http://host:port or https://host:port, without credentials or query"))
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		errs = append(errs, errors.New("username, password_file: set both, or neither"))
	}
	return errors.Join(errs...)
}

// client reads the files and returns a client. It connects to nothing.
func (c *Config) client() (*sr.Client, error) {
	opts := []sr.ClientOpt{sr.URLs(strings.TrimRight(c.URL, "/")), sr.UserAgent("orderledger"), sr.HTTPClient(&http.Client{Timeout: requestTimeout})}
	if c.PasswordFile != "" {
		raw, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("schema_registry.password_file: %w", err)
		}
		opts = append(opts, sr.BasicAuth(c.Username, strings.TrimRight(string(raw), "\r\n")))
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("schema_registry.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("schema_registry.ca_file: %s holds no PEM certificate", c.CAFile)
		}
		opts = append(opts, sr.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("schema_registry: %w", err)
	}
	return client, nil
}

// Subjects counts the subjects that a registry knows. It registers nothing.
func Subjects(ctx context.Context, c Config) (int, error) {
	client, err := c.client()
	if err != nil {
		return 0, err
	}
	known, err := client.Subjects(ctx)
	if err != nil {
		return 0, fmt.Errorf("list subjects: %w", err)
	}
	return len(known), nil
}
