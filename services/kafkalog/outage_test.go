package kafkalog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

// outage is an embedded broker that goes away and comes back at the same port.
type outage struct {
	t      *testing.T
	opts   broker.Options
	broker *broker.Broker
}

func newOutage(t *testing.T) *outage {
	o := &outage{t: t, opts: broker.Options{DataDir: t.TempDir()}}
	o.broker = startBroker(t, o.opts)
	_, port, err := net.SplitHostPort(o.broker.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if o.opts.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *outage) begin() { o.broker.Close() }
func (o *outage) end()   { o.broker = startBroker(o.t, o.opts) }

func ensure(t *testing.T, l kafkalog.Admin, specs ...kafkalog.TopicSpec) {
	t.Helper()
	if _, err := l.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
}

// await polls a condition that depends on the client's own retries.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestOutageLeavesAppendsUndecidedNotLost(t *testing.T) {
	o := newOutage(t)
	l := open(t, kafkalog.Config{Brokers: []string{o.broker.Addr()}, Producer: kafkalog.Producer{BrokenAfter: 100 * time.Millisecond}})
	ensure(t, l, kafkalogtest.Spec("t", 1))
	if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: []byte("before")}); err != nil {
		t.Fatal(err)
	}
	o.begin()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := l.Append(ctx, kafkalog.Record{Topic: "t", Value: []byte("during")})
	if !errors.Is(err, kafkalog.ErrUndecided) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("append during the outage: %v", err)
	}
	if since, broken := l.Broken(); !broken || since.Before(start) || time.Since(since) > 5*time.Second {
		t.Errorf("broken: %v since %v, appended at %v", broken, since, start)
	}
	o.end()
	await(t, "the end of the outage", func() bool { _, broken := l.Broken(); return !broken })
	records, err := kafkalog.ReadRange(t.Context(), l, kafkalog.Position{Topic: "t"}, 10)
	if err != nil || len(records) != 2 || string(records[1].Value) != "during" {
		t.Errorf("the undecided record did not land: %d records, %v", len(records), err)
	}
}

func TestBackPressureIsImmediate(t *testing.T) {
	o := newOutage(t)
	l := open(t, kafkalog.Config{Brokers: []string{o.broker.Addr()}, Producer: kafkalog.Producer{
		MaxBufferedRecords: 5, CloseTimeout: time.Millisecond,
	}})
	ensure(t, l, kafkalogtest.Spec("t", 1))
	o.begin()
	answers := make(chan error, 5)
	for range 5 {
		l.AppendAsync(kafkalog.Record{Topic: "t"}, func(_ kafkalog.Position, err error) { answers <- err })
	}
	start := time.Now()
	if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t"}); !errors.Is(err, kafkalog.ErrBackPressure) {
		t.Errorf("append with a full buffer: %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("back-pressure took %v", took)
	}
	l.Close()
	for range 5 {
		if err := <-answers; !errors.Is(err, kafkalog.ErrUndecided) {
			t.Errorf("a record without answer at Close: %v", err)
		}
	}
}

func TestReaderAndProducerOutliveTheBroker(t *testing.T) {
	o := newOutage(t)
	l := open(t, kafkalog.Config{Brokers: []string{o.broker.Addr()}})
	ensure(t, l, kafkalogtest.Spec("t", 1))
	survives(t, l, func() { o.begin(); o.end() })
}

func TestReaderAndProducerOutliveAKilledKafka(t *testing.T) {
	kafka := startKafka(t)
	l := open(t, kafkalog.Config{Brokers: []string{kafka.Addr()}})
	ensure(t, l, kafkalogtest.Spec("t", 1))
	survives(t, l, func() {
		kafka.Kill9()
		if err := kafka.Restart(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// survives appends throughout a crash and reads everything back with a reader
// that was there all the time: every answer must be true.
func survives(t *testing.T, l *kafkalog.Log, crash func()) {
	t.Helper()
	reader, err := l.NewReader(kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{"t": {0: 0}}})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	const before, after = 500, 500
	acked := make(map[int64]string)
	answers := make(chan struct{}, before+after)
	send := func(i int) {
		value := fmt.Sprint(i)
		l.AppendAsync(kafkalog.Record{Topic: "t", Value: []byte(value)}, func(at kafkalog.Position, err error) {
			if err != nil {
				t.Errorf("append %s: %v", value, err)
			}
			acked[at.Offset] = value
			answers <- struct{}{}
		})
	}
	for i := range before {
		send(i)
	}
	crash()
	for i := range after {
		send(before + i)
	}
	for range before + after {
		<-answers
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	missing := len(acked)
	for missing > 0 {
		batches, err := reader.Poll(ctx)
		if err != nil {
			t.Fatalf("poll with %d records to come: %v", missing, err)
		}
		for _, batch := range batches {
			for _, rec := range batch.Records {
				if want, ok := acked[rec.Offset]; ok {
					if want != string(rec.Value) {
						t.Fatalf("%v holds %s, acknowledged as %s", rec.Position(), rec.Value, want)
					}
					missing--
				}
			}
		}
	}
}
