package role

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Stack is the log and what reads and writes it.
type Stack struct {
	Config *config.Config
	Log    *kafkalog.Log
	Codec  *avroevent.Codec
	// Broker is the embedded broker, nil with a real Kafka.
	Broker *broker.Broker
	// Brokers are the addresses of the log.
	Brokers []string
	Logger  *slog.Logger

	schemas schemas
	run     context.Context // ends at Close
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// OpenStack starts the embedded broker if no Kafka is configured, connects, and
// creates or verifies the topics.
func OpenStack(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*Stack, error) {
	return ensured(ctx)(connectStack(ctx, cfg, "", logger))
}

// connectStack is OpenStack without a look at the topics. With an address it
// connects to the embedded broker of another process.
func connectStack(ctx context.Context, cfg *config.Config, addr string, logger *slog.Logger) (*Stack, error) {
	codec, err := avroevent.New()
	if err != nil {
		return nil, err
	}
	s := &Stack{Config: cfg, Codec: codec, Logger: logger, Brokers: cfg.Kafka.Brokers}
	s.run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	switch {
	case addr != "":
		s.Brokers = []string{addr}
	case cfg.Embedded():
		if s.Broker, err = broker.Start(broker.Options{DataDir: filepath.Join(cfg.DataDir, "log"), Port: cfg.Listen.KafkaPort, Logger: logger}); err != nil {
			return nil, err
		}
		s.Brokers = []string{s.Broker.Addr()}
	}
	kafka := cfg.Kafka
	kafka.Brokers = s.Brokers
	dial, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	if s.Log, err = kafkalog.Open(dial, kafka, logger); err != nil {
		s.Close()
		return nil, fmt.Errorf("connect to Kafka at %v: %w", s.Brokers, err)
	}
	return s, nil
}

// dialPatience bounds the connection to the log, and the look at its topics.
const dialPatience = 30 * time.Second

// ensured creates or verifies the topics of a stack that was just connected.
func ensured(ctx context.Context) func(*Stack, error) (*Stack, error) {
	return func(s *Stack, err error) (*Stack, error) {
		if err != nil {
			return nil, err
		}
		dial, cancel := context.WithTimeout(ctx, dialPatience)
		defer cancel()
		if _, err := s.Log.EnsureTopics(dial, s.topics(), kafkalog.EnsureOptions{AllowUnsafe: s.Config.AllowUnsafeTopics}); err != nil {
			s.Close()
			return nil, err
		}
		return s, nil
	}
}

// topics are those that the configuration asks for.
func (s *Stack) topics() []kafkalog.TopicSpec {
	c := s.Config
	return kafkalog.Topics(kafkalog.TopicOptions{Partitions: c.Partitions, Replication: c.Replication, KeepEverything: c.Embedded()})
}

// spawn runs what watches the log, until the stack is closed.
func (s *Stack) spawn(fn func(context.Context)) { s.wg.Go(func() { fn(s.run) }) }

// Close ends what watches the log, and closes the schema registry, the log, then
// the broker.
func (s *Stack) Close() {
	s.stop()
	s.wg.Wait()
	s.schemas.close()
	if s.Log != nil {
		s.Log.Close()
	}
	if s.Broker != nil {
		s.Broker.Close()
	}
}

// DataDir makes the data directory ready: a temporary one if the configuration
// asks for nothing that lasts. The function it returns removes that one.
func DataDir(cfg *config.Config) (func(), error) {
	if !cfg.Ephemeral {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("create data_dir: %w", err)
		}
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "orderledger-")
	if err != nil {
		return nil, fmt.Errorf("create a temporary data_dir: %w", err)
	}
	cfg.DataDir = dir
	return func() { _ = os.RemoveAll(dir) }, nil
}
