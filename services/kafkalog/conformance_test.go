package kafkalog_test

import (
	"testing"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

func TestConformanceOnEmbeddedBroker(t *testing.T) {
	addr := startBroker(t, broker.Options{}).Addr()
	kafkalogtest.Run(t, func(t *testing.T) kafkalog.Journal {
		return open(t, kafkalog.Config{Brokers: []string{addr}})
	})
}

func TestConformanceOnRealKafka(t *testing.T) {
	kafka := startKafka(t)
	kafkalogtest.Run(t, func(t *testing.T) kafkalog.Journal {
		return open(t, kafkalog.Config{Brokers: []string{kafka.Addr()}})
	})
}

func startKafka(t *testing.T) *realkafka.Broker {
	t.Helper()
	kafka, err := realkafka.Start(t.Context(), realkafka.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Kill9)
	return kafka
}

func startBroker(t *testing.T, opts broker.Options) *broker.Broker {
	t.Helper()
	if opts.DataDir == "" {
		opts.DataDir = t.TempDir()
	}
	opts.Logger = kafkalogtest.Logger()
	b, err := broker.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func open(t *testing.T, cfg kafkalog.Config) *kafkalog.Log {
	t.Helper()
	l, err := kafkalog.Open(t.Context(), cfg, kafkalogtest.Logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}
