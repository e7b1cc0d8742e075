# orderledger. `make help` lists the targets. Everything is fetched through the
# package managers, pinned and checked; nothing has to be installed by hand but
# Go, make, a JDK with Maven (real Kafka) and npm (embedded ClickHouse).
SHELL := /bin/bash
MODULES := ledger projections proto services test
BIN := bin/orderledger
GOFLAGS ?=
# Two cores: packages side by side, the heavy ones one after the other.
TEST_FLAGS ?= -p 2 -timeout 20m

.DEFAULT_GOAL := help
.PHONY: help build demo test test-core bench verify fix generate lint fmt clean sim sim-core absence power sabotage fuzz lab chaos

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

build: $(BIN) ## build bin/orderledger

.PHONY: $(BIN)
$(BIN):
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./services/cmd/orderledger

demo: build ## run the main job: a shop, its faults, and what the ledger makes of them
	./$(BIN) demo $(DEMO_FLAGS)

test: ## every test: real Kafka, real ClickHouse, short slices of the campaigns
	go build work
	go vet work
	go test $(TEST_FLAGS) work

test-core: ## the pure core alone, in seconds
	cd ledger && go test ./...

sim: ## simulate the whole ledger with faults (SEEDS=10000, SEED=1)
	cd test && go test ./sim -run 'TestSim$$' -sim.seeds=$(or $(SEEDS),10000) -sim.seed=$(or $(SEED),1) $(FLAGS) -timeout 10h -v

sim-core: ## the long campaign of the core's laws (SEEDS=20000)
	cd ledger && ORDERLEDGER_SEEDS=$(or $(SEEDS),20000) go test -run 'Convergence|Replay|Oracle|Joining|Merge' -timeout 80m .

absence: ## judge who was absent: we, the feed, or the order (RUNS=10000)
	cd test && go test ./sim -run TestAbsence -sim.absences=$(or $(RUNS),10000) -sim.seed=$(or $(SEED),1) -timeout 2h -v

.PHONY: prove converge
prove: ## fold one log in many ways, drawn by chance (SCHEDULES=1000 SEED=1), and judge many worlds again (SEEDS=5000)
	cd services && ORDERLEDGER_SCHEDULES=$(or $(SCHEDULES),1000) ORDERLEDGER_SEED=$(or $(SEED),1) go test ./prove -run TestEveryScheduleGivesTheSameState -v -timeout 90m
	cd ledger && ORDERLEDGER_SEEDS=$(or $(SEEDS),5000) go test ./judge -v -timeout 60m

converge: ## cells, histories and verdicts under many orders of arrival (N=10000, four each)
	cd ledger && ORDERLEDGER_SEEDS=$(or $(N),10000) go test -run 'TestConvergence$$' -v -timeout 60m .

power: ## take power and disk away from the real local store (CLONES=10000 FAULTS=1000 SEED=1)
	cd test && go test ./power -power.clones=$(or $(CLONES),10000) -power.faults=$(or $(FAULTS),1000) -power.seed=$(or $(SEED),1) -timeout 2h -v

sabotage: ## break rules, invariants and determinism one by one; every one must be noticed
	cd test && ORDERLEDGER_MUTANTS=all go test ./mutants -v -timeout 60m

chaos: ## kill, freeze, cut off and mislead every process (FAULTS=1000 SEED=1; RULES=file repeats a round); as root for all of it
	cd test && go test ./chaos -run TestCampaign -v -timeout 10h -args -chaos.faults=$(or $(FAULTS),$(if $(RULES),0,1000)) -chaos.seed=$(or $(SEED),1) $(if $(RULES),-chaos.rules=$(abspath $(RULES)))

fuzz: ## every fuzz target for TIME each (10s); what it finds is kept in its testdata
	@for t in $$(grep -rl '^func Fuzz' --include=*_test.go $(MODULES) | xargs -n1 dirname | sort -u); do \
	  for f in $$(cd $$t && grep -ho '^func Fuzz[A-Za-z]*' *_test.go | cut -c6-); do \
	    echo "== $$t $$f"; (cd $$t && go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(TIME),10s) .) || exit 1; done; done

lab: build ## the fault lab: 20 seeds, null runs, hold-out and five other detectors (ORDERS=10000 a seed, SEEDS=20), into bin/lab.json
	./$(BIN) lab --orders $(or $(ORDERS),10000) --seeds $(or $(SEEDS),20) --rate 200 --null --holdout --baselines -o json --out bin/lab.json

bench: build ## ratios to the raw engines and to Kafka Streams, into test/bench/results and its README (BENCH=streams,reads ROUNDS=1)
	cd test && go test ./bench -run 'TestReport$$' -bench-report -bench-parts "$(BENCH)" -bench-rounds $(or $(ROUNDS),0) -timeout 240m -v

verify: ## format, vet, generated-is-clean, each module alone, contracts, architecture
	@test -z "$$(gofmt -l $(MODULES))" || { echo "gofmt would change:"; gofmt -l $(MODULES); exit 1; }
	@for m in $(MODULES); do echo "== $$m alone"; (cd $$m && GOWORK=off go build ./... && GOWORK=off go vet ./...) || exit 1; done
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy -diff) || { echo "$$m: run make fix"; exit 1; }; done
	bash proto/tools/check.sh
	cd test && go test ./lint

fix: ## mend what verify complains about
	gofmt -w $(MODULES)
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done
	bash proto/tools/generate.sh

generate: ## regenerate the contracts
	bash proto/tools/generate.sh

lint: ## golangci-lint with the repository's configuration
	@mkdir -p .cache/tools && GOWORK=off GOBIN=$(CURDIR)/.cache/tools go -C proto/tools/lint install github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@for m in $(MODULES); do echo "== $$m"; (cd $$m && $(CURDIR)/.cache/tools/golangci-lint run ./...) || exit 1; done

clean: ## remove what was built here
	rm -rf bin .cache
