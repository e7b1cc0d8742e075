// Package broker runs a single-node Kafka broker inside this process, for
// `orderledger dev`, demos and fast tests.
//
// The broker is kfake, which is sound only inside a narrow contract. The
// contract is enforced here, in code:
//
//   - one process per data directory, by a lock of our own
//   - the directory is readable by its owner alone, the listener is loopback only
//   - every write is synced to disk before it is acknowledged
//   - no transactions, because they are not atomic over a crash
//   - no compaction and no retention, because either can lose records: every
//     topic must say cleanup.policy=delete and retention.ms=-1
//   - nothing is deleted or re-partitioned
//   - the data directory has a cap, because all of it is loaded into memory at start
//
// Records acknowledged under this contract survive the death of the process.
// They are on one disk and are not replicated.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// DefaultMaxBytes is the default cap of a data directory.
const DefaultMaxBytes = 2 << 30

// segmentBytes keeps segments small, so that little is read again after a crash.
const segmentBytes = "16777216"

// Options configures a Broker.
type Options struct {
	// DataDir holds the log. It is created if missing and belongs to this
	// broker alone.
	DataDir string
	// Port is the port on 127.0.0.1; 0 chooses a free one.
	Port int
	// MaxBytes caps the data directory; 0 means [DefaultMaxBytes]. Produce
	// requests beyond it are refused.
	MaxBytes int64
	// WarnBytes is where a warning is logged; 0 means half of MaxBytes.
	WarnBytes int64
	// TLS makes the broker speak TLS.
	TLS *tls.Config
	// Users switches authentication on. They may do everything.
	Users  []User
	Logger *slog.Logger
}

// User is one SASL user.
type User struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism, Name, Password string
}

// Validate reports every unusable option.
func (o Options) Validate() error {
	var errs []error
	if o.DataDir == "" {
		errs = append(errs, errors.New("data_dir: must be set"))
	}
	if o.Port < 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("port: %d must be between 0 and 65535", o.Port))
	}
	if o.MaxBytes < 0 || o.WarnBytes < 0 {
		errs = append(errs, errors.New("max_bytes, warn_bytes: must not be negative"))
	}
	if o.Logger == nil {
		errs = append(errs, errors.New("logger: must be set"))
	}
	return errors.Join(errs...)
}

// Broker is a running embedded broker.
type Broker struct {
	cluster *kfake.Cluster
	lock    *dirLock
	addr    string
	dataDir string
	closing sync.Once
}

// ClusterID is what every embedded broker calls itself.
const ClusterID = "orderledger-embedded"

// Start locks the data directory, loads what it holds and listens.
func Start(opts Options) (*Broker, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	if opts.WarnBytes == 0 {
		opts.WarnBytes = opts.MaxBytes / 2
	}
	lock, err := lockDir(opts.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b, err := start(opts, lock)
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("start embedded broker on %s: %w", opts.DataDir, err)
	}
	return b, nil
}

func start(opts Options, lock *dirLock) (*Broker, error) {
	logDir := filepath.Join(opts.DataDir, "log")
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return nil, fmt.Errorf("create log directory: %w", err)
	}
	used, err := dirSize(logDir)
	if err != nil {
		return nil, fmt.Errorf("measure log directory: %w", err)
	}
	kopts := []kfake.Opt{
		kfake.Ports(opts.Port),
		kfake.ClusterID(ClusterID),
		kfake.DataDir(logDir),
		kfake.SyncWrites(),
		kfake.WithLogger(brokerLogger{opts.Logger}),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.ms":    "-1",
			"log.retention.bytes": "-1",
			"log.segment.bytes":   segmentBytes,
		}),
	}
	if opts.TLS != nil {
		kopts = append(kopts, kfake.TLS(opts.TLS))
	}
	if len(opts.Users) > 0 {
		kopts = append(kopts, kfake.EnableSASL())
		for _, u := range opts.Users {
			kopts = append(kopts, kfake.Superuser(u.Mechanism, u.Name, u.Password))
		}
	}
	cluster, err := kfake.NewCluster(kopts...)
	if err != nil {
		return nil, portHint(opts.Port, err)
	}
	b := &Broker{cluster: cluster, lock: lock, addr: cluster.ListenAddrs()[0], dataDir: opts.DataDir}
	if !strings.HasPrefix(b.addr, "127.0.0.1:") {
		cluster.Close()
		return nil, fmt.Errorf("listener is at %s, which is not loopback", b.addr)
	}
	newContract(opts, used).enforce(cluster)
	return b, nil
}

func portHint(port int, err error) error {
	if port != 0 && strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w (choose another port, or 0 for a free one)", err)
	}
	return err
}

// Addr returns the host:port that clients connect to.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and frees its data directory. Acknowledged records
// are on disk already.
func (b *Broker) Close() {
	b.closing.Do(func() {
		b.cluster.Close()
		b.lock.release()
	})
}

// Banner returns what users must know about embedded mode.
func (b *Broker) Banner() string {
	return fmt.Sprintf("Embedded Kafka at %s keeps its log in %s.\n"+
		"It survives crashes of this process, on this one disk: nothing is replicated, and the whole log is\n"+
		"loaded into memory at start. Do not point other applications at it. In production, use Kafka 3 or\n"+
		"newer or Redpanda: --kafka BROKERS.", b.addr, b.dataDir)
}

// dirSize returns the bytes of all files below dir.
func dirSize(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		return nil
	})
	return total, err
}

// brokerLogger passes on what the broker has to complain about.
type brokerLogger struct{ logger *slog.Logger }

func (l brokerLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
	case kfake.LogLevelWarn:
		to = slog.LevelWarn
	}
	if ctx := context.Background(); l.logger.Enabled(ctx, to) {
		l.logger.Log(ctx, to, "embedded broker", "message", fmt.Sprintf(format, args...))
	}
}
