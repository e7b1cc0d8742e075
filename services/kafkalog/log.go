package kafkalog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxDecompressedBatchBytes bounds what one fetched batch may grow to; a
// hostile batch would otherwise exhaust the memory.
const maxDecompressedBatchBytes = 64 << 20

// Log is the journal on a Kafka cluster.
type Log struct {
	cfg     Config
	logger  *slog.Logger
	common  []kgo.Opt
	client  *kgo.Client
	admin   *kadm.Client
	limits  batchLimits
	waiting waitingRecords
}

var _ Journal = (*Log)(nil)

// Open connects to Kafka and waits, at most until ctx ends, for one broker to
// answer. Records are appended with the log's own lifetime: ending ctx later
// has no effect.
func Open(ctx context.Context, cfg Config, logger *slog.Logger) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure kafka: %w", err)
	}
	cfg.Producer = cfg.Producer.withDefaults()
	if cfg.ClientID == "" {
		cfg.ClientID = "orderledger"
	}
	security, err := securityOptions(cfg)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, logger: logger}
	l.common = append([]kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(cfg.ClientID),
		kgo.WithLogger(clientLogger{logger}),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(retryBackoff),
		kgo.DisableClientMetrics(),
	}, security...)
	l.client, err = kgo.NewClient(append(l.common, producerOptions(cfg.Producer, &l.limits)...)...)
	if err != nil {
		return nil, fmt.Errorf("create kafka client: %w", err)
	}
	if err := l.client.Ping(ctx); err != nil {
		l.client.Close()
		return nil, fmt.Errorf("reach kafka at %v: %w (check brokers, tls and sasl of the kafka configuration)", cfg.Brokers, err)
	}
	l.admin = kadm.NewClient(l.client)
	return l, nil
}

// retryBackoff keeps retries quick: a broker that restarts is away for a few
// seconds, and every waiting webhook waits with it.
func retryBackoff(fails int) time.Duration {
	const least, most = 50 * time.Millisecond, time.Second
	backoff := least << min(fails, 6)
	return min(backoff, most)
}

// Close waits up to the configured close timeout for records without an
// answer, then closes the client. Later answers are [ErrUndecided]. Readers and
// ownerships are closed by their holders.
func (l *Log) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Producer.CloseTimeout)
	defer cancel()
	if err := l.client.Flush(ctx); err != nil {
		l.logger.Warn("closed with records that have no answer", "records", l.client.BufferedProduceRecords())
	}
	l.client.Close()
}

// clientLogger passes the client's messages on. Its info messages tell of
// ordinary connection work and become debug messages here.
type clientLogger struct{ logger *slog.Logger }

func (c clientLogger) Level() kgo.LogLevel {
	switch ctx := context.Background(); {
	case c.logger.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case c.logger.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelWarn
	default:
		return kgo.LogLevelError
	}
}

func (c clientLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	}
	c.logger.Log(context.Background(), to, "kafka client: "+msg, keyvals...)
}
