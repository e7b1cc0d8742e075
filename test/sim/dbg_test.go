package sim

import (
	"os"
	"strconv"
	"testing"
)

func TestDbg(t *testing.T) {
	s, _ := NewShop()
	n, _ := strconv.Atoi(os.Getenv("SEED"))
	cfg := Draw(uint64(n))
	cfg.Trace = os.Stdout
	r := newRun(s, cfg)
	r.play()
	r.examine()
	t.Log(r.failures)
}
