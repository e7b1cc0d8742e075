package role

import (
	"context"
	"sync"

	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/audit"
	"github.com/orderledger/orderledger/services/config"
)

// auditing is the continuous audit of an instance.
type auditing struct {
	*audit.Auditor
	history *clickhouse.Auditor
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// startAudit lets the instance's node be audited as often as configured.
func (i *Instance) startAudit(cfg *config.Config, w Watchers) error {
	if cfg.Ledger.AuditEvery == 0 {
		return nil
	}
	a := &auditing{}
	o := audit.Options{
		Ledger: i.Node, Log: i.Stack.Log, Decoder: i.Stack.Codec.NewDecoder(), Every: cfg.Ledger.AuditEvery, Observer: w.Audit, Logger: i.Stack.Logger,
	}
	if i.history != nil && i.history.DSN != "" {
		var err error
		if a.history, err = OpenAuditor(i.history.DSN); err != nil {
			return err
		}
		o.History = a.history
	}
	var err error
	if a.Auditor, err = audit.New(o); err != nil {
		return err
	}
	var run context.Context
	run, a.stop = context.WithCancel(context.Background())
	a.wg.Go(func() { a.Run(run) })
	i.audit = a
	return nil
}

func (a *auditing) close() {
	a.stop()
	a.wg.Wait()
	if a.history != nil {
		_ = a.history.Close()
	}
}

// audits is what the API tells of the audit; nil if there is none.
func (i *Instance) audits() api.Audits {
	if i.audit == nil {
		return nil
	}
	return i.audit
}
