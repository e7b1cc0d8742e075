package e2e_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/test/ordeal"
)

// examine checks everything that must hold after any number of kills: what was
// acknowledged is in the log and in the orders' timelines, outcomes add up,
// every store is the single-pass replay of the log, and ClickHouse holds every
// row of that replay once.
func examine(t *testing.T, k *killing, kafka string) {
	t.Helper()
	catchUp(t, k.dev.config)
	if kafka == "" {
		b, err := broker.Start(broker.Options{DataDir: filepath.Join(k.dev.data(), "log"), Logger: quiet(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		kafka = b.Addr()
	}
	x := ordeal.Open(t, ordeal.LogOptions{Kafka: kafka, Partitions: partitions}, k.dev.data())
	for p := range int32(partitions) {
		x.Partition(k.dev.data(), p, k.shop.acked)
	}
	x.Conserved(k.shop.acked)
	x.SameHistory()
	t.Logf("%d events acknowledged", len(k.shop.acked))
}

// catchUp lets the product itself finish: on the same configuration, without
// its edge, until every row is shipped.
func catchUp(t *testing.T, file string) {
	t.Helper()
	cfg := config.Default()
	if err := cfg.Read(file); err != nil {
		t.Fatal(err)
	}
	cfg.Partitions, cfg.EndpointsFile = partitions, ""
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Parts{History: true}, role.Watchers{}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	await(t, 60*time.Second, func() error {
		for _, s := range i.Node.Stats() {
			if s.Lag != 0 || s.Outbox != 0 {
				return yet("partition %d: %d records and %d bytes of rows are left", s.Partition, s.Lag, s.Outbox)
			}
		}
		return nil
	})
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}
