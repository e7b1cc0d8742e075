package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// Class is one class of faults that the lab can inject.
type Class struct {
	Fault shop.Fault
	// Rows are the catalogue's numbers of what it plays.
	Rows string
	// Run is how many orders in a row it happens to; 0 means 1.
	Run int
}

// Classes lists what is injected into orders by --faults all.
func Classes() []Class {
	return []Class{
		{Fault: shop.OrderNeverExported, Rows: "1"},
		{Fault: shop.ExportedLate, Rows: "1"},
		{Fault: shop.WebhookLost, Rows: "2"},
		{Fault: shop.WebhookDuplicated, Rows: "3"},
		{Fault: shop.WebhookRestamped, Rows: "4"},
		{Fault: shop.WebhookReordered, Rows: "5"},
		{Fault: shop.StaleAfterFresh, Rows: "6"},
		{Fault: shop.ExportThrottled, Rows: "7", Run: 5},
		{Fault: shop.StatusThrice, Rows: "9"},
		{Fault: shop.UnmappedStatus, Rows: "10"},
		{Fault: shop.ManualEditAfterImport, Rows: "12"},
		{Fault: shop.ERPRejection, Rows: "13"},
		{Fault: shop.BatchBlocked, Rows: "14", Run: 5},
		{Fault: shop.CronSkipped, Rows: "15", Run: 5},
		{Fault: shop.CronOverlap, Rows: "16"},
		{Fault: shop.CancelledButShipped, Rows: "19"},
		{Fault: shop.ReturnNotPropagated, Rows: "20"},
		{Fault: shop.CaptureNotPropagated, Rows: "21"},
		{Fault: shop.PaymentCallbackLost, Rows: "21"},
		{Fault: shop.ShippedButERPPending, Rows: "6"},
		{Fault: shop.ExportCreeps, Rows: "24", Run: 5},
		{Fault: shop.PaymentNamedLate, Rows: "·"},
		{Fault: shop.PaymentUnnamed, Rows: "·"},
		{Fault: shop.TrackingTwice, Rows: "·"},
		{Fault: shop.SourceSilent, Rows: "·"},
	}
}

// choose picks classes by name: "all", "none", or a list.
func choose(names []string) ([]Class, error) {
	var out []Class
	for _, name := range names {
		switch name {
		case "all":
			return Classes(), nil
		case "none", "":
			continue
		}
		at := slices.IndexFunc(Classes(), func(c Class) bool { return string(c.Fault) == name })
		if at < 0 {
			var known []string
			for _, c := range Classes() {
				known = append(known, string(c.Fault))
			}
			return nil, fmt.Errorf("--faults: %q is no class of faults; use all, none, or some of %s", name, strings.Join(known, ", "))
		}
		out = append(out, Classes()[at])
	}
	return out, nil
}

// inject spreads classes over so many of a thousand orders, each as often as the
// others, in runs where the class asks for them.
func inject(classes []Class, orders, permille int, rnd *rand.Rand) []shop.Injection {
	classes = slices.DeleteFunc(slices.Clone(classes), func(c Class) bool { return c.Fault == shop.SourceSilent })
	if len(classes) == 0 {
		return nil
	}
	var out []shop.Injection
	left := orders * permille / 1000
	order := rnd.Perm(len(classes))
	for at, k := 0, 0; left > 0; k++ {
		c := classes[order[k%len(order)]]
		run := max(1, c.Run)
		room := run + 1 // a twin needs a neighbour without a fault
		gap := max(0, orders*run/max(1, orders*permille/1000)-room)
		at += rnd.IntN(2*gap + 1)
		if at+room > orders {
			break
		}
		for i := range run {
			out = append(out, shop.Injection{Order: at + i, Fault: c.Fault})
		}
		at, left = at+room, left-run
	}
	return out
}
