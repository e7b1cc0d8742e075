package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setting is one key that is also a flag and a variable.
type setting struct {
	key   string
	flag  string // empty: the key with dashes
	usage string
	bool  bool
	set   func(*Config, string) error
	get   func(*Config) string
}

func (s *setting) name() string {
	if s.flag != "" {
		return s.flag
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

func (s *setting) variable() string {
	return "ORDERLEDGER_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s.name()))
}

func text(key, flag, usage string, at func(*Config) *string) setting {
	return setting{
		key: key, flag: flag, usage: usage, get: func(c *Config) string { return *at(c) },
		set: func(c *Config, v string) error { *at(c) = v; return nil },
	}
}

func list(key, flag, usage string, at func(*Config) *[]string) setting {
	return setting{
		key: key, flag: flag, usage: usage, get: func(c *Config) string { return strings.Join(*at(c), ",") },
		set: func(c *Config, v string) error {
			*at(c) = nil
			if v != "" {
				*at(c) = strings.Split(v, ",")
			}
			return nil
		},
	}
}

func yes(key, flag, usage string, at func(*Config) *bool) setting {
	return setting{
		key: key, flag: flag, usage: usage, bool: true, get: func(c *Config) string { return strconv.FormatBool(*at(c)) },
		set: func(c *Config, v string) error {
			b, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("want true or false, found %q", v)
			}
			*at(c) = b
			return nil
		},
	}
}

func number[T ~int | ~int16 | ~int32 | ~uint64](key, flag, usage string, at func(*Config) *T) setting {
	return setting{
		key: key, flag: flag, usage: usage, get: func(c *Config) string { return fmt.Sprint(*at(c)) },
		set: func(c *Config, v string) error {
			var n T
			var err error
			if bits := reflect.TypeFor[T]().Bits(); T(0)-1 > 0 {
				var u uint64
				u, err = strconv.ParseUint(v, 10, bits)
				n = T(u)
			} else {
				var i int64
				i, err = strconv.ParseInt(v, 10, bits)
				n = T(i)
			}
			if err != nil {
				return fmt.Errorf("want a whole number, found %q", v)
			}
			*at(c) = n
			return nil
		},
	}
}

func span(key, usage string, at func(*Config) *time.Duration) setting {
	return setting{
		key: key, usage: usage, get: func(c *Config) string { return at(c).String() },
		set: func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return fmt.Errorf("want a span such as 30s or 5m, found %q", v)
			}
			*at(c) = d
			return nil
		},
	}
}

