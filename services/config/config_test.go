package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
)

// file writes a configuration file.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "orderledger.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// load reads a configuration as a command line would.
func load(args []string, env map[string]string) (*config.Config, error) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := config.Bind(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return flags.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

// Everything wrong in a file is told at once, each with its place and what is
// right.
func TestProblemsOfAFileNameTheirPlaces(t *testing.T) {
	name := file(t, `data_dirr: x
partitions: many
listen:
  grcp: 127.0.0.1:1
  kafka_port: 70000.5
ephemeral: "yes"
kafka:
  brokers: localhost:9092
  producer: {linger: 5}
clickhouse: off
sources:
- {name: shop, systen: shopify, poll: {interval: soon}}
`)
	_, err := load([]string{"--config", name}, nil)
	if err == nil {
		t.Fatal("the file was accepted")
	}
	want := []string{
		`:1:1: unknown key "data_dirr"; did you mean "data_dir"?`,
		`:2:13: want a whole number, found "many"`,
		`:4:3: unknown key "grcp"; did you mean "grpc"?`,
		`:5:15: want a whole number, found "70000.5"`,
		`:6:12: want true or false, found "yes"`,
		`:8:12: want a list, found a single value`,
		`:9:22: want a span such as 30s or 5m, found "5"`,
		`:10:13: want key: value pairs, found a single value`,
		`:12:16: unknown key "systen"; did you mean "system"?`,
		`:12:50: "soon": want a span such as 30s, 15m, 2h or 60d`,
	}
	got := strings.Split(err.Error(), "\n")
	for i, w := range want {
		if i >= len(got) || got[i] != name+w {
			t.Errorf("problem %d: want %s%s in\n%s", i, name, w, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d", len(got), len(want))
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for want, text := range map[string]string{
		"the file is empty": "", ":2:": "partitions: 4\nlisten: [", "stands twice": "partitions: 4\npartitions: 8\n",
		"more than one YAML document": "partitions: 4\n---\npartitions: 8\n",
	} {
		if _, err := load([]string{"--config", file(t, text)}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := load([]string{"--config", "/nowhere.yaml"}, nil); err == nil || !strings.Contains(err.Error(), "read configuration: open /nowhere.yaml") {
		t.Errorf("%v", err)
	}
}

// sample is a value for a flag that differs from its default.
func sample(f *pflag.Flag) string {
	if f.Value.Type() == "bool" {
		return strconv.FormatBool(f.DefValue != "true")
	}
	if _, err := time.ParseDuration(f.DefValue); err == nil && strings.HasSuffix(f.DefValue, "s") {
		return "7s"
	}
	if _, err := strconv.Atoi(f.DefValue); err == nil {
		return "7"
	}
	return "some.thing"
}

// asFile writes a key's value as a file, as a list if the key holds one.
func asFile(t *testing.T, key, value string, list bool) string {
	t.Helper()
	var b strings.Builder
	parts := strings.Split(key, ".")
	for i, p := range parts {
		b.WriteString(strings.Repeat("  ", i) + p + ":")
		if i < len(parts)-1 {
			b.WriteString("\n")
		}
	}
	if list {
		value = "[" + value + "]"
	}
	return file(t, b.String()+" "+value+"\n")
}

// Every flag is a variable and a key, and the three mean the same.
func TestEveryFlagIsAVariableAndAKey(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(fs)
	n := 0
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" {
			return
		}
		n++
		_, key, ok := strings.Cut(f.Usage, "[")
		if key = strings.TrimSuffix(key, "]"); !ok {
			t.Fatalf("--%s does not name its key: %s", f.Name, f.Usage)
		}
		value := sample(f)
		plain, err := load(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		byFlag, err := load([]string{"--" + f.Name + "=" + value}, nil)
		if err != nil {
			t.Fatalf("--%s: %v", f.Name, err)
		}
		byEnv, err := load(nil, map[string]string{"ORDERLEDGER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")): value})
		if err != nil {
			t.Fatalf("the variable of --%s: %v", f.Name, err)
		}
		byFile, err := load([]string{"--config", asFile(t, key, value, false)}, nil)
		if err != nil && strings.Contains(err.Error(), "want a list") {
			byFile, err = load([]string{"--config", asFile(t, key, value, true)}, nil)
		}
		if err != nil {
			t.Fatalf("the key of --%s: %v", f.Name, err)
		}
		if reflect.DeepEqual(byFlag.Effective(), plain.Effective()) {
			t.Errorf("--%s=%s changes nothing", f.Name, value)
		}
		if !slices.Contains(byFlag.Effective(), [2]string{key, value}) {
			t.Errorf("--%s=%s: the key %s has another value", f.Name, value, key)
		}
		if !reflect.DeepEqual(byFlag.Effective(), byEnv.Effective()) || !reflect.DeepEqual(byFlag.Effective(), byFile.Effective()) {
			t.Errorf("--%s: flag %v\nvariable %v\nkey %v", f.Name, byFlag.Effective(), byEnv.Effective(), byFile.Effective())
		}
	})
	if n < 40 {
		t.Errorf("only %d flags were found", n)
	}
}

// scalars lists the keys of a configuration that hold one value or a list of
// words.
func scalars(t reflect.Type, path string) (out []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		switch k := f.Type.Kind(); {
		case k == reflect.Struct:
			out = append(out, scalars(f.Type, path+name+".")...)
		case k == reflect.Map, k == reflect.Slice && f.Type.Elem().Kind() != reflect.String, path+name == "policy.matrix", path+name == "policy.rules":
			// the policy and the sources stand in the file alone
		default:
			out = append(out, path+name)
		}
	}
	return out
}

func TestEveryScalarKeyIsAFlag(t *testing.T) {
	var have []string
	for _, p := range config.Default().Effective() {
		have = append(have, p[0])
	}
	want := scalars(reflect.TypeFor[config.Config](), "")
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("flags of %v\nkeys %v", have, want)
	}
}

