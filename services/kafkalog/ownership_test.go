package kafkalog_test

import (
	"slices"
	"testing"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

func TestStaticMemberFindsItsPartitionsAgain(t *testing.T) {
	l := open(t, kafkalog.Config{Brokers: []string{startBroker(t, broker.Options{}).Addr()}})
	ensure(t, l, kafkalogtest.Spec("t", 4))
	join := func(id string) (kafkalog.Ownership, chan []int32) {
		t.Helper()
		changes := make(chan []int32, 100)
		o, err := l.NewOwnership(kafkalog.OwnershipOptions{
			Group: "g", InstanceID: id, Topic: "t", OnChange: func(owned []int32) { changes <- owned },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.Close)
		return o, changes
	}
	first, _ := join("ledger-0")
	await(t, "the first member to own everything", func() bool { return len(first.Owned()) == 4 })
	second, secondChanges := join("ledger-1")
	await(t, "both to own two", func() bool { return len(first.Owned()) == 2 && len(second.Owned()) == 2 })
	before := first.Owned()
	for len(secondChanges) > 0 {
		<-secondChanges
	}
	first.Close()
	again, _ := join("ledger-0")
	await(t, "the restarted member to own two", func() bool { return len(again.Owned()) == 2 })
	if owned := again.Owned(); !slices.Equal(owned, before) {
		t.Errorf("after the restart it owns %v, before %v", owned, before)
	}
	if len(secondChanges) > 0 {
		t.Errorf("the restart moved partitions of the other member: %v", <-secondChanges)
	}
}
