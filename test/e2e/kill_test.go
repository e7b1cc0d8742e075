package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// killing is a process under fire.
type killing struct {
	t    *testing.T
	dev  *dev
	shop *neighbourhood
	rng  *rand.Rand
}

// newKilling prepares a process on the embedded engines, or on a Kafka.
func newKilling(t *testing.T, orders int, kafka string) *killing {
	t.Helper()
	port := freePort(t)
	n := newNeighbourhood(t, orders, port)
	more := fmt.Sprintf("listen: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:%d, kafka_port: 0, schema_registry_port: 0}\nclickhouse: {native_port: 0, http_port: 0}\n", port)
	if kafka != "" {
		more += "kafka: {brokers: [" + kafka + "]}\n"
	}
	return &killing{t: t, dev: newDev(t, t.TempDir(), n.sources, more), shop: n, rng: rand.New(rand.NewPCG(4, 2))}
}

// run sends everything while the process is killed again and again, then ends
// it properly.
func (k *killing) run(kills int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.shop.send(k.t.Context())
	}()
	// Leave some of the webhooks for the process that lives on.
	share := max(1, len(k.shop.deliveries)*8/10/kills)
	for i := range kills {
		k.dev.start()
		k.progress(i, share, done)
		k.dev.kill()
	}
	k.dev.start()
	k.dev.ready()
	<-done
	k.dev.settled()
	k.dev.stop()
	k.t.Logf("%d webhooks acknowledged through %d kills; attempts without: %v", k.shop.count(), kills, k.shop.refusals)
}

// progress waits for what precedes a kill: some acknowledgements, and by turns
// nothing else, rows in ClickHouse, or the first sign of life alone.
func (k *killing) progress(i, share int, done <-chan struct{}) {
	k.t.Helper()
	more := 1 + k.rng.IntN(2*share-1)
	switch i % 4 {
	case 3: // as soon as it listens: everything else is still starting
		k.dev.ready()
	case 1: // in the middle of filling ClickHouse
		k.dev.ready()
		before := k.rows()
		k.shop.reach(k.shop.count()+more, done)
		await(k.t, 60*time.Second, func() error {
			n := k.rows()
			if n != before && n != "0" && n != "" {
				return nil
			}
			select {
			case <-done: // all was sent, and may have been there before
				return nil
			default:
				return yet("ClickHouse holds %s rows", n)
			}
		})
	default:
		k.shop.reach(k.shop.count()+more, done)
	}
}

// rows asks ClickHouse how many rows of history it holds; empty before there
// is a table.
func (k *killing) rows() string {
	n, _ := ask(k.dev.ends.ClickHouseHTTP, "SELECT count() FROM events")
	return n
}

// TestTwentyKillsLoseNothing: `dev` on its embedded engines, killed with -9
// twenty times while senders retry and pollers poll.
func TestTwentyKillsLoseNothing(t *testing.T) {
	k := newKilling(t, 80, "")
	k.run(20)
	examine(t, k, "")
}

// TestKillsOverKafkaLoseNothing: the same over a Kafka outside the process.
func TestKillsOverKafkaLoseNothing(t *testing.T) {
	b := startKafka(t)
	k := newKilling(t, 30, b.Addr())
	k.run(5)
	examine(t, k, b.Addr())
}
