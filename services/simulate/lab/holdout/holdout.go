// Package holdout names the faults and seeds that no rule was tuned on. They are
// played and reported apart, and no target is set for them: what is asked is what
// rules find that were written without them.
package holdout

import "github.com/orderledger/orderledger/services/simulate/shop"

// Faults lists the classes.
func Faults() []shop.Fault {
	return []shop.Fault{shop.RefundTwice, shop.ShippedUnpaid, shop.DeliveredAfterCancel}
}

// Seeds lists the seeds.
func Seeds() []uint64 { return []uint64{900_001, 900_007, 900_019, 900_037, 900_061} }
