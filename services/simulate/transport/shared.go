package transport

import (
	"sync"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Shared is a World that several goroutines may use.
type Shared struct {
	mu    sync.Mutex
	world *shop.World
}

// Share wraps a World. Nobody else may use it afterwards.
func Share(w *shop.World) *Shared { return &Shared{world: w} }

// Due is World.Due.
func (s *Shared) Due(to time.Time) []*shop.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Due(to)
}

// Next is World.Next.
func (s *Shared) Next() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Next()
}

// List is World.List.
func (s *Shared) List(q shop.Query) (shop.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.List(q)
}

// Newest is World.Newest.
func (s *Shared) Newest(q shop.Newest) (shop.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Newest(q)
}

// Silent is World.Silent.
func (s *Shared) Silent(source string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Silent(source, at)
}

// Truth is World.Truth.
func (s *Shared) Truth(to, listening time.Time, t truth.Timing) (*truth.Truth, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Truth(to, listening, t)
}

// Config is World.Config.
func (s *Shared) Config() shop.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Config()
}
