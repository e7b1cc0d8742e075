package e2e_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/doctor"
	"github.com/orderledger/orderledger/services/role"
)

// TestDoctorOnKafka: brokers, their clock and the topics of a real Kafka.
func TestDoctorOnKafka(t *testing.T) {
	s := reach(t, t.TempDir(), startKafka(t).Addr())
	results := func() map[string]doctor.Result {
		t.Helper()
		list, err := doctor.Run(t.Context(), doctor.Options{Config: s.Config, Version: "test", Logger: quiet(t)})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]doctor.Result{}
		for _, r := range list {
			out[r.Check] = r
		}
		return out
	}
	got := results()
	if r := got["kafka"]; r.Status != doctor.Warn || !strings.Contains(r.Detail, "1 brokers, v4.") || !strings.Contains(r.Remedy, "replication to 3") {
		t.Errorf("%+v", r)
	}
	if r := got["kafka.clock"]; r.Status != doctor.OK {
		t.Errorf("%+v", r)
	}
	if r := got["kafka.topics"]; r.Status != doctor.Warn {
		t.Errorf("%+v", r)
	}
	if _, err := role.ApplyTopics(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if r := results()["kafka.topics"]; r.Status != doctor.OK {
		t.Errorf("%+v", r)
	}
}
