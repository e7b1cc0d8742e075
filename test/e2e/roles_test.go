package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/test/ordeal"
)

// ledgerGroup is the group that replicas join which are told no other.
const ledgerGroup = role.DefaultGroup

// fleet is every role in a process of its own, over a Kafka and a ClickHouse
// that outlive them: a connector, two replicas of the ledger, and the API.
type fleet struct {
	t         *testing.T
	kafka     string
	admin     *kadm.Client
	shop      *neighbourhood
	connector *dev
	api       *dev
	a, b      *dev
	history   string // the data of ClickHouse
	close     func() // ends ClickHouse
	answers   *answers
}

func newFleet(t *testing.T, orders int) *fleet {
	t.Helper()
	f := &fleet{t: t, kafka: startKafka(t).Addr(), history: t.TempDir()}
	client, err := kgo.NewClient(kgo.SeedBrokers(f.kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f.admin = kadm.NewClient(client)
	// The embedded ClickHouse may end with a client that was killed; the product
	// starts it again, as here.
	where := loopback()
	where.DataDir, where.ClickHouse = f.history, config.ClickHouse{}
	history, err := role.OpenHistory(t.Context(), where, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.close = sync.OnceFunc(history.Close)
	t.Cleanup(f.close)
	port := freePort(t)
	f.shop = newNeighbourhood(t, orders, port)
	process := func(role string, webhooks int) *dev {
		d := newDev(t, t.TempDir(), f.shop.sources, fmt.Sprintf("partitions: %d\nlisten: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:%d}\n"+
			"kafka: {brokers: [%s]}\nclickhouse: {dsn: %q}\nledger: {session_timeout: 6s}\n", partitions, webhooks, f.kafka, "clickhouse://default@"+history.Native+"/default"))
		d.role = role
		return d
	}
	f.connector, f.api, f.a, f.b = process("connector", port), process("api", 0), process("ledger", 0), process("ledger", 0)
	return f
}

// start starts every role, and asks the API from then on.
func (f *fleet) start() {
	f.t.Helper()
	for _, d := range []*dev{f.a, f.b, f.api, f.connector} {
		d.start()
	}
	for _, d := range []*dev{f.a, f.b, f.api, f.connector} {
		d.ready()
		d.settled()
	}
	f.shares(partitions/2, partitions/2)
	f.answers = asking(f.t, f.api.ends.API)
}

// shares waits until the group's members hold so many partitions each.
func (f *fleet) shares(want ...int) {
	f.t.Helper()
	await(f.t, 40*time.Second, func() error {
		have, err := f.members()
		if err == nil && !slices.Equal(have, want) {
			err = yet("the members hold %v, wanted %v", have, want)
		}
		return err
	})
}

// members is how many partitions each member of the group holds, ascending.
func (f *fleet) members() (have []int, err error) {
	groups, err := f.admin.DescribeGroups(f.t.Context(), ledgerGroup)
	if err != nil {
		return nil, err
	}
	for _, m := range groups[ledgerGroup].Members {
		n := 0
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, topic := range a.Topics {
				n += len(topic.Partitions)
			}
		}
		have = append(have, n)
	}
	slices.Sort(have)
	return have, nil
}

// leaves stops a replica as a rolling restart does: it is gone from the group
// when it ends, not when its session does.
func (f *fleet) leaves(d *dev) {
	f.t.Helper()
	d.stop()
	if have, err := f.members(); err != nil || len(have) != 1 {
		f.t.Errorf("after SIGTERM the members hold %v, %v: the replica did not leave the group", have, err)
	}
}

// shipped waits until a replica owns everything, and has folded and shipped it.
func (f *fleet) shipped(d *dev) {
	f.t.Helper()
	await(f.t, 40*time.Second, func() error {
		for name, want := range map[string]float64{"partition_owned": 2 * partitions, "fold_lag_records": 0, "outbox_bytes": 0} {
			if got := d.metric(name); got != want {
				return yet("%s is %v, wanted %v", name, got, want)
			}
		}
		return nil
	})
}

// deliver sends a share of the webhooks in the background; the function it
// returns waits for the last acknowledgement.
func (f *fleet) deliver(some []*shop.Delivery) (wait func(), done <-chan struct{}) {
	f.shop.deliveries = some
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		f.shop.send(f.t.Context())
	}()
	return func() { <-ch }, ch
}

// during does something in the middle of a share of the webhooks, and returns
// when they are acknowledged.
func (f *fleet) during(some []*shop.Delivery, what func()) {
	f.t.Helper()
	before := f.shop.count()
	wait, done := f.deliver(some)
	f.shop.reach(before+len(some)/3, done)
	what()
	wait()
}

// answers is somebody who asks the API all the time.
type answers struct {
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	n       int
	applied map[int32]int64
	wrong   []string
}

// asking asks the API for orders, one question after the other: each is answered,
// says how fresh the answer is of every partition, and is not older than the one
// before.
func asking(t *testing.T, api string) *answers {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a := &answers{t: t, stop: cancel, done: make(chan struct{}), applied: map[int32]int64{}}
	go func() {
		defer close(a.done)
		for ctx.Err() == nil {
			err := a.ask(ctx, api)
			a.mu.Lock()
			if a.n++; err != nil && ctx.Err() == nil {
				a.wrong = append(a.wrong, err.Error())
			}
			a.mu.Unlock()
			pause(ctx, 20*time.Millisecond)
		}
	}()
	t.Cleanup(a.ended)
	return a
}

func (a *answers) ask(ctx context.Context, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/v1/orders?pageSize=1", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	var out fresh
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %d: %w", res.StatusCode, err)
	}
	if len(out.Freshness) != partitions {
		return fmt.Errorf("the answer says of %d partitions how fresh it is", len(out.Freshness))
	}
	for _, f := range out.Freshness {
		at, err := strconv.ParseInt(f.AppliedOffset, 10, 64)
		if err != nil || at < a.applied[f.Partition] {
			return fmt.Errorf("partition %d was applied to %d, and now to %q", f.Partition, a.applied[f.Partition], f.AppliedOffset)
		}
		a.applied[f.Partition] = at
	}
	return nil
}

