package kafkalog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// SASL mechanisms.
const (
	MechanismPlain       = "PLAIN"
	MechanismScramSHA256 = "SCRAM-SHA-256"
	MechanismScramSHA512 = "SCRAM-SHA-512"
)

// Config says how to reach Kafka. The zero value of every field but Brokers is
// usable.
type Config struct {
	// Brokers are the seed brokers, host:port.
	Brokers []string `yaml:"brokers" json:"brokers"`
	// ClientID names this process in the broker's logs and quotas; empty means
	// "orderledger".
	ClientID string   `yaml:"client_id" json:"client_id"`
	TLS      TLS      `yaml:"tls" json:"tls"`
	SASL     SASL     `yaml:"sasl" json:"sasl"`
	Producer Producer `yaml:"producer" json:"producer"`
}

// TLS configures transport encryption.
type TLS struct {
	Enabled bool `yaml:"enabled" json:"enabled"`
	// CAFile holds the certificates to trust instead of the system's.
	CAFile string `yaml:"ca_file" json:"ca_file"`
	// CertFile and KeyFile are the client's certificate. They are read again on
	// every new connection, so they can be renewed in place.
	CertFile string `yaml:"cert_file" json:"cert_file"`
	KeyFile  string `yaml:"key_file" json:"key_file"`
	// ServerName is the name to verify instead of the broker's host name.
	ServerName string `yaml:"server_name" json:"server_name"`
}

// SASL configures authentication. An empty mechanism means none.
type SASL struct {
	Mechanism string `yaml:"mechanism" json:"mechanism"`
	Username  string `yaml:"username" json:"username"`
	// PasswordFile holds the password; a final newline is ignored. It is read
	// again on every new connection.
	PasswordFile string `yaml:"password_file" json:"password_file"`
}

// Producer bounds what may wait for the broker.
type Producer struct {
	// MaxBufferedRecords and MaxBufferedBytes bound the records without an
	// answer; beyond them appends get [ErrBackPressure]. 0 means 100,000
	// records and 64 MiB.
	MaxBufferedRecords int `yaml:"max_buffered_records" json:"max_buffered_records"`
	MaxBufferedBytes   int `yaml:"max_buffered_bytes" json:"max_buffered_bytes"`
	// Linger delays a batch to let it grow; 0 sends at once.
	Linger time.Duration `yaml:"linger" json:"linger"`
	// BrokenAfter is how long the oldest record may wait before
	// [Appender.Broken] says so; 0 means 2 s.
	BrokenAfter time.Duration `yaml:"broken_after" json:"broken_after"`
	// CloseTimeout is how long Close waits for records without an answer; 0
	// means 5 s.
	CloseTimeout time.Duration `yaml:"close_timeout" json:"close_timeout"`
}

// withDefaults replaces the zero values.
func (p Producer) withDefaults() Producer {
	if p.MaxBufferedRecords == 0 {
		p.MaxBufferedRecords = 100_000
	}
	if p.MaxBufferedBytes == 0 {
		p.MaxBufferedBytes = 64 << 20
	}
	if p.BrokenAfter == 0 {
		p.BrokenAfter = 2 * time.Second
	}
	if p.CloseTimeout == 0 {
		p.CloseTimeout = 5 * time.Second
	}
	return p
}

// Validate reports every problem of the configuration, each with its path.
func (c Config) Validate() error {
	var errs []error
	add := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
	}
	if len(c.Brokers) == 0 {
		add("brokers", "name at least one host:port")
	}
	for i, broker := range c.Brokers {
		if _, port, err := net.SplitHostPort(broker); err != nil || port == "" {
			add(fmt.Sprintf("brokers[%d]", i), "%q is not host:port", broker)
		}
	}
	c.TLS.validate(add)
	c.SASL.validate(add)
	c.Producer.validate(add)
	return errors.Join(errs...)
}

func (t TLS) validate(add func(path, format string, args ...any)) {
	if !t.Enabled {
		if t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" || t.ServerName != "" {
			add("tls.enabled", "is false although other tls settings are given; set it to true or remove them")
		}
		return
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		add("tls.cert_file", "cert_file and key_file go together; give both or neither")
	}
	for _, setting := range []struct{ path, file string }{
		{"tls.ca_file", t.CAFile}, {"tls.cert_file", t.CertFile}, {"tls.key_file", t.KeyFile},
	} {
		if setting.file == "" {
			continue
		}
		if _, err := os.Stat(setting.file); err != nil {
			add(setting.path, "cannot be read: %v", err)
		}
	}
}

func (s SASL) validate(add func(path, format string, args ...any)) {
	switch s.Mechanism {
	case "":
		if s.Username != "" || s.PasswordFile != "" {
			add("sasl.mechanism", "is empty although a user or password is given; use %s, %s or %s", MechanismPlain, MechanismScramSHA256, MechanismScramSHA512)
		}
		return
	case MechanismPlain, MechanismScramSHA256, MechanismScramSHA512:
	default:
		add("sasl.mechanism", "%q is not one of %s, %s, %s", s.Mechanism, MechanismPlain, MechanismScramSHA256, MechanismScramSHA512)
	}
	if s.Username == "" {
		add("sasl.username", "must be set")
	}
	if s.PasswordFile == "" {
		add("sasl.password_file", "must be set")
	} else if _, err := os.Stat(s.PasswordFile); err != nil {
		add("sasl.password_file", "cannot be read: %v", err)
	}
}

func (p Producer) validate(add func(path, format string, args ...any)) {
	if p.MaxBufferedRecords < 0 {
		add("producer.max_buffered_records", "%d must not be negative", p.MaxBufferedRecords)
	}
	if p.MaxBufferedBytes < 0 {
		add("producer.max_buffered_bytes", "%d must not be negative", p.MaxBufferedBytes)
	}
	if p.Linger < 0 || p.Linger > time.Minute {
		add("producer.linger", "%v must be between 0 and 1m", p.Linger)
	}
	if p.BrokenAfter < 0 {
		add("producer.broken_after", "%v must not be negative", p.BrokenAfter)
	}
	if p.CloseTimeout < 0 {
		add("producer.close_timeout", "%v must not be negative", p.CloseTimeout)
	}
}