// The defaults, the file, the variables, the flags: what comes later wins.
func TestLaterWins(t *testing.T) {
	name := file(t, "log: {level: warn, format: json}\npartitions: 8\nkafka: {brokers: [a, b]}\n")
	c, err := load([]string{"--log-level", "debug"}, map[string]string{
		"ORDERLEDGER_CONFIG": name, "ORDERLEDGER_LOG_LEVEL": "error", "ORDERLEDGER_PARTITIONS": "16",
		"ORDERLEDGER_KAFKA": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "debug" || c.Log.Format != "json" || c.Partitions != 16 || c.Listen.REST != config.Default().Listen.REST {
		t.Errorf("%+v", c)
	}
	if !c.Embedded() {
		t.Errorf("an empty list has %d items", len(c.Kafka.Brokers))
	}
	if c, err = load([]string{"--config", file(t, "log: {level: info}\n")}, map[string]string{"ORDERLEDGER_CONFIG": name}); err != nil || c.Log.Level != "info" {
		t.Errorf("--config does not win over its variable: %v %v", c, err)
	}
}

// All values that are wrong are told at once, and none is bent to fit.
func TestWrongValuesOfVariables(t *testing.T) {
	_, err := load(nil, map[string]string{
		"ORDERLEDGER_PARTITIONS": "4294967300", "ORDERLEDGER_REPLICATION": "70000", "ORDERLEDGER_LEDGER_OUTBOX_MAX_BYTES": "-1",
		"ORDERLEDGER_EPHEMERAL": "perhaps", "ORDERLEDGER_KAFKA_PRODUCER_LINGER": "soon",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`ORDERLEDGER_PARTITIONS="4294967300" (partitions): want a whole number`, `ORDERLEDGER_REPLICATION="70000" (replication)`,
		`(ledger.outbox_max_bytes): want a whole number`, `(ephemeral): want true or false`, `(kafka.producer.linger): want a span`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%v", want, err)
		}
	}
	for _, arg := range []string{"--partitions=4294967300", "--ephemeral=perhaps", "--colour=red"} {
		if _, err := load([]string{arg}, nil); err == nil {
			t.Errorf("%s was accepted", arg)
		}
	}
}

func TestValidateTellsEverything(t *testing.T) {
	c := config.Default()
	c.Partitions = -1
	c.Listen.REST, c.Listen.GRPC, c.Listen.Admin = "0.0.0.0:80", "example.org:81", "nonsense"
	c.Kafka.Brokers = []string{"nonsense"}
	c.Log = config.Logging{Level: "loud", Format: "xml"}
	c.TLS.REST.KeyFile = "k"
	c.API = config.API{CallsPerSecond: -1}
	c.Sources = []connector.Source{{Name: "Shop"}}
	err := c.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"data_dir: is missing", "partitions: -1", `listen.rest: "0.0.0.0:80" is not a loopback address`, `listen.grpc: "example.org:81"`,
		`listen.admin: "nonsense": want host:port`, "kafka: ", `log.level: "loud"`, `log.format: "xml"`, "tls.rest.cert_file: is missing", "api.calls_per_second: -1",
		"sources[Shop].name",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%v", want, err)
		}
	}
	c.Auth.TokenFiles = []string{"t"}
	if err := c.Validate(); strings.Contains(err.Error(), "loopback") {
		t.Errorf("with authentication: %v", err)
	}
}