// ended asks no more, and tells what went wrong meanwhile.
func (a *answers) ended() {
	a.stop()
	<-a.done
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.wrong) > 0 || a.n < 50 {
		a.t.Errorf("of %d questions %d were not answered: %v", a.n, len(a.wrong), a.wrong[:min(3, len(a.wrong))])
	}
	a.wrong = nil
}

// TestRolesInProcessesOfTheirOwn: while deliveries and polls go on, a replica of
// the ledger is killed with -9, both are restarted in turn, the connector is
// restarted, and a replica is frozen for longer than its session. The other
// carries on each time, the API answers throughout, and in the end every store is
// the replay of the log, and ClickHouse has every row once (I-1, I-18, I-19).
func TestRolesInProcessesOfTheirOwn(t *testing.T) {
	f := newFleet(t, 40)
	f.start()
	all := f.shop.deliveries
	share := func(i int) []*shop.Delivery { return all[len(all)*i/5 : len(all)*(i+1)/5] }

	f.during(share(0), func() {
		f.a.kill()
		f.shares(partitions) // the killed member leaves by its session timeout
	})
	f.shipped(f.b)

	f.a.start()
	f.a.ready()
	f.shares(partitions/2, partitions/2)
	f.during(share(1), func() { f.roll(f.a); f.roll(f.b) })

	f.during(share(2), func() {
		f.connector.stop()
		f.connector.start()
		f.connector.ready()
	})
	f.leaves(f.a)
	f.shares(partitions)
	f.shipped(f.b)
	f.told(ordeal.Exactly)
	f.a.start()
	f.a.ready()
	f.shares(partitions/2, partitions/2)

	f.during(share(3), func() { f.freeze(f.a) })
	f.acknowledge()
	f.during(share(4), func() {})
	f.finish()
	f.examine()
}

// acknowledge acts on an exception through the API, whose process owns nothing.
func (f *fleet) acknowledge() {
	f.t.Helper()
	var out struct {
		Exceptions []struct {
			ID      string
			Episode int
		}
	}
	url := f.api.ends.API + "/v1/exceptions"
	if a := do(f.t, http.MethodGet, url+"?pageSize=1", nil, nil); json.Unmarshal([]byte(a.Body), &out) != nil || len(out.Exceptions) != 1 {
		f.t.Fatalf("exceptions: %d %s", a.Code, a.Body)
	}
	x := out.Exceptions[0]
	a := do(f.t, http.MethodPost, url+"/"+x.ID+":acknowledge", strings.NewReader(fmt.Sprintf(`{"episode":%d,"actor":"operations"}`, x.Episode)),
		map[string]string{"Content-Type": "application/json"})
	if a.Code != http.StatusOK || !strings.Contains(a.Body, "OUTCOME_ACCEPTED") {
		f.t.Errorf("acknowledge: %d %s", a.Code, a.Body)
	}
}

// roll restarts a replica as a rollout does.
func (f *fleet) roll(d *dev) {
	f.t.Helper()
	f.leaves(d)
	f.shares(partitions)
	d.start()
	d.ready()
	d.settled()
	f.shares(partitions/2, partitions/2)
}

// freeze stops a replica's whole process until the group has given its
// partitions away, and lets it go on: it believes to own them, and is told.
func (f *fleet) freeze(d *dev) {
	f.t.Helper()
	if err := d.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	f.shares(partitions)
	before := f.shop.count()
	if err := d.Signal(syscall.SIGCONT); err != nil {
		f.t.Fatal(err)
	}
	f.t.Logf("frozen for its session: %d webhooks were acknowledged until it went on", before)
	f.shares(partitions/2, partitions/2)
}

// finish ends the roles when everything is folded and shipped.
func (f *fleet) finish() {
	f.t.Helper()
	f.answers.ended()
	f.connector.stop()
	f.leaves(f.a)
	f.shares(partitions)
	f.shipped(f.b)
	f.api.settled()
	f.b.stop()
	f.api.stop()
}

// examine holds ClickHouse and the stores of every replica to a single pass over
// the log.
func (f *fleet) examine() {
	f.t.Helper()
	f.told(ordeal.OrMore)
	f.close()
	x := ordeal.Open(f.t, ordeal.LogOptions{Kafka: f.kafka, Partitions: partitions}, f.history)
	for partition := range int32(partitions) {
		x.Partition(f.b.data(), partition, f.shop.acked)
		first := x.CaughtUp(f.b.data(), partition)
		for name, d := range map[string]*dev{"the other replica": f.a, "the API": f.api} {
			second := x.CaughtUp(d.data(), partition)
			if ordeal.Digest(f.t, first) != ordeal.Digest(f.t, second) {
				f.t.Errorf("partition %d: %s differs: %s", partition, name, ordeal.Difference(first, second))
			}
			if err := second.Close(); err != nil {
				f.t.Error(err)
			}
		}
		if err := first.Close(); err != nil {
			f.t.Error(err)
		}
	}
	x.Conserved(f.shop.acked)
	x.SameHistory()
	x.Covered()
}

// told checks that orders.exceptions.v1 tells every change in its order, and how
// often.
func (f *fleet) told(often ordeal.Repeats) {
	f.t.Helper()
	x := ordeal.OpenLog(f.t, ordeal.LogOptions{Kafka: f.kafka, Partitions: partitions})
	x.Exceptions(often)
}
