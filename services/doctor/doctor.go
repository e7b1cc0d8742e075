package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/role"
)

// Status says how bad a finding is.
type Status string

// The statuses.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, and will not for long, or not as well as it could
	Fail Status = "fail" // it does not work, or not safely
)

// Result is what one check found.
type Result struct {
	// Check is its stable name, such as "kafka.topics".
	Check  string `json:"check"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// Remedy says what to do; empty where nothing is.
	Remedy string `json:"remedy,omitempty"`
}

// Options are what an examination needs.
type Options struct {
	Config  *config.Config
	Version string
	Logger  *slog.Logger
	// Client asks the sources, the registry and the running instance.
	Client *http.Client
	Now    func() time.Time
	// Patience bounds each check that asks somebody.
	Patience time.Duration
}

// Validate fills in defaults and names what is missing.
func (o *Options) Validate() error {
	if o.Config == nil || o.Logger == nil {
		return fmt.Errorf("doctor: Config and Logger are needed")
	}
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	return nil
}

// Run carries out every check, in the order in which a start would meet them.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	running, _ := role.ReadEndpoints(o.Config.EndpointsFile) // nobody runs where there are none
	e := &examination{o: o, running: running}
	for _, check := range []func(context.Context){
		e.versions, e.settings, e.policy, e.secrets, e.certificates, e.dataDir, e.openFiles, e.instance, e.kafka, e.clickHouse, e.registry, e.sources,
	} {
		within, cancel := context.WithTimeout(ctx, o.Patience)
		check(within)
		cancel()
		if ctx.Err() != nil {
			return e.results, ctx.Err()
		}
	}
	return e.results, nil
}

// Unreadable is the finding of a configuration that could not even be read.
func Unreadable(err error) Result {
	return Result{"config", Fail, err.Error(), "mend the configuration: nothing else can be examined without it"}
}

type examination struct {
	o       Options
	running role.Endpoints
	results []Result
}

func (e *examination) ok(check, format string, args ...any) {
	e.results = append(e.results, Result{Check: check, Status: OK, Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(check, detail, remedy string) {
	e.results = append(e.results, Result{check, Warn, detail, remedy})
}

func (e *examination) fail(check, detail, remedy string) {
	e.results = append(e.results, Result{check, Fail, detail, remedy})
}

// Bounds of the difference between a clock and ours.
const (
	clockWarn = 2 * time.Second
	clockFail = 30 * time.Second
)

// reading is what another clock said, at some instant of ours between asked and
// answered, to a precision.
type reading struct {
	of                  string
	at, asked, answered time.Time
	precision           time.Duration
}

// off is how far the clock is from ours, at the least.
func (r reading) off() time.Duration {
	switch last := r.at.Add(r.precision); {
	case last.Before(r.asked):
		return last.Sub(r.asked)
	case r.at.After(r.answered):
		return r.at.Sub(r.answered)
	default:
		return 0
	}
}

// clock compares another clock with ours.
func (e *examination) clock(check string, r reading) {
	off := r.off()
	far := max(off, -off)
	text := fmt.Sprintf("the clock of %s is off ours by %s", r.of, off.Round(time.Millisecond))
	const remedy = "set this machine and that one by NTP: the ledger withholds what a clock that is far off would prove"
	switch {
	case far >= clockFail:
		e.fail(check, text, remedy)
	case far >= clockWarn:
		e.warn(check, text, remedy)
	default:
		e.ok(check, "the clock of %s agrees with ours within %s", r.of, (far + r.answered.Sub(r.asked) + r.precision).Round(time.Millisecond))
	}
}
