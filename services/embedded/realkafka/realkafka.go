// Package realkafka runs Apache Kafka itself, one KRaft node on loopback, for
// tests and campaigns.
//
// Kafka comes from its Maven artifacts, fetched once into the user's cache
// directory and checked against the hashes in jars.sha256. It runs on the
// machine's own Java, and dies with its parent.
package realkafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/embedded/internal/child"
)

const (
	startPatience = 90 * time.Second
	stopPatience  = 30 * time.Second
)

// Options configures a Broker.
type Options struct {
	// DataDir holds the log, the settings and the ports. A directory used
	// before is continued.
	DataDir string
	// Port is the port on 127.0.0.1; 0 chooses a free one, or continues with
	// that of the directory.
	Port int
	// Heap is the JVM's heap, as in -Xmx; empty means 512m.
	Heap string
	// Settings are added to the server's properties.
	Settings map[string]string
	// Gates are further ways in, each with a name of its own for the node.
	Gates []Gate
}

// Gate is a further listener on 127.0.0.1. Whoever comes through it is told to
// come back to another address, where somebody stands in between.
type Gate struct {
	// Port is on 127.0.0.1; Advertised is the host:port that clients are told.
	Port       int
	Advertised string
}

// Broker is a Kafka node, running or not.
type Broker struct {
	opts    Options
	lib     string
	java    string
	ports   ports
	process *child.Process
}

// ports are kept in the data directory: the node's identity in its quorum
// contains them.
type ports struct {
	Broker     int `json:"broker"`
	Controller int `json:"controller"`
}

// Start formats the data directory if it is new, starts the node and waits
// until it serves. Ending ctx later does not stop the node.
func Start(ctx context.Context, opts Options) (*Broker, error) {
	if opts.DataDir == "" {
		return nil, errors.New("start kafka: data_dir: must be set")
	}
	if opts.Heap == "" {
		opts.Heap = "512m"
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("start kafka: %w: java is not installed: install a Java runtime, 17 or newer", ErrUnavailable)
	}
	lib, err := libraries(ctx)
	if err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	b := &Broker{opts: opts, lib: lib, java: java}
	if b.opts.DataDir, err = filepath.Abs(opts.DataDir); err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	if err := b.prepare(ctx); err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	if err := b.Restart(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// prepare chooses ports, writes the properties and formats the storage.
func (b *Broker) prepare(ctx context.Context) error {
	if err := os.MkdirAll(b.opts.DataDir, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	if err := b.choosePorts(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(b.path("server.properties"), []byte(b.properties()), 0o600); err != nil {
		return fmt.Errorf("write properties: %w", err)
	}
	if _, err := os.Stat(b.path("data", "meta.properties")); err == nil {
		return nil
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("choose cluster id: %w", err)
	}
	id[0] &= 0x3f // an id must not begin with a hyphen
	cmd := exec.CommandContext(ctx, b.java, "-cp", filepath.Join(b.lib, "*"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id),
		"-c", b.path("server.properties"), "--standalone")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format storage: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (b *Broker) path(elem ...string) string {
	return filepath.Join(append([]string{b.opts.DataDir}, elem...)...)
}

func (b *Broker) choosePorts(ctx context.Context) error {
	raw, err := os.ReadFile(b.path("ports.json"))
	if err == nil {
		if err := json.Unmarshal(raw, &b.ports); err != nil {
			return fmt.Errorf("read ports: %w", err)
		}
		if b.opts.Port != 0 {
			b.ports.Broker = b.opts.Port
		}
		return nil
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("choose a port: %w", err)
		}
		defer func() { _ = listeners[i].Close() }()
	}
	b.ports = ports{Broker: b.opts.Port, Controller: listeners[1].Addr().(*net.TCPAddr).Port}
	if b.ports.Broker == 0 {
		b.ports.Broker = listeners[0].Addr().(*net.TCPAddr).Port
	}
	if raw, err = json.Marshal(b.ports); err != nil {
		return fmt.Errorf("write ports: %w", err)
	}
	if err := os.WriteFile(b.path("ports.json"), raw, 0o600); err != nil {
		return fmt.Errorf("write ports: %w", err)
	}
	return nil
}

func (b *Broker) properties() string {
	controller := "127.0.0.1:" + strconv.Itoa(b.ports.Controller)
	listeners := "PLAINTEXT://" + b.Addr() + ",CONTROLLER://" + controller
	advertised, protocols := listeners, "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	for i, g := range b.opts.Gates {
		name := "GATE" + strconv.Itoa(i)
		listeners += "," + name + "://127.0.0.1:" + strconv.Itoa(g.Port)
		advertised += "," + name + "://" + g.Advertised
		protocols += "," + name + ":PLAINTEXT"
	}
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.bootstrap.servers=" + controller,
		"listeners=" + listeners,
		"advertised.listeners=" + advertised,
		"listener.security.protocol.map=" + protocols,
		"inter.broker.listener.name=PLAINTEXT",
		"controller.listener.names=CONTROLLER",
		"log.dirs=" + b.path("data"),
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		"auto.create.topics.enable=false",
		// A killed node that comes back waits for its former self to expire.
		"broker.heartbeat.interval.ms=500",
		"broker.session.timeout.ms=3000",
	}
	for key, value := range b.opts.Settings {
		lines = append(lines, key+"="+value)
	}
	return strings.Join(lines, "\n") + "\n"
}

// Restart starts a stopped or killed node on the same data and port and waits
// until it serves.
func (b *Broker) Restart(ctx context.Context) error {
	// It lives until it is stopped, not until ctx ends.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), b.java, "-Xmx"+b.opts.Heap, "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError",
		"-cp", filepath.Join(b.lib, "*"), "kafka.Kafka", b.path("server.properties"))
	cmd.Dir = b.opts.DataDir
	process, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("start kafka: %w", err)
	}
	b.process = process
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := process.Await(ctx, b.serving); err != nil {
		process.Kill()
		return fmt.Errorf("start kafka on %s: %w", b.opts.DataDir, err)
	}
	return nil
}

// serving asks the broker whether it knows itself.
func (b *Broker) serving(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", b.Addr())
	if err != nil {
		return err
	}
	_ = conn.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DisableClientMetrics())
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	metadata, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	if len(metadata.Brokers) != 1 {
		return fmt.Errorf("metadata lists %d brokers", len(metadata.Brokers))
	}
	return nil
}

// Addr returns the host:port that clients connect to.
func (b *Broker) Addr() string { return "127.0.0.1:" + strconv.Itoa(b.ports.Broker) }

// Pid returns the process id of the running node.
func (b *Broker) Pid() int { return b.process.Pid() }

// Exited is closed when the present process has ended.
func (b *Broker) Exited() <-chan struct{} { return b.process.Exited() }

// Stop ends the node as an operator would.
func (b *Broker) Stop() { b.process.Stop(stopPatience) }

// Kill9 ends the node as a crash would.
func (b *Broker) Kill9() { b.process.Kill() }