// What `config print` writes can be read again and is the same configuration.
func TestPrintedConfigurationLoadsAgain(t *testing.T) {
	moment := func(text string) (m connector.Moment) {
		if err := m.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	skew := connector.Span(1500 * time.Millisecond)
	full := config.Default()
	full.DataDir, full.Kafka.Brokers, full.Kafka.Producer.Linger, full.Listen.Hosts = "/data: odd #name", []string{"a:1", "b:2"}, 5*time.Millisecond, []string{"null", "1"}
	full.TLS.GRPC, full.API.CallsPerSecond = config.ServerTLS{CertFile: "c", KeyFile: "k"}, 0
	full.Sources = []connector.Source{
		{
			Name: "shop", System: "shopify", Origin: true, BaseURL: "https://shop.example", SecretFiles: []string{"s"},
			Tokens: map[string]connector.SecretRef{"access_token": {Env: "TOKEN"}}, LiveFrom: moment("2026-01-31"), Since: moment("2025-12-31T23:59:59.5Z"), Skew: &skew,
			Poll: connector.PollSettings{Interval: connector.Span(time.Minute), PerSecond: 0.5}, Feeds: map[string]connector.FeedSettings{"orders": {Settle: &skew}},
		},
		{Name: "erp", System: "netsuite", OriginSource: "shop", Verify: &connector.Verify{Scheme: "bearer"}},
	}
	full.Policy = config.Policy{Rules: []string{"r.yaml"}, Bindings: map[string]map[string]string{"shop": {"erp": "erp"}}}
	empty := config.Default()
	for name, c := range map[string]*config.Config{"full": full, "empty": empty} {
		c.Finish()
		text, err := c.Document()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load([]string{"--config", file(t, string(text))}, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		second, err := again.Document()
		if err != nil || string(second) != string(text) {
			t.Errorf("%s: %v\n%s\nthen\n%s", name, err, text, second)
		}
		if !reflect.DeepEqual(again.Sources, c.Sources) || !reflect.DeepEqual(again.Policy, c.Policy) || !reflect.DeepEqual(again.Effective(), c.Effective()) {
			t.Errorf("%s: %+v\nthen %+v", name, c, again)
		}
	}
	if full.Sources[0].LiveFrom.Instant() != ledger.At(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Error("the sample is not what it should be")
	}
}

// The collector's endpoint may come from the standard's own variable; ours wins.
func TestOTLPEndpoint(t *testing.T) {
	for want, vars := range map[string]map[string]string{
		"":             {},
		"http://a:1":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"},
		"http://b:1":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b:1"},
		"grpc://c:1":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "ORDERLEDGER_OTLP": "grpc://c:1"},
		"collector:99": {"ORDERLEDGER_OTLP": "collector:99"},
	} {
		fs := pflag.NewFlagSet("t", pflag.ContinueOnError)
		c, err := config.Bind(fs).Load(func(k string) (string, bool) { v, ok := vars[k]; return v, ok })
		if err != nil || c.OTLP != want {
			t.Errorf("%v: %q, %v", vars, c.OTLP, err)
			continue
		}
		c.Ephemeral = true
		if err := c.Validate(); (err != nil) != (want == "collector:99") {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestHowAProcessLivesAndEndsIsChecked: what could never work is refused with
// its key, before anything starts.
func TestHowAProcessLivesAndEndsIsChecked(t *testing.T) {
	c, err := load([]string{"--ephemeral", "--ledger-session-timeout", "2s", "--shutdown-timeout", "10ms", "--shutdown-delay=-1s", "--memory-limit", "much"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Validate()
	for _, want := range []string{"ledger.session_timeout: 2s: must be between 6s and 30m0s", "shutdown.timeout: 10ms", "shutdown.delay: -1s", `memory.limit: "much": want bytes`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in: %v", want, err)
		}
	}
	for text, want := range map[string]int64{"1": 1, "7B": 7, "2KiB": 2048, "3MiB": 3 << 20, "4GiB": 4 << 30, "1TiB": 1 << 40} {
		if n, said, err := (config.Memory{Limit: text}).Bytes(); n != want || !said || err != nil {
			t.Errorf("%s is %d, %v, %v", text, n, said, err)
		}
	}
	for _, text := range []string{"0", "-1", "1.5GiB", "GiB", "9999999999TiB", "12 MiB", "12MB"} {
		if _, _, err := (config.Memory{Limit: text}).Bytes(); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
