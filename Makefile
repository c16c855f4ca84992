# `make` lists the targets. Python 3.11 or later and make are all they need; `make deb` adds the
# servers that some tests run against.

PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SERVERS := nginx-light caddy haproxy openssl mtail prometheus prometheus-alertmanager

BIN := .venv/bin
BENCH_LOGS := $(patsubst %,build/bench/%.log,steady wide random body)
LLM_LOG := build/bench/llm.log

.DELETE_ON_ERROR:
.PHONY: help demo install check format prove bench deb clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.product ## Run the exporter beside a sample gateway, for a first look
	$(BIN)/gateway-exporter demo

install: .venv/.dev ## Make .venv, with the product and all that development needs

check: .venv/.dev ## Check style and types, and run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

format: .venv/.dev ## Mend style where that needs no thought
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

prove: .venv/.dev ## Prove the promises at length: kill it 1,000 times, ask a real Prometheus, feed it random values
	$(BIN)/python -m tests.prove.prove_kills --kills 1000 --minutes 60
	$(BIN)/python -m tests.prove.prove_prometheus
	$(BIN)/python -m tests.prove.prove_bounded

bench: .venv/.dev $(BENCH_LOGS) $(LLM_LOG) ## Compare the speed with mtail's, and time the way from a line to a metric
	$(BIN)/python -m benchmarks.compare $(BENCH_LOGS)
	$(BIN)/python -m benchmarks.everything $(LLM_LOG)
	$(BIN)/python -m benchmarks.checkpoint
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.many_logs

deb: ## Install the servers that tests run against (Debian and Ubuntu); starts none of them
	$(SUDO) .ci/install $(SERVERS)

clean: ## Remove all that make and the tools have made
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A change of pyproject.toml makes the environment anew, so that nothing stays in it that is no longer asked for.
.venv/.product: pyproject.toml
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
