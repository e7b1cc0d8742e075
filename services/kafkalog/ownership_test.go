package kafkalog_test

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

func TestStaticMemberFindsItsPartitionsAgain(t *testing.T) {
	addr := startBroker(t, broker.Options{}).Addr()
	l := open(t, kafkalog.Config{Brokers: []string{addr}})
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
	if ids := instances(t, addr, "g"); !slices.Equal(ids, []string{"ledger-0", "ledger-1"}) {
		t.Errorf("after the first member closed the group holds %v, wanted its place kept", ids)
	}
	again, _ := join("ledger-0")
	await(t, "the restarted member to own two", func() bool { return len(again.Owned()) == 2 })
	if owned := again.Owned(); !slices.Equal(owned, before) {
		t.Errorf("after the restart it owns %v, before %v", owned, before)
	}
	if len(secondChanges) > 0 {
		t.Errorf("the restart moved partitions of the other member: %v", <-secondChanges)
	}
}

// instances returns the instance ids of a group's members, sorted.
func instances(t *testing.T, addr, group string) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	groups, err := kadm.NewClient(client).DescribeGroups(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, member := range groups[group].Members {
		id := "(dynamic)"
		if member.InstanceID != nil {
			id = *member.InstanceID
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
