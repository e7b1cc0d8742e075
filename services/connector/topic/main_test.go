package topic_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/orderledger/orderledger/services/embedded/realkafka"
)

// shared is one Apache Kafka for all tests: it takes seconds to start.
var shared struct {
	once   sync.Once
	broker *realkafka.Broker
	dir    string
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.broker != nil {
		shared.broker.Kill9()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func kafka(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "topic-kafka-"); shared.err != nil {
			return
		}
		shared.broker, shared.err = realkafka.Start(context.Background(), realkafka.Options{DataDir: shared.dir})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.broker.Addr()
}
