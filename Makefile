# `make` lists the targets. Most need only Python 3.11 or later and make; `make check-all` also needs the servers that
# `make deb` and `make litellm` install.

PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SERVERS := nginx-light caddy haproxy curl openssl chromium systemd mtail prometheus prometheus-alertmanager \
  logrotate victoria-metrics

BIN := .venv/bin
BENCH_LOGS := $(patsubst %,build/bench/%.log,steady random combined llm body)
LLM_LOG := build/bench/llm.log
# The Collector that `make bench` compares with, where Go is. A later one does not fit benchmarks/otelcol.yaml.
OTELCOL := 0.145.0
VICTORIA_LOGS := 1.52.1
# The tests must reach this percentage of branches and lines.
COVERED := 90
# Tests of the command wait for processes: one worker more than there are cores keeps the cores busy.
WORKERS = $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)')
LITELLM := build/litellm-1.106.2
UV := build/uv-0.13.9
ALERTMANAGER := 0.34.1
# The Go module of Prometheus 3.16.0 has another number.
PROMETHEUS := 3.16.0
PROMETHEUS_MODULE := 0.316.0
OPERATOR := 0.85.0
HELM := 3.22.0
KUSTOMIZE := 5.8.2
GO ?= $(firstword $(shell command -v go) /usr/local/go/bin/go)

.DELETE_ON_ERROR:
.PHONY: help demo install lint reference site check check-all format fuzz prove bench peers deb deb-package litellm amtool kubernetes-tools operator prometheus pin clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.product ## Run the exporter with a sample gateway, for a first look
	$(BIN)/gateway-exporter demo

install: .venv/.dev ## Create .venv, with the product and the tools for development

lint: .venv/.dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reference: .venv/.dev ## Renew the pages of docs/ that are made from the code
	$(BIN)/python -m exporter.reference
	$(BIN)/python -m alerts.series > docs/recorded-series.md
	$(BIN)/python -m dashboards.usage > docs/dashboards.md

site: .venv/.dev ## Build the documentation as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: lint ## Check style and types, and run the tests that need no servers
	$(BIN)/pytest -n $(WORKERS) -m "unit or command"

check-all: lint ## The same with all tests: also those with real servers and of the promises; prints the coverage
	rm -rf build/coverage
	$(BIN)/coverage run -m pytest -n auto --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERED)

format: .venv/.dev ## Fix style, where tools can do so
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: .venv/.dev ## Feed the exporter random lines of every format for ten minutes
	$(BIN)/python -m tests.fuzz --minutes 10

prove: .venv/.dev ## Prove the promises at length: kill the exporter 1,000 times, query a real Prometheus, feed it random values
	$(BIN)/python -m tests.prove.prove_kills --kills 1000 --minutes 60
	$(BIN)/python -m tests.prove.prove_prometheus
	$(BIN)/python -m tests.prove.prove_bounded

bench: .venv/.dev $(BENCH_LOGS) ## Compare speed and memory with those of other programs; measure growth, churn, scrapes and latency
	$(BIN)/python -m benchmarks.compare $(BENCH_LOGS)
	$(BIN)/python -m benchmarks.everything $(LLM_LOG) build/bench/steady.log
	$(BIN)/python -m benchmarks.births
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.checkpoint
	$(BIN)/python -m benchmarks.keys
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.many_logs
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.rules
	$(BIN)/python -m benchmarks.panels

peers: build/gonx/gonx build/otelcol/otelcol build/victoria-logs/victoria-logs ## Build the Go programs that `make bench` compares with, and VictoriaLogs for tests, where Go is installed

deb: ## Install the servers that tests run against (Debian and Ubuntu), without starting them
	$(SUDO) .ci/install $(SERVERS)

litellm: $(LITELLM)/installed ## Install the LiteLLM proxy that some tests run against, in a separate environment

deb-package: .venv/.dev ## Build a Debian package with an environment of its own, in build/
	deploy/debian/build $(BIN) build

amtool: build/alertmanager-$(ALERTMANAGER)/amtool ## Build the amtool of a current Alertmanager, where Go is installed

kubernetes-tools: build/kustomize-$(KUSTOMIZE)/kustomize build/helm-$(HELM)/helm ## Build kustomize and Helm, where Go is installed

operator: build/prometheus-operator-$(OPERATOR)/convert ## Build the Prometheus operator's conversion of AlertmanagerConfigs, where Go is installed

pin: $(UV)/installed ## Lock packages by hash in requirements.txt, images by digest (needs docker)
	.ci/pin $(UV)/bin/uv

# A large build, so check-all does without it. Where it is there, the rule tests run in it too.
prometheus: build/prometheus-$(PROMETHEUS)/promtool ## Build a current Prometheus and promtool, where Go is installed

clean: ## Remove everything that make and the tools created
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A change of pyproject.toml recreates the environment, so that removed dependencies don't stay in it.
.venv/.product: pyproject.toml
	@echo 'Installing gateway-exporter and its Python packages into .venv; this takes some 20 seconds.'
	rm -rf .venv
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed; choose one: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --editable .
	touch $@

.venv/.dev: .venv/.product
	$(BIN)/pip install --quiet --group dev
	touch $@

build/bench/%.log: benchmarks/logs.py benchmarks/traffic.py | .venv/.product
	mkdir -p $(@D)
	$(BIN)/python -m benchmarks.logs $* $@

$(LITELLM)/installed:
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet 'litellm[proxy]==$(LITELLM:build/litellm-%=%)'
	touch $@

build/gonx/gonx: $(wildcard benchmarks/gonx/*)
	cd benchmarks/gonx && $(GO) build -o $(abspath $@)

build/otelcol/otelcol: benchmarks/otelcol.yaml
	GOBIN=$(abspath build) $(GO) install go.opentelemetry.io/collector/cmd/builder@v$(OTELCOL)
	PATH=$(dir $(GO)):$$PATH build/builder --config $<

build/victoria-logs/victoria-logs:
	GOBIN=$(abspath $(@D)) $(GO) install github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@v$(VICTORIA_LOGS)

build/alertmanager-$(ALERTMANAGER)/amtool:
	GOBIN=$(abspath $(@D)) $(GO) install github.com/prometheus/alertmanager/cmd/amtool@v$(ALERTMANAGER)

build/helm-$(HELM)/helm:
	GOBIN=$(abspath $(@D)) $(GO) install helm.sh/helm/v3/cmd/helm@v$(HELM)

build/kustomize-$(KUSTOMIZE)/kustomize:
	GOBIN=$(abspath $(@D)) $(GO) install sigs.k8s.io/kustomize/kustomize/v5@v$(KUSTOMIZE)

build/prometheus-operator-$(OPERATOR)/convert: tests/alerts/operator/main.go
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $< $(@D)
	cd $(@D) && $(GO) mod init convert && $(GO) mod edit -require=github.com/prometheus-operator/prometheus-operator@v$(OPERATOR)
	cd $(@D) && $(GO) build -mod=mod -o $(@F) .

build/prometheus-$(PROMETHEUS)/promtool:
	GOBIN=$(abspath $(@D)) $(GO) install $(patsubst %,github.com/prometheus/prometheus/cmd/%@v$(PROMETHEUS_MODULE),prometheus promtool)

$(UV)/installed:
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet 'uv==$(UV:build/uv-%=%)'
	touch $@
