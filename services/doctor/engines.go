package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/schemaregistry"
)

// instance asks the running process whether it is ready.
func (e *examination) instance(ctx context.Context) {
	if e.running.Admin == "" {
		e.ok("instance", "no endpoints file names a running instance")
		return
	}
	base := e.running.Admin
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	code, body, _, err := e.get(ctx, base+"/readyz")
	switch {
	case err != nil:
		e.warn("instance", fmt.Sprintf("the endpoints file names %s, and nobody answers there", e.running.Admin), "start the instance, or remove the file that it left behind")
		e.running = role.Endpoints{}
	case code != http.StatusOK:
		e.fail("instance", fmt.Sprintf("%s is not ready: %s", e.running.Admin, strings.TrimSpace(body)), "look at its log: what is not ready is named there")
	default:
		e.ok("instance", "%s is ready", e.running.Admin)
	}
}

// kafka examines brokers, their clock and the topics.
func (e *examination) kafka(ctx context.Context) {
	if e.o.Config.Embedded() && e.running.Kafka == "" {
		e.ok("kafka", "the embedded broker starts with the process")
		return
	}
	cfg := *e.o.Config
	if !cfg.Embedded() {
		cfg.EndpointsFile = ""
	}
	s, err := role.Reach(ctx, &cfg, e.o.Logger)
	if err != nil {
		e.fail("kafka", err.Error(), "look whether the brokers run, and at kafka.brokers, kafka.tls and kafka.sasl")
		return
	}
	defer s.Close()
	c, err := s.Log.Cluster(ctx)
	if err != nil {
		e.fail("kafka", err.Error(), "look whether the user may describe the cluster")
		return
	}
	switch {
	case cfg.Embedded():
		e.ok("kafka", "the embedded broker answers at %s", strings.Join(s.Brokers, ", "))
	case c.Brokers < int(cfg.Replication):
		e.fail("kafka", fmt.Sprintf("cluster %s has %d brokers, and replication is %d", c.ID, c.Brokers, cfg.Replication), "add brokers, or lower replication before the topics are made")
	case cfg.Replication < 3:
		e.warn("kafka", fmt.Sprintf("cluster %s, %d brokers, %s; topics have %d replicas", c.ID, c.Brokers, c.Version, cfg.Replication), "set replication to 3 in production: with fewer, one disk is the only truth")
	default:
		e.ok("kafka", "cluster %s, %d brokers, %s", c.ID, c.Brokers, c.Version)
	}
	if !c.Clock.IsZero() {
		e.clock("kafka.clock", reading{"the controller", c.Clock, c.Asked, c.Answered, time.Millisecond})
	}
	e.topics(ctx, s)
}

// topics are planned as `topics plan` does.
func (e *examination) topics(ctx context.Context, s *role.Stack) {
	plans, err := role.PlanTopics(ctx, s)
	if err != nil {
		e.fail("kafka.topics", err.Error(), "look whether the user may describe the topics")
		return
	}
	sound := 0
	for _, p := range plans {
		switch p.Action {
		case kafkalog.ActionKeep:
			sound++
		case kafkalog.ActionCreate:
			e.warn("kafka.topics", fmt.Sprintf("topic %s does not exist", p.Spec.Name), "`orderledger topics apply` makes it; so does a start")
		}
		for _, c := range p.Changes {
			text := fmt.Sprintf("topic %s: %s is %s, wanted %s", p.Spec.Name, c.Setting, c.Found, c.Wanted)
			if c.Action == kafkalog.ActionRefuse {
				e.fail("kafka.topics", text, c.Reason)
			} else {
				e.fail("kafka.topics", text, "`orderledger topics apply` alters it")
			}
		}
	}
	if sound == len(plans) {
		e.ok("kafka.topics", "%d topics are as they must be", sound)
	}
}

