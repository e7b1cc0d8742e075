package kafkalog_test

import (
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// A Kafka tells its version and its clock; the embedded broker has no clock of
// its own.
func TestClusterTellsOfItself(t *testing.T) {
	for name, addr := range map[string]string{"embedded": startBroker(t, broker.Options{}).Addr(), "kafka": startKafka(t).Addr()} {
		c, err := open(t, kafkalog.Config{Brokers: []string{addr}}).Cluster(t.Context())
		if err != nil || c.ID == "" || c.Brokers != 1 || c.Version == "" {
			t.Errorf("%s: %+v: %v", name, c, err)
		}
		if told := !c.Clock.IsZero(); told != (name == "kafka") {
			t.Errorf("%s: clock %s", name, c.Clock)
		} else if told && (c.Clock.Before(c.Asked.Add(-time.Minute)) || c.Clock.After(c.Answered.Add(time.Minute))) {
			t.Errorf("%s: the clock of this machine said %s between %s and %s", name, c.Clock, c.Asked, c.Answered)
		}
		t.Logf("%s: %+v", name, c)
	}
}
