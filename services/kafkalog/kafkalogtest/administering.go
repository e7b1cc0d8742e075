package kafkalogtest

import (
	"errors"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func ensureTopicsIsRepeatable(b *bench) {
	specs := []kafkalog.TopicSpec{Spec(b.prefix+".a", 1), Spec(b.prefix+".b", 3)}
	ids, err := b.journal.EnsureTopics(b.ctx, specs, kafkalog.EnsureOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if ids[specs[0].Name] == ids[specs[1].Name] || ids[specs[0].Name] == (kafkalog.TopicID{}) {
		b.Errorf("topic ids %v", ids)
	}
	again, err := b.journal.EnsureTopics(b.ctx, specs, kafkalog.EnsureOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for name, id := range ids {
		if again[name] != id {
			b.Errorf("topic %s changed its id", name)
		}
		if asked, err := b.journal.TopicID(b.ctx, name); err != nil || asked != id {
			b.Errorf("TopicID(%s) = %v, %v", name, asked, err)
		}
	}
}

func ensureTopicsRefuses(b *bench) {
	topic := b.topic(2)
	wanted := Spec(topic, 3)
	wanted.MaxMessageBytes = 8 << 20
	_, err := b.journal.EnsureTopics(b.ctx, []kafkalog.TopicSpec{wanted}, kafkalog.EnsureOptions{})
	if !errors.Is(err, kafkalog.ErrUnsafeTopic) {
		b.Fatalf("got %v", err)
	}
	for _, part := range []string{topic, "partitions is 2, wanted 3", "max.message.bytes is 1048576, wanted at least 8388608", kafkalog.OverrideFlag} {
		if !strings.Contains(err.Error(), part) {
			b.Errorf("the refusal does not say %q: %v", part, err)
		}
	}
	_, err = b.journal.EnsureTopics(b.ctx, []kafkalog.TopicSpec{wanted}, kafkalog.EnsureOptions{AllowUnsafe: true})
	if !errors.Is(err, kafkalog.ErrUnsafeTopic) || strings.Contains(err.Error(), "max.message.bytes") {
		b.Errorf("overridden, the refusal should be of the partitions alone: %v", err)
	}
	wanted.Partitions = 2
	if _, err = b.journal.EnsureTopics(b.ctx, []kafkalog.TopicSpec{wanted}, kafkalog.EnsureOptions{AllowUnsafe: true}); err != nil {
		b.Errorf("overridden: %v", err)
	}
}

func ownershipIsShared(b *bench) {
	topic := b.topic(4)
	join := func() (kafkalog.Ownership, chan []int32) {
		b.Helper()
		changes := make(chan []int32, 100)
		o, err := b.journal.NewOwnership(kafkalog.OwnershipOptions{
			Group: b.prefix, Topic: topic, OnChange: func(owned []int32) { changes <- owned },
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(o.Close)
		return o, changes
	}
	await := func(changes chan []int32, n int) []int32 {
		b.Helper()
		for {
			select {
			case owned := <-changes:
				if len(owned) == n {
					return owned
				}
			case <-b.ctx.Done():
				b.Fatalf("waiting for %d owned partitions: %v", n, b.ctx.Err())
			}
		}
	}
	first, firstChanges := join()
	if owned := await(firstChanges, 4); !slices.Equal(owned, []int32{0, 1, 2, 3}) || !slices.Equal(first.Owned(), owned) {
		b.Fatalf("alone it owns %v", owned)
	}
	second, secondChanges := join()
	await(firstChanges, 2)
	await(secondChanges, 2)
	both := append(first.Owned(), second.Owned()...)
	slices.Sort(both)
	if !slices.Equal(both, []int32{0, 1, 2, 3}) {
		b.Errorf("together they own %v", both)
	}
	second.Close()
	await(firstChanges, 4)
}
