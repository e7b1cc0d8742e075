package admin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/api/admin"
)

func ask(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessSaysWhyNot(t *testing.T) {
	lag, last := errors.New("partition 2 is catching up: 7 records behind"), time.Now()
	h := admin.New(admin.Options{
		Checks: []admin.Check{{Name: "ledger", Ready: func() error { return lag }}}, Alive: func() time.Time { return last },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) }),
	})
	for _, path := range []string{"/readyz", "/startupz"} {
		if code, body := ask(h, path); code != 503 || !strings.Contains(body, "7 records behind") {
			t.Fatalf("%s: %d %s", path, code, body)
		}
	}
	if code, _ := ask(h, "/livez"); code != 200 {
		t.Fatalf("lag is no reason to restart: %d", code)
	}
	lag = nil
	if code, body := ask(h, "/readyz"); code != 200 || !strings.Contains(body, `"ledger":"ok"`) {
		t.Fatalf("ready: %d %s", code, body)
	}
	lag = errors.New("behind again")
	if code, _ := ask(h, "/startupz"); code != 200 {
		t.Fatalf("a started process stays started: %d", code)
	}
	last = time.Now().Add(-time.Hour)
	if code, body := ask(h, "/livez"); code != 503 || !strings.Contains(body, "loop") {
		t.Fatalf("stuck: %d %s", code, body)
	}
	if code, body := ask(h, "/metrics"); code != 200 || body != "metrics" {
		t.Fatalf("metrics: %d %s", code, body)
	}
	if code, _ := ask(h, "/debug/pprof/"); code != 404 {
		t.Fatalf("profiling is off by default: %d", code)
	}
}
