package simulatetest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/simulatetest"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// TestAnyOrderOfArrivalGivesTheSameScore: five systems know an order by five
// names, and whatever arrives first, however long webhooks are under way, and
// wherever partitions stop, crash and send again, every fault is found and
// nothing else is claimed; live, and as a backlog of twenty minutes in one heap.
func TestAnyOrderOfArrivalGivesTheSameScore(t *testing.T) {
	orders := 6 * len(shop.OrderFaults()) // each happens once
	for seed := range uint64(4) {
		from := opening
		if seed%2 == 1 {
			from = opening.Add(20 * time.Minute)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cfg := shop.Config{Seed: 40 + seed, Orders: orders, Every: 8 * time.Second, Injections: shop.Spread(shop.OrderFaults(), orders)}
			l, tr, end := heard(t, cfg, from, func(c *simulatetest.Config) {
				c.Shuffle, c.Hold = rand.New(rand.NewPCG(seed, 7)), 4*time.Minute
			})
			card := truth.Score(tr, l.Claims(), end)
			var table strings.Builder
			if err := card.Write(&table); err != nil {
				t.Fatal(err)
			}
			if !card.Complete() || len(card.Counts) != len(shop.OrderFaults()) || card.Healthy != orders-len(shop.OrderFaults()) {
				t.Error(table.String())
			}
		})
	}
}
