// Package config is orderledger's configuration: one YAML file, of which every
// key is also a flag and an ORDERLEDGER_… variable.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/schemaregistry"
)

// Config is everything a role can be told. The zero value, with defaults
// applied, is `dev` on the embedded engines.
type Config struct {
	// DataDir holds the stores, the embedded log and the embedded ClickHouse.
	DataDir string `yaml:"data_dir"`
	// Ephemeral removes DataDir at the end.
	Ephemeral bool `yaml:"ephemeral"`
	// Partitions of the keyed topics, fixed for ever; 0 means 4 on the embedded
	// broker and 24 elsewhere.
	Partitions int32           `yaml:"partitions"`
	Kafka      kafkalog.Config `yaml:"kafka"`
	// KafkaClusters are those of other people, by name, on whose topics sources
	// are read.
	KafkaClusters map[string]KafkaCluster `yaml:"kafka_clusters"`
	// AllowUnsafeTopics turns refusals of a topic's settings into warnings.
	AllowUnsafeTopics bool       `yaml:"allow_unsafe_topics"`
	Replication       int16      `yaml:"replication"`
	ClickHouse        ClickHouse `yaml:"clickhouse"`
	// SchemaRegistry is told the schemas of the records; none is fine.
	SchemaRegistry schemaregistry.Config `yaml:"schema_registry"`
	Listen         Listen                `yaml:"listen"`
	TLS            TLS                   `yaml:"tls"`
	API            API                   `yaml:"api"`
	Auth           Auth                  `yaml:"auth"`
	Ledger         Ledger                `yaml:"ledger"`
	Shutdown       Shutdown              `yaml:"shutdown"`
	Memory         Memory                `yaml:"memory"`
	Log            Logging               `yaml:"log"`
	// CatalogDirs hold catalog entries of the user's own systems.
	CatalogDirs []string           `yaml:"catalog_dirs"`
	Sources     []connector.Source `yaml:"sources"`
	Policy      Policy             `yaml:"policy"`
	// HashKeyFile keys the hashes under which e-mail and phone are looked up.
	HashKeyFile string `yaml:"hash_key_file"`
	// OTLP is the endpoint of an OpenTelemetry collector; empty traces nothing.
	OTLP string `yaml:"otlp"`
	// EndpointsFile receives the addresses as JSON once everything listens.
	EndpointsFile string `yaml:"endpoints_file"`

	// places are where the sources stand in the file they were read from.
	places []place
}

// ClickHouse says where history goes.
type ClickHouse struct {
	// DSN of a server; empty means the embedded engine.
	DSN string `yaml:"dsn"`
	// Disabled: no history; everything else works.
	Disabled bool `yaml:"disabled"`
	// NativePort and HTTPPort of the embedded engine; −1 chooses.
	NativePort int `yaml:"native_port"`
	HTTPPort   int `yaml:"http_port"`
}

// Listen are the addresses, host:port; port 0 chooses a free one.
type Listen struct {
	REST     string `yaml:"rest"`
	Admin    string `yaml:"admin"`
	GRPC     string `yaml:"grpc"`
	Webhooks string `yaml:"webhooks"`
	// KafkaPort is the embedded broker's.
	KafkaPort int `yaml:"kafka_port"`
	// SchemaRegistryPort is the embedded schema registry's, of `dev`.
	SchemaRegistryPort int `yaml:"schema_registry_port"`
	// Hosts are further Host headers that the REST API answers to.
	Hosts []string `yaml:"hosts"`
}

// API configures what answers questions.
type API struct {
	// PageKeyFile holds the key that seals page tokens, at least 32 bytes.
	// Replicas behind one address share it; without it each replica accepts its
	// own tokens alone.
	PageKeyFile string `yaml:"page_key_file"`
	// CallsPerSecond is what one caller may ask over time, CallsBurst what it may
	// ask at once; 0 calls per second set no limit.
	CallsPerSecond int `yaml:"calls_per_second"`
	CallsBurst     int `yaml:"calls_burst"`
}

// Auth says who may call the API.
type Auth struct {
	// TokenFiles hold one static bearer token each. Without any, the API
	// listens on loopback only.
	TokenFiles []string `yaml:"token_files"`
}

// Ledger configures folding.
type Ledger struct {
	Group      string `yaml:"group"`
	InstanceID string `yaml:"instance_id"`
	// SessionTimeout is how long a silent member of the group keeps its
	// partitions.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	CacheOrders    int           `yaml:"cache_orders"`
	OutboxMaxBytes uint64        `yaml:"outbox_max_bytes"`
	// AuditEvery is how often the state is held against the log, and the rows that
	// ClickHouse took against what it holds; 0: never.
	AuditEvery       time.Duration `yaml:"audit_every"`
	DiskReserveBytes uint64        `yaml:"disk_reserve_bytes"`
}

// Shutdown configures how a process ends when it is asked to.
type Shutdown struct {
	// Delay is how long it goes on as before once it says that it is not ready,
	// so that whoever spreads the traffic leaves it out first.
	Delay time.Duration `yaml:"delay"`
	// Timeout is how long everything after that may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Memory configures what a process keeps to.
type Memory struct {
	// Limit is the soft limit of the Go heap: a number of bytes, such as 512MiB;
	// none; or empty for four fifths of what the container may use.
	Limit string `yaml:"limit"`
}

// Logging configures the log output.
type Logging struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is auto, text or json.
	Format string `yaml:"format"`
}

// Policy names the policy's files; empty means the shipped ones.
type Policy struct {
	Matrix []string `yaml:"matrix"`
	Rules  []string `yaml:"rules"`
	// Bindings: origin source → role → source. Empty: the only source of each
	// role is bound to the only origin.
	Bindings map[string]map[string]string `yaml:"bindings"`
}

