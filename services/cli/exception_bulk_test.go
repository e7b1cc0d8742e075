package cli_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/cli"
)

// A server that limits its callers slows an action on many down, and keeps none
// of it from being done.
func TestBulkActionsHeedTheLimit(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Limit = api.Limit{PerSecond: 20, Burst: 2} })
	s.Broken("1", "2", "3", "4", "5")
	var out, errs strings.Builder
	line := []string{"exception", "ack", "--filter", "rule = ingestion", "--yes", "--endpoint", s.Surface.GRPC}
	if code := cli.Run(t.Context(), cli.Deps{Out: &out, Err: &errs}, line); code != cli.ExitOK {
		t.Fatalf("exit %d: %s%s", code, out.String(), errs.String())
	}
	if n := strings.Count(out.String(), "accepted"); n != 5 {
		t.Fatalf("%d of 5 were acknowledged:\n%s", n, out.String())
	}
}
