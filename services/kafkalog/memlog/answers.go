package memlog

import "sync"

// answerQueue calls functions one after the other in a goroutine of its own.
// It never blocks who adds to it, so an answer may append again.
type answerQueue struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

func (q *answerQueue) add(answer func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, answer)
	if !q.running {
		q.running = true
		go q.run()
	}
}

func (q *answerQueue) run() {
	for {
		q.mu.Lock()
		batch := q.waiting
		q.waiting = nil
		q.running = len(batch) > 0
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, answer := range batch {
			answer()
		}
	}
}