// Default returns the configuration of `dev` before anything is said.
func Default() *Config {
	return &Config{
		Listen:     Listen{REST: "127.0.0.1:8080", Admin: "127.0.0.1:8081", GRPC: "127.0.0.1:8082", Webhooks: "127.0.0.1:8088", KafkaPort: 19092, SchemaRegistryPort: 18081},
		ClickHouse: ClickHouse{NativePort: 19000, HTTPPort: 18123},
		API:        API{CallsPerSecond: 500, CallsBurst: 1000},
		Log:        Logging{Level: "info", Format: "auto"},
		Ledger:     Ledger{SessionTimeout: 10 * time.Second, AuditEvery: 10 * time.Second},
		Shutdown:   Shutdown{Timeout: 25 * time.Second},
	}
}

// Read reads a YAML file over c. Every problem is reported at once, with file,
// line, column and a hint.
func (c *Config) Read(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := strictyaml.Decode(file, data, c); err != nil {
		return err
	}
	if places := placesOf(file, data); len(places) > 0 {
		c.places = places
	}
	return nil
}

// Embedded reports whether the embedded broker is used.
func (c *Config) Embedded() bool { return len(c.Kafka.Brokers) == 0 }

// Finish fills in what depends on other keys.
func (c *Config) Finish() {
	if c.Partitions == 0 {
		c.Partitions = 24
		if c.Embedded() {
			c.Partitions = 4
		}
	}
	if c.Replication == 0 {
		c.Replication = 1
	}
}

// Validate joins every problem, each with its key and what to do.
func (c *Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.DataDir == "" && !c.Ephemeral {
		bad("data_dir", "is missing: name a directory with --data, or use --ephemeral")
	}
	if c.Partitions < 1 || c.Partitions > 1024 {
		bad("partitions", "%d: must be between 1 and 1024", c.Partitions)
	}
	if !c.Embedded() {
		if err := c.Kafka.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("kafka: %w", err))
		}
	}
	errs = append(errs, c.validateClusters()...)
	if u, err := url.Parse(c.OTLP); c.OTLP != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "grpc", "grpcs"}, u.Scheme)) {
		bad("otlp", "%q: want http://host:4318, https://host:4318, grpc://host:4317 or grpcs://host:4317", c.OTLP)
	}
	if err := c.SchemaRegistry.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("schema_registry: %w", err))
	}
	errs = append(errs, c.validateListeners()...)
	errs = append(errs, c.validateProcess()...)
	if c.API.CallsPerSecond < 0 {
		bad("api.calls_per_second", "%d: must not be negative; 0 sets no limit", c.API.CallsPerSecond)
	}
	if c.API.CallsPerSecond > 0 && c.API.CallsBurst < 1 {
		bad("api.calls_burst", "%d: must be at least 1 where api.calls_per_second sets a limit", c.API.CallsBurst)
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		bad("log.level", "%q: want debug, info, warn or error", c.Log.Level)
	}
	switch c.Log.Format {
	case "auto", "text", "json":
	default:
		bad("log.format", "%q: want auto, text or json", c.Log.Format)
	}
	return errors.Join(append(errs, c.validateSources()...)...)
}

// sessionTimeouts are what brokers take by default, the shortest and longest.
const minSessionTimeout, maxSessionTimeout = 6 * time.Second, 30 * time.Minute

// validateProcess checks how the process lives and ends.
func (c *Config) validateProcess() []error {
	var errs []error
	if t := c.Ledger.AuditEvery; t < 0 || t > 0 && t < time.Second {
		errs = append(errs, fmt.Errorf("ledger.audit_every: %s: must be 0, which switches the audit off, or at least 1s", t))
	}
	if t := c.Ledger.SessionTimeout; t < minSessionTimeout || t > maxSessionTimeout {
		errs = append(errs, fmt.Errorf("ledger.session_timeout: %s: must be between %s and %s, as brokers demand", t, minSessionTimeout, maxSessionTimeout))
	}
	if c.Shutdown.Timeout < time.Second {
		errs = append(errs, fmt.Errorf("shutdown.timeout: %s: must be at least 1s", c.Shutdown.Timeout))
	}
	if c.Shutdown.Delay < 0 {
		errs = append(errs, fmt.Errorf("shutdown.delay: %s: must not be negative", c.Shutdown.Delay))
	}
	if _, _, err := c.Memory.Bytes(); err != nil {
		errs = append(errs, fmt.Errorf("memory.limit: %w", err))
	}
	return errs
}

// validateListeners checks addresses, certificates, and that nobody unknown is
// let in.
func (c *Config) validateListeners() []error {
	var errs []error
	for _, l := range []struct {
		key, addr string
		asks      bool // callers of the API reach it
		tls       *ServerTLS
	}{
		{"rest", c.Listen.REST, true, &c.TLS.REST},
		{"grpc", c.Listen.GRPC, true, &c.TLS.GRPC},
		{"webhooks", c.Listen.Webhooks, false, &c.TLS.Webhooks},
		{"admin", c.Listen.Admin, false, nil},
	} {
		host, _, err := net.SplitHostPort(l.addr)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("listen.%s: %q: want host:port, such as 127.0.0.1:8080", l.key, l.addr))
		case l.asks && len(c.Auth.TokenFiles) == 0 && !loopback(host):
			errs = append(errs, fmt.Errorf("listen.%s: %q is not a loopback address and no authentication is configured: set auth.token_files, or listen on 127.0.0.1", l.key, l.addr))
		}
		if l.tls == nil {
			continue
		}
		if err := l.tls.validate("tls." + l.key); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// loopback reports whether a host to listen on is this machine alone.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
