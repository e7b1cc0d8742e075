package kafkalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func TestConfigValidateNamesEveryProblem(t *testing.T) {
	err := kafkalog.Config{
		Brokers:  []string{"good:9092", "bad"},
		TLS:      kafkalog.TLS{Enabled: true, CAFile: "missing.pem", CertFile: "only.pem"},
		SASL:     kafkalog.SASL{Mechanism: "GSSAPI"},
		Producer: kafkalog.Producer{MaxBufferedBytes: -1, MaxBufferedRecords: -1, Linger: time.Hour, BrokenAfter: -1, CloseTimeout: -1},
	}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, path := range []string{
		"brokers[1]: ", "tls.ca_file: ", "tls.cert_file: ", "sasl.mechanism: ", "sasl.username: ", "sasl.password_file: ",
		"producer.max_buffered_bytes: ", "producer.max_buffered_records: ", "producer.linger: ", "producer.broken_after: ", "producer.close_timeout: ",
	} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q is missing from: %v", path, err)
		}
	}
	if strings.Contains(err.Error(), "brokers[0]") {
		t.Errorf("a good broker is complained about: %v", err)
	}
	for name, cfg := range map[string]kafkalog.Config{
		"brokers: ":        {},
		"tls.enabled: ":    {Brokers: []string{"b:1"}, TLS: kafkalog.TLS{ServerName: "kafka"}},
		"sasl.mechanism: ": {Brokers: []string{"b:1"}, SASL: kafkalog.SASL{Username: "u"}},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (kafkalog.Config{Brokers: []string{"b:9092"}}).Validate(); err != nil {
		t.Errorf("the least configuration: %v", err)
	}
}
