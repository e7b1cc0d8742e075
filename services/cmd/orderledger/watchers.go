package main

import (
	"github.com/orderledger/orderledger/services/metrics"
	"github.com/orderledger/orderledger/services/role"
)

// watchers count what this process does and serve it on the admin address.
func watchers() role.Watchers {
	m := metrics.New(metrics.Options{Version: version})
	return role.Watchers{Version: version, Engine: m.Engine(), Edge: m.Edge(), API: m.API(), Audit: m.Audit(), Quarantine: m.Quarantine, Metrics: m.Handler(), Started: m.Watch}
}
