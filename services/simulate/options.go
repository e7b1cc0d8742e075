package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// Defaults of Options.
const (
	DefaultOrders = 50
	DefaultRate   = 0.2
	DefaultListen = "127.0.0.1:18900"
)

// Options are what `simulate` can be told.
type Options struct {
	// TargetFile is the endpoints file of a running instance. Webhooks names the
	// receiver directly and wins.
	TargetFile string
	Webhooks   string
	// Orders is how many are born, Rate how many a second on average.
	Orders int
	Rate   float64
	Seed   uint64
	// Faults are the classes to inject; "all" means every class of an order.
	Faults []string
	// TruthFile receives what happened, for the judge; empty for none.
	TruthFile string
	// Listen is where the simulated APIs answer, on loopback.
	Listen string
	// For ends the run; zero: when everything that was begun has happened.
	For    time.Duration
	Out    io.Writer
	Logger *slog.Logger
	Clock  connector.Clock
}

// Validate fills in defaults and joins every problem.
func (o *Options) Validate() error {
	var errs []error
	if o.Orders == 0 {
		o.Orders = DefaultOrders
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Clock == nil {
		o.Clock = connector.SystemClock{}
	}
	if o.Orders < 0 || o.Rate < 0 || o.Rate > 1000 {
		errs = append(errs, errors.New("--orders must not be negative and --rate lie between 0 and 1000"))
	}
	if o.TargetFile == "" && o.Webhooks == "" {
		errs = append(errs, errors.New("name a running instance: --target FILE, the file that `orderledger dev --endpoints-file FILE` writes"))
	}
	if o.Out == nil || o.Logger == nil {
		errs = append(errs, errors.New("simulate: Out and Logger are needed"))
	}
	_, err := o.faults()
	return errors.Join(append(errs, err)...)
}

// faults reads the classes to inject.
func (o *Options) faults() ([]shop.Fault, error) {
	var out []shop.Fault
	for _, name := range o.Faults {
		if name == "all" {
			return shop.OrderFaults(), nil
		}
		if !slices.Contains(shop.OrderFaults(), shop.Fault(name)) {
			var known []string
			for _, f := range shop.OrderFaults() {
				known = append(known, string(f))
			}
			return nil, fmt.Errorf("--faults: %q is no fault of an order; use all, or some of %s", name, strings.Join(known, ", "))
		}
		out = append(out, shop.Fault(name))
	}
	return out, nil
}

// receiver finds out where webhooks are received.
func (o *Options) receiver() (string, error) {
	if o.Webhooks != "" {
		return withScheme(o.Webhooks), nil
	}
	raw, err := os.ReadFile(o.TargetFile)
	if err != nil {
		return "", fmt.Errorf("read the endpoints file: %w", err)
	}
	var endpoints struct {
		Webhooks string `json:"webhooks"`
	}
	if err := json.Unmarshal(raw, &endpoints); err != nil {
		return "", fmt.Errorf("read the endpoints file %s: %w", o.TargetFile, err)
	}
	if endpoints.Webhooks == "" {
		return "", fmt.Errorf("the endpoints file %s names no webhooks address: is the instance a ledger or api role only?", o.TargetFile)
	}
	return withScheme(endpoints.Webhooks), nil
}

func withScheme(addr string) string {
	if strings.Contains(addr, "://") {
		return addr
	}
	return "http://" + addr
}
