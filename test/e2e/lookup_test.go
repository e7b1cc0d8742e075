package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/role"
)

// promptly is the shipped promise that the ERP hears of an order, in seconds.
const promptly = `groups:
- name: handoff
  rules:
  - rule: ingestion
    from: storefront.order == PLACED
    until: erp.order != ABSENT
    steps:
    - {after: 1s, exception: IngestionPendingAudit, severity: warning}
    depends_on: [erp]
`

// erp is NetSuite's query service, whose lists are out of order all the time: it
// answers questions about single orders alone, as the test says.
type erp struct {
	mu      sync.Mutex
	answers map[string]func(w http.ResponseWriter) // by the storefront's order id
	asked   map[string]int
	polls   int
}

var aboutOne = regexp.MustCompile(`t\.externalid = '(\d+)'`)

func (e *erp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var q struct{ Q string }
	_ = json.Unmarshal(raw, &q)
	e.mu.Lock()
	defer e.mu.Unlock()
	m := aboutOne.FindStringSubmatch(q.Q)
	if m == nil {
		e.polls++
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	e.asked[m[1]]++
	e.answers[m[1]](w)
}

func (e *erp) set(order int, answer func(w http.ResponseWriter)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[fmt.Sprint(order)] = answer
}

func (e *erp) askedFor(order int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[fmt.Sprint(order)]
}

func absent(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"items":[],"hasMore":false}`) }

func broken(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }

// found is a sales order of one of the storefront's orders, made this second.
func found(order int) func(w http.ResponseWriter) {
	at := time.Now().UTC().Format("2006-01-02T15:04:05")
	return func(w http.ResponseWriter) {
		_, _ = fmt.Fprintf(w, `{"items":[{"id":"7%d","recordtype":"SalesOrd","tranid":"SO%d","status":"B","order_externalid":"%d","createddate":%q,"lastmodifieddate":%q}],"hasMore":false}`,
			order, order, order, at, at)
	}
}

// stateOf is what the promise of an order says: state and basis.
func (d *desk) stateOf(order int) string {
	d.t.Helper()
	var out struct {
		Order struct {
			Verdicts []struct{ Rule, State, Basis string }
		}
	}
	d.get("/v1/orders/"+string(orderKey(int64(order))), &out)
	for _, v := range out.Order.Verdicts {
		if v.Rule == "ingestion" {
			return strings.TrimPrefix(v.State, "VERDICT_STATE_") + " " + strings.TrimPrefix(v.Basis, "BASIS_")
		}
	}
	return ""
}

func (d *desk) awaitStateOf(order int, want string) {
	d.t.Helper()
	await(d.t, 40*time.Second, func() error {
		if got := d.stateOf(order); got != want {
			return yet("order %d is %q, want %q", order, got, want)
		}
		return nil
	})
}

// configure adds the ERP to a desk's sources.
func (e *erp) configure(t *testing.T, cfg *config.Config, url, rules string) {
	t.Helper()
	polled(t, cfg) // its answers carry the time, so that the clock is believed at once
	none := connector.Span(0)
	token := connector.SecretRef{File: cfg.Sources[0].SecretFiles[0]}
	cfg.Sources = append(cfg.Sources, connector.Source{
		Name: "netsuite-main", System: "netsuite", OriginSource: "shop", BaseURL: url, Account: "1",
		Tokens:   map[string]connector.SecretRef{"consumer_key": token, "consumer_secret": token, "token_id": token, "token_secret": token},
		LiveFrom: connector.Moment(ledger.At(time.Now().Add(-time.Hour))), Poll: connector.PollSettings{PerSecond: 50, Burst: 50},
		Lookup: connector.LookupSettings{Wait: &none, PerSecond: 5, Burst: 5}, Feeds: map[string]connector.FeedSettings{"sales-orders": {LookupLag: &none}},
	})
	cfg.Policy.Rules = []string{rules}
}

// TestTheLedgerAsksWhereConnectorsRunApart: a ledger without webhooks and polls
// looks up what it waits for, beside a connector that only hears.
func TestTheLedgerAsksWhereConnectorsRunApart(t *testing.T) {
	e := &erp{answers: map[string]func(http.ResponseWriter){"3101": absent, "3102": found(3102)}, asked: map[string]int{}}
	api := httptest.NewServer(e)
	t.Cleanup(api.Close)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte(promptly), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(parts role.Parts, brokers []string) *desk {
		cfg := loopback()
		cfg.Sources, cfg.Kafka.Brokers, cfg.AllowUnsafeTopics, cfg.Partitions = deskSources(t), brokers, true, partitions
		e.configure(t, cfg, api.URL, rules)
		cfg.Finish()
		i, err := role.Start(t.Context(), cfg, parts, role.Watchers{}, quiet(t))
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, Instance: i}
		t.Cleanup(d.close)
		return d
	}
	books := start(role.Parts{History: true, API: true}, nil)
	edge := start(role.Parts{Edge: true}, []string{books.Endpoints.Kafka})
	for _, n := range []int64{3101, 3102} {
		made := time.Now().UTC().Format(time.RFC3339)
		edge.accept("shop", "orders/create", strings.NewReplacer("2026-03-02T09:59:59Z", made, "2026-03-02T10:00:00Z", made).Replace(order(n, "paid")))
	}
	for n, want := range map[int]string{3101: "BREACHED PROVEN", 3102: "MET PROVEN"} {
		await(t, 40*time.Second, func() error {
			if books.Node.Barrier(t.Context(), books.Node.PartitionOf(orderKey(int64(n)))) != nil || books.stateOf(n) != want {
				return yet("order %d is not %s", n, want)
			}
			return nil
		})
	}
}

// TestLookBeforeYouSayMissing: the ERP's lists answer 500 all the time, so that
// nothing is ever heard of it as a whole. The one order that is missed is asked
// for, and its answer is the proof; no answer is none (S-17).
func TestLookBeforeYouSayMissing(t *testing.T) {
	e := &erp{answers: map[string]func(http.ResponseWriter){}, asked: map[string]int{}}
	api := httptest.NewServer(e)
	t.Cleanup(api.Close)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte(promptly), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *config.Config) {
		e.configure(t, cfg, api.URL, rules)
		cfg.Sources[0].AdminURL = "https://shop.example/admin"
	})
	for n, answer := range map[int]func(http.ResponseWriter){3001: absent, 3002: found(3002), 3003: broken} {
		e.set(n, answer)
		made := time.Now().UTC().Format(time.RFC3339)
		body := strings.NewReplacer("2026-03-02T09:59:59Z", made, "2026-03-02T10:00:00Z", made).Replace(order(int64(n), "paid"))
		d.accept("shop", "orders/create", body)
	}
	d.awaitStateOf(3001, "BREACHED PROVEN")
	d.awaitStateOf(3002, "MET PROVEN")
	await(t, 30*time.Second, func() error {
		if n := e.askedFor(3003); n < 2 {
			return yet("order 3003 was asked for %d times", n)
		}
		return nil
	})
	if got := d.stateOf(3003); !strings.HasPrefix(got, "PENDING") && !strings.HasPrefix(got, "UNDETERMINED") {
		t.Errorf("order 3003, about which nobody answers, is %s", got)
	}
	if got, want := d.provenBy(3001, "ingestion"), []string{"netsuite-main/sales-orders HEARD_BY_LOOK_UP"}; !slices.Equal(got, want) {
		t.Errorf("order 3001 is proven missing by %q, want %q", got, want)
	}
	if got, want := d.pagesOf(3002), []string{"https://shop.example/admin/orders/3002", "https://1.app.netsuite.com/app/accounting/transactions/salesord.nl?id=73002"}; !slices.Equal(got, want) {
		t.Errorf("order 3002 is shown at %q, want %q", got, want)
	}
	if list := d.exceptions(); len(list) != 1 || !strings.Contains(list[0].raw, "3001") {
		t.Errorf("exceptions %+v", list)
	}
	if a, b := e.askedFor(3001), e.askedFor(3002); a != 1 || b != 1 {
		t.Errorf("asked %d and %d times for one need each", a, b)
	}
	e.set(3003, absent) // the source is back
	d.awaitStateOf(3003, "BREACHED PROVEN")
	if e.mu.Lock(); e.polls == 0 {
		t.Error("the lists were never asked for")
	}
	e.mu.Unlock()
}
