package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// task is one place to read.
type task struct {
	URL        string         `json:"url"`
	ReceivedAt ledger.Instant `json:"received_at"`
	TraceID    string         `json:"trace_id,omitempty"`
	// Tries is how often the source refused to show it.
	Tries int `json:"tries,omitempty"`

	begun bool // being read; not kept
}

// todo is what is still to be read, in the order in which it is tried.
type todo struct {
	Format int    `json:"format"`
	Tasks  []task `json:"tasks"`
}

const todoFormat = 1

// errTodo is the identity of a list that cannot be read.
var errTodo = errors.New("the list of what is to be read is of another version")

func decodeTodo(raw []byte) (todo, error) {
	var t todo
	if len(raw) == 0 {
		return todo{Format: todoFormat}, nil
	}
	if err := json.Unmarshal(raw, &t); err != nil || t.Format != todoFormat {
		return todo{}, errTodo
	}
	return t, nil
}

func (t *todo) encode() ([]byte, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode what is to be read: %w", err)
	}
	return b, nil
}

// with adds a task. A place that waits already is read once, and then shows
// what either delivery meant; one that is being read is read again.
func (t *todo) with(n task) (todo, bool) {
	if slices.ContainsFunc(t.Tasks, func(x task) bool { return x.URL == n.URL && !x.begun }) {
		return *t, false
	}
	return todo{Format: todoFormat, Tasks: append(slices.Clone(t.Tasks), n)}, true
}

// without removes the task that is being read.
func (t *todo) without() todo {
	return todo{Format: todoFormat, Tasks: slices.DeleteFunc(slices.Clone(t.Tasks), func(x task) bool { return x.begun })}
}

// behind moves the task that was being read behind the others.
func (t *todo) behind(tries int) todo {
	out := t.without()
	for _, x := range t.Tasks {
		if x.begun {
			x.begun, x.Tries = false, x.Tries+tries
			out.Tasks = append(out.Tasks, x)
		}
	}
	return out
}
