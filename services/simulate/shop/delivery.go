package shop

import (
	"encoding/json"
	"fmt"
	"time"
)

// Delivery is one webhook to be sent.
type Delivery struct {
	// Source is the configured name of the system that sends it.
	Source string
	Topic  string
	// ID is the delivery's own id, the same for every attempt and copy.
	ID string
	// Action is the id that all topics of one change share.
	Action string
	// Order is the key of the order it speaks about.
	Order string
	// Triggered is when the change happened, Send when the webhook leaves.
	Triggered time.Time
	Send      time.Time
	// Place is what the webhook names instead of carrying it: a path and query
	// below the address at which its source answers. "" where it carries it.
	Place string

	seq  int // breaks ties, in order of making
	body any
}

// Body returns the bytes to send: the document as it was when the webhook was
// triggered, however late it leaves. Of one that names a place, base is the
// address at which its source answers.
func (d *Delivery) Body(base string) ([]byte, error) {
	if d.Place != "" {
		return encode(notice{URL: base + d.Place, Type: d.Topic})
	}
	return encode(d.body)
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return b, nil
}

// before orders deliveries by when they leave.
func (d *Delivery) before(e *Delivery) bool {
	if !d.Send.Equal(e.Send) {
		return d.Send.Before(e.Send)
	}
	return d.seq < e.seq
}

// queue is a heap of deliveries.
type queue []*Delivery

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].before(q[j]) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*Delivery)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return d
}
