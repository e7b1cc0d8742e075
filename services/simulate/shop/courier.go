package shop

import (
	"fmt"
	"time"
)

// trackingPerOrder is how many tracking numbers are set aside for one order.
const trackingPerOrder = 4

// scanned is what the courier says of a parcel. It knows its own number alone.
type scanned struct {
	Number  string `json:"number"`
	State   string `json:"state"`
	Updated string `json:"updated_at"`
}

// courierEvent is one event of the courier.
type courierEvent struct {
	ID     string  `json:"id"`
	Type   string  `json:"type"`
	Parcel scanned `json:"parcel"`
}

// courierLayout is how the courier writes its stamps.
const courierLayout = "2006-01-02T15:04:05.000Z"

// tracking is the courier's number of that serial. A courier that has used all
// of its numbers begins anew.
func (c *Config) tracking(serial int) string {
	if c.TrackingNumbers > 0 {
		serial %= c.TrackingNumbers
	}
	return fmt.Sprintf("PB%07d%07d", c.Opening.Unix()%10_000_000, serial)
}

// nextTracking takes the next tracking number of those set aside.
func (l *life) nextTracking() string {
	l.labels++
	return l.cfg.tracking(l.index*trackingPerOrder + l.labels - 1)
}

// scan lets the courier tell where a parcel is.
func (l *life) scan(at time.Time, n int, state string) time.Time {
	p := &l.parcels[n]
	if p.scans == nil {
		p.scans = l.newDoc(Parcels, l.rowID())
	}
	e := courierEvent{ID: fmt.Sprintf("scan_%016x", l.rng.Uint64()), Type: "parcel.updated", Parcel: scanned{Number: p.tracking, State: state}}
	at = p.scans.write(at, func(at time.Time) any {
		e.Parcel.Updated = at.Add(l.cfg.Skew.Courier).UTC().Format(courierLayout)
		return e
	})
	l.actions++
	l.send(l.cfg.Sources.Courier, e.Type, at, e)
	return at
}