// settings lists every scalar key. Lists of sources and policies stand in the
// file alone.
func settings() []setting {
	return []setting{
		text("data_dir", "data", "directory of the stores and the embedded engines", func(c *Config) *string { return &c.DataDir }),
		yes("ephemeral", "", "keep everything in a temporary directory, removed at the end", func(c *Config) *bool { return &c.Ephemeral }),
		number("partitions", "", "partitions of the keyed topics, fixed for ever", func(c *Config) *int32 { return &c.Partitions }),
		list("kafka.brokers", "kafka", "brokers of a real Kafka, host:port,…; without it the embedded broker is used", func(c *Config) *[]string { return &c.Kafka.Brokers }),
		text("kafka.client_id", "", "client id towards Kafka", func(c *Config) *string { return &c.Kafka.ClientID }),
		yes("kafka.tls.enabled", "kafka-tls", "speak TLS to Kafka", func(c *Config) *bool { return &c.Kafka.TLS.Enabled }),
		text("kafka.tls.ca_file", "kafka-tls-ca-file", "certificates to trust", func(c *Config) *string { return &c.Kafka.TLS.CAFile }),
		text("kafka.tls.cert_file", "kafka-tls-cert-file", "client certificate", func(c *Config) *string { return &c.Kafka.TLS.CertFile }),
		text("kafka.tls.key_file", "kafka-tls-key-file", "client key", func(c *Config) *string { return &c.Kafka.TLS.KeyFile }),
		text("kafka.tls.server_name", "kafka-tls-server-name", "name to verify", func(c *Config) *string { return &c.Kafka.TLS.ServerName }),
		text("kafka.sasl.mechanism", "kafka-sasl-mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", func(c *Config) *string { return &c.Kafka.SASL.Mechanism }),
		text("kafka.sasl.username", "kafka-sasl-username", "SASL user", func(c *Config) *string { return &c.Kafka.SASL.Username }),
		text("kafka.sasl.password_file", "kafka-sasl-password-file", "file with the SASL password", func(c *Config) *string { return &c.Kafka.SASL.PasswordFile }),
		number("kafka.producer.max_buffered_records", "", "records that may wait for Kafka; 0 means 100000", func(c *Config) *int { return &c.Kafka.Producer.MaxBufferedRecords }),
		number("kafka.producer.max_buffered_bytes", "", "bytes that may wait for Kafka; 0 means 64 MiB", func(c *Config) *int { return &c.Kafka.Producer.MaxBufferedBytes }),
		span("kafka.producer.linger", "how long a batch may grow before it is sent", func(c *Config) *time.Duration { return &c.Kafka.Producer.Linger }),
		span("kafka.producer.broken_after", "how long a record may wait before the edge refuses work; 0s means 2s", func(c *Config) *time.Duration { return &c.Kafka.Producer.BrokenAfter }),
		span("kafka.producer.close_timeout", "how long the end waits for records on their way; 0s means 5s", func(c *Config) *time.Duration { return &c.Kafka.Producer.CloseTimeout }),
		yes("allow_unsafe_topics", "", "go on though a topic's settings may lose records", func(c *Config) *bool { return &c.AllowUnsafeTopics }),
		number("replication", "", "replication factor of topics to create", func(c *Config) *int16 { return &c.Replication }),
		text("clickhouse.dsn", "clickhouse", "DSN of a ClickHouse server; without it the embedded one is used", func(c *Config) *string { return &c.ClickHouse.DSN }),
		yes("clickhouse.disabled", "no-analytics", "run without ClickHouse", func(c *Config) *bool { return &c.ClickHouse.Disabled }),
		number("clickhouse.native_port", "", "native port of the embedded ClickHouse", func(c *Config) *int { return &c.ClickHouse.NativePort }),
		number("clickhouse.http_port", "", "HTTP port of the embedded ClickHouse", func(c *Config) *int { return &c.ClickHouse.HTTPPort }),
		text("schema_registry.url", "schema-registry", "URL of a Confluent-compatible schema registry that is told the schemas; without it `dev` runs one", func(c *Config) *string { return &c.SchemaRegistry.URL }),
		text("schema_registry.username", "", "user at the schema registry", func(c *Config) *string { return &c.SchemaRegistry.Username }),
		text("schema_registry.password_file", "", "file with the password at the schema registry", func(c *Config) *string { return &c.SchemaRegistry.PasswordFile }),
		text("schema_registry.ca_file", "", "certificates to trust at the schema registry", func(c *Config) *string { return &c.SchemaRegistry.CAFile }),
		text("listen.rest", "", "address of REST", func(c *Config) *string { return &c.Listen.REST }),
		text("listen.admin", "", "address of health and metrics", func(c *Config) *string { return &c.Listen.Admin }),
		text("listen.grpc", "", "address of gRPC", func(c *Config) *string { return &c.Listen.GRPC }),
		text("listen.webhooks", "", "address of the webhooks", func(c *Config) *string { return &c.Listen.Webhooks }),
		number("listen.kafka_port", "", "port of the embedded broker", func(c *Config) *int { return &c.Listen.KafkaPort }),
		number("listen.schema_registry_port", "", "port of the embedded schema registry", func(c *Config) *int { return &c.Listen.SchemaRegistryPort }),
		list("listen.hosts", "", "further Host headers that REST answers to", func(c *Config) *[]string { return &c.Listen.Hosts }),
		text("tls.grpc.cert_file", "", "certificate of gRPC, PEM; with it the listener speaks TLS", func(c *Config) *string { return &c.TLS.GRPC.CertFile }),
		text("tls.grpc.key_file", "", "key of the certificate of gRPC", func(c *Config) *string { return &c.TLS.GRPC.KeyFile }),
		text("tls.grpc.client_ca_file", "", "authorities of the client certificates that gRPC then demands", func(c *Config) *string { return &c.TLS.GRPC.ClientCAFile }),
		text("tls.rest.cert_file", "", "certificate of REST, PEM; with it the listener speaks TLS", func(c *Config) *string { return &c.TLS.REST.CertFile }),
		text("tls.rest.key_file", "", "key of the certificate of REST", func(c *Config) *string { return &c.TLS.REST.KeyFile }),
		text("tls.rest.client_ca_file", "", "authorities of the client certificates that REST then demands", func(c *Config) *string { return &c.TLS.REST.ClientCAFile }),
		text("tls.webhooks.cert_file", "", "certificate of the webhooks, PEM; with it the listener speaks TLS", func(c *Config) *string { return &c.TLS.Webhooks.CertFile }),
		text("tls.webhooks.key_file", "", "key of the certificate of the webhooks", func(c *Config) *string { return &c.TLS.Webhooks.KeyFile }),
		text("tls.webhooks.client_ca_file", "", "authorities of the client certificates that the webhooks then demands", func(c *Config) *string { return &c.TLS.Webhooks.ClientCAFile }),
		text("api.page_key_file", "", "file with the key that seals page tokens, shared by replicas", func(c *Config) *string { return &c.API.PageKeyFile }),
		number("api.calls_per_second", "", "calls that one caller may make per second, over time; 0 sets no limit", func(c *Config) *int { return &c.API.CallsPerSecond }),
		number("api.calls_burst", "", "calls that one caller may make at once", func(c *Config) *int { return &c.API.CallsBurst }),
		list("auth.token_files", "", "files with one bearer token each", func(c *Config) *[]string { return &c.Auth.TokenFiles }),
		text("ledger.group", "", "consumer group that shares out ownership; without one `ledger` joins orderledger-ledger, and `dev` owns everything", func(c *Config) *string { return &c.Ledger.Group }),
		text("ledger.instance_id", "", "static member id, such as the pod's name", func(c *Config) *string { return &c.Ledger.InstanceID }),
		span("ledger.session_timeout", "how long a silent member of the group keeps its partitions", func(c *Config) *time.Duration { return &c.Ledger.SessionTimeout }),
		span("ledger.audit_every", "how often the state is held against the log, and ClickHouse against what it took; 0 never", func(c *Config) *time.Duration { return &c.Ledger.AuditEvery }),
		number("ledger.cache_orders", "", "orders kept decoded per partition", func(c *Config) *int { return &c.Ledger.CacheOrders }),
		number("ledger.outbox_max_bytes", "", "cap of the outbox per partition", func(c *Config) *uint64 { return &c.Ledger.OutboxMaxBytes }),
		number("ledger.disk_reserve_bytes", "", "free space below which folding waits", func(c *Config) *uint64 { return &c.Ledger.DiskReserveBytes }),
		span("shutdown.delay", "how long a process goes on as before once it says that it is not ready", func(c *Config) *time.Duration { return &c.Shutdown.Delay }),
		span("shutdown.timeout", "how long the end may take once it is asked for", func(c *Config) *time.Duration { return &c.Shutdown.Timeout }),
		text("memory.limit", "", "soft limit of the memory of the process, such as 512MiB; none; empty: four fifths of the container's", func(c *Config) *string { return &c.Memory.Limit }),
		text("log.level", "", "debug, info, warn or error", func(c *Config) *string { return &c.Log.Level }),
		text("log.format", "", "auto, text or json", func(c *Config) *string { return &c.Log.Format }),
		list("catalog_dirs", "", "folders with catalog entries of your own systems", func(c *Config) *[]string { return &c.CatalogDirs }),
		text("hash_key_file", "", "key of the hashes of e-mail addresses and phone numbers", func(c *Config) *string { return &c.HashKeyFile }),
		text("otlp", "", "endpoint of an OpenTelemetry collector that receives traces, http://host:4318 or grpc://host:4317; OTEL_EXPORTER_OTLP_ENDPOINT by default", func(c *Config) *string { return &c.OTLP }),
		text("endpoints_file", "", "file that receives the addresses as JSON", func(c *Config) *string { return &c.EndpointsFile }),
	}
}

