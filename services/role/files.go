package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/file"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/logsink"
)

// importers binds the sources whose files are watched.
func (b *edgeBuilder) importers() ([]*file.Importer, error) {
	var out []*file.Importer
	var errs []error
	for i := range b.s.Config.Sources {
		src := &b.s.Config.Sources[i]
		if len(src.Files.Paths) == 0 {
			continue
		}
		sys, err := b.opt.Catalog.System(src.System)
		if err != nil {
			continue // bind says so
		}
		im, err := file.New(file.Options{
			Source: src, System: sys, HashKey: b.hashKey, Covers: src.Files.Covers, Growing: true,
			Sink: b.sink, Store: b.sink, Clock: b.opt.Clock, Logger: b.s.Logger, Observer: b.opt.Observer,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d] (%s): %w", i, src.Name, err))
			continue
		}
		out = append(out, im)
	}
	return out, errors.Join(errs...)
}

// ImportOptions say what is imported.
type ImportOptions struct {
	// Source is a configured one; Paths are files, folders and patterns.
	Source string
	Paths  []string
	Covers *connector.Covers
	// Follow goes on reading what is added, until the context ends.
	Follow bool
	Report func(file.Progress)
	// SaveEvery is how often the cursor is saved; 0 means file.DefaultSaveEvery.
	SaveEvery time.Duration
}

// Import reads files into the log of a running instance, or of one that is
// stopped. It takes the configuration of that instance.
func Import(ctx context.Context, cfg *config.Config, o ImportOptions, logger *slog.Logger) (file.Summary, error) {
	var sum file.Summary
	src, err := sourceNamed(cfg, o.Source)
	if err != nil {
		return sum, err
	}
	cat, err := BoundCatalog(cfg)
	if err != nil {
		return sum, err
	}
	sys, err := cat.System(src.System)
	if err != nil {
		return sum, err
	}
	hashKey, err := hashKeyOf(cfg)
	if err != nil {
		return sum, err
	}
	s, err := reachStack(ctx, cfg, logger)
	if err != nil {
		return sum, err
	}
	defer s.Close()
	sink := logsink.New(s.Log, s.Codec)
	im, err := file.New(file.Options{
		Source: src, System: sys, Paths: o.Paths, HashKey: hashKey, Covers: o.Covers, Growing: o.Follow, SaveEvery: o.SaveEvery,
		Sink: sink, Store: sink, Clock: connector.SystemClock{}, Logger: logger, Report: o.Report,
	})
	if err != nil {
		return sum, err
	}
	if o.Follow {
		return sum, im.Run(ctx)
	}
	return im.Pass(ctx)
}

func sourceNamed(cfg *config.Config, name string) (*connector.Source, error) {
	var known []string
	for i := range cfg.Sources {
		if cfg.Sources[i].Name == name {
			return &cfg.Sources[i], nil
		}
		known = append(known, cfg.Sources[i].Name)
	}
	return nil, fmt.Errorf("source %q is not configured; name the instance's configuration with --config (it knows %q)", name, known)
}

// reachStack opens the log of an instance: the configured Kafka, the embedded
// broker of the running process that the endpoints file names, or else the
// embedded log of a stopped one.
func reachStack(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*Stack, error) {
	return ensured(ctx)(Reach(ctx, cfg, logger))
}

// Reach connects to the log of an instance, as it is: topics are neither made
// nor verified.
func Reach(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*Stack, error) {
	if !cfg.Embedded() {
		return connectStack(ctx, cfg, "", logger)
	}
	addr := runningBroker(ctx, cfg.EndpointsFile)
	switch {
	case addr != "":
		return joinEmbedded(ctx, cfg, addr, logger)
	case cfg.DataDir == "":
		return nil, errors.New("no instance is running: start one with `orderledger dev`, name its endpoints file with --endpoints-file, a Kafka with --kafka, or the directory of a stopped instance with --data")
	default:
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("create data_dir: %w", err)
		}
		return connectStack(ctx, cfg, "", logger)
	}
}

// runningBroker is the address of the broker that an endpoints file names, empty
// if nobody answers there.
func runningBroker(ctx context.Context, name string) string {
	e, err := ReadEndpoints(name)
	if err != nil || e.Kafka == "" {
		return ""
	}
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", e.Kafka)
	if err != nil {
		return ""
	}
	_ = conn.Close()
	return e.Kafka
}

// joinEmbedded connects to the embedded broker of another process. What the
// topics of any other Kafka must be is not known without its configuration.
func joinEmbedded(ctx context.Context, cfg *config.Config, addr string, logger *slog.Logger) (*Stack, error) {
	s, err := connectStack(ctx, cfg, addr, logger)
	if err != nil {
		return nil, err
	}
	c, err := s.Log.Cluster(ctx)
	if err == nil && c.ID != broker.ClusterID {
		err = fmt.Errorf("the running instance uses the Kafka at %s: name its configuration with --config, or that Kafka with --kafka and --partitions", addr)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