// clickHouse examines the server, its clock and its schema.
func (e *examination) clickHouse(ctx context.Context) {
	c := e.o.Config.ClickHouse
	opt, err := clickhouse.ParseDSN(c.DSN)
	switch {
	case c.Disabled:
		e.ok("clickhouse", "history is switched off")
		return
	case c.DSN == "" && e.running.ClickHouseNative == "":
		e.ok("clickhouse", "the embedded ClickHouse starts with the process")
		return
	case c.DSN == "":
		opt, err = clickhouse.ParseDSN("clickhouse://" + e.running.ClickHouseNative + "/" + clickhouse.Database)
	}
	if err != nil {
		e.fail("clickhouse", err.Error(), "mend clickhouse.dsn")
		return
	}
	s, err := clickhouse.Examine(ctx, opt)
	if err != nil {
		e.fail("clickhouse", err.Error(), "look whether the server runs, and at clickhouse.dsn. Nothing is lost meanwhile: history is late")
		return
	}
	e.ok("clickhouse", "version %s", s.Version)
	e.clock("clickhouse.clock", reading{"ClickHouse", s.Clock, s.Asked, s.Answered, time.Microsecond})
	switch {
	case s.Schema == 0:
		e.warn("clickhouse.schema", fmt.Sprintf("database %s is not set up", opt.Auth.Database), "nothing to do: the ledger migrates it when it first connects")
	case s.Schema < s.Newest:
		e.warn("clickhouse.schema", fmt.Sprintf("schema %d, this program brings %d", s.Schema, s.Newest), "nothing to do: the ledger migrates it when it next starts")
	case s.Schema > s.Newest:
		e.fail("clickhouse.schema", fmt.Sprintf("schema %d is newer than %d, the newest that this program knows", s.Schema, s.Newest), "run the newer orderledger that migrated it")
	default:
		e.ok("clickhouse.schema", "schema %d", s.Schema)
	}
}

// registry asks the schema registry for its subjects.
func (e *examination) registry(ctx context.Context) {
	c := e.o.Config.SchemaRegistry
	if c.URL == "" {
		c = schemaregistry.Config{URL: e.running.SchemaRegistry}
	}
	if c.URL == "" {
		e.ok("schema_registry", "none is configured")
		return
	}
	n, err := schemaregistry.Subjects(ctx, c)
	if err != nil {
		e.fail("schema_registry", fmt.Sprintf("%s: %v", c.URL, err), "look whether the registry runs, and at schema_registry.url and its credentials. The ledger itself does without")
		return
	}
	e.ok("schema_registry", "%s knows %d subjects", c.URL, n)
}

// sources compares the clocks of the systems that are asked.
func (e *examination) sources(ctx context.Context) {
	cat, err := catalog.Load(e.o.Config.CatalogDirs)
	if err != nil {
		return // settings says so
	}
	for i := range e.o.Config.Sources {
		src := &e.o.Config.Sources[i]
		if src.BaseURL == "" || src.Poll.Disabled {
			continue
		}
		check := "source." + src.Name
		asked := e.o.Now()
		_, _, header, err := e.get(ctx, src.BaseURL)
		answered := e.o.Now()
		if err != nil {
			e.warn(check, fmt.Sprintf("%s does not answer: %v", src.BaseURL, err), "look at base_url, and whether this machine may reach it; until it answers its feeds prove nothing")
			continue
		}
		date, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			e.ok(check, "%s answers, and does not tell its clock", src.BaseURL)
			continue
		}
		e.clock(check+".clock", reading{src.Name, date, asked, answered, time.Second})
		if sys, err := cat.System(src.System); err == nil {
			e.declaredSkew(check, date.Sub(answered), time.Duration(sys.SourceSpec(src).Skew)*time.Microsecond)
		}
	}
}

// declaredSkew says whether coverage would be withheld (S-17).
func (e *examination) declaredSkew(check string, off, declared time.Duration) {
	if off <= declared && off >= -declared-2*time.Second { // the date is cut to the second, and took its way
		return
	}
	e.fail(check+".skew", fmt.Sprintf("its clock is off ours by %s, and %s are declared: its feeds prove nothing", off.Round(time.Second), declared),
		"set this machine by NTP; if theirs is wrong, declare a greater skew for the source")
}

// get asks without credentials, and takes little of the answer.
func (e *examination) get(ctx context.Context, at string) (int, string, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return 0, "", nil, fmt.Errorf("ask %s: %w", at, err)
	}
	res, err := e.o.Client.Do(req)
	if err != nil {
		var short *url.Error
		if errors.As(err, &short) {
			err = short.Err
		}
		return 0, "", nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return 0, "", nil, fmt.Errorf("read the answer: %w", err)
	}
	return res.StatusCode, string(body), res.Header, nil
}