// flagValue is a setting's flag: it remembers what was given, and Load applies
// it last.
type flagValue struct {
	s     setting
	given *string
}

func (f *flagValue) String() string {
	if f.given != nil {
		return *f.given
	}
	return ""
}
func (f *flagValue) Set(v string) error { f.given = &v; return f.s.set(Default(), v) }
func (f *flagValue) Type() string {
	if f.s.bool {
		return "bool"
	}
	return "value"
}

// Flags are the settings of one command line.
type Flags struct {
	file   string
	values []*flagValue
}

// Bind adds every setting, and --config, to a flag set.
func Bind(fs *pflag.FlagSet) *Flags {
	f := &Flags{}
	fs.StringVar(&f.file, "config", "", "configuration file (YAML)")
	for _, s := range settings() {
		v := &flagValue{s: s}
		f.values = append(f.values, v)
		flag := fs.VarPF(v, s.name(), "", s.usage+" ["+s.key+"]")
		flag.DefValue = s.get(Default())
		if s.bool {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// Load reads the file, then the variables, then the flags; later wins. It does
// not validate.
func (f *Flags) Load(lookup func(string) (string, bool)) (*Config, error) {
	c := Default()
	file := f.file
	if v, ok := lookup("ORDERLEDGER_CONFIG"); ok && file == "" {
		file = v
	}
	if file != "" {
		if err := c.Read(file); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, v := range f.values {
		if text, ok := lookup(v.s.variable()); ok {
			if err := v.s.set(c, text); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q (%s): %w", v.s.variable(), text, v.s.key, err))
			}
		}
		if v.given != nil {
			if err := v.s.set(c, *v.given); err != nil {
				errs = append(errs, fmt.Errorf("--%s %q (%s): %w", v.s.name(), *v.given, v.s.key, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} { // the standard's own
		if v, ok := lookup(name); ok && c.OTLP == "" {
			c.OTLP = v
		}
	}
	c.Finish()
	return c, nil
}

// Effective lists every scalar key with its value, for `config print`.
func (c *Config) Effective() [][2]string {
	var out [][2]string
	for _, s := range settings() {
		out = append(out, [2]string{s.key, s.get(c)})
	}
	return out
}
