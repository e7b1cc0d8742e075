package kafkalog_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func TestPartitionForAgreesWithTheJavaClient(t *testing.T) {
	// Known answers of the Java client's murmur2, as partitions of 2^31-1.
	known := map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971}
	const most = 1<<31 - 1
	for key, hash := range known {
		if got, want := kafkalog.PartitionFor([]byte(key), most), (hash&0x7fffffff)%most; got != want {
			t.Errorf("PartitionFor(%q) = %d, wanted %d", key, got, want)
		}
	}
	partition := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for i := range 2000 {
		key := fmt.Appendf(nil, "shopify-eu~%0*d", i%40, i)
		for _, n := range []int32{1, 4, 24} {
			if got, want := kafkalog.PartitionFor(key, n), int32(partition.Partition(&kgo.Record{Key: key}, int(n))); got != want {
				t.Fatalf("PartitionFor(%q, %d) = %d, the client says %d", key, n, got, want)
			}
		}
	}
	if got := kafkalog.PartitionFor(nil, 24); got != kafkalog.PartitionFor([]byte{}, 24) {
		t.Errorf("no key is in partition %d, unlike the empty key", got)
	}
}
