# Needs make and Python >= 3.11; everything else is installed into .venv. `make help` lists targets.
#   PORT=4100    where `make serve` listens; HOST=ADDRESS to listen elsewhere than on 127.0.0.1
#   PYTHON=...   the interpreter .venv is made with
#   CORES=2,3    the cores of both benches: one for what is measured, one for the rest
.DEFAULT_GOAL := all
.NOTPARALLEL:

BIN := .venv/bin
CORES ?= 0,1
export BENCH_CORES := $(CORES)
PORT ?= 4100
# Not from the environment: shells and conda export a HOST that means something else.
HOST_OPTION = $(if $(filter command,$(origin HOST)),--host "$(HOST)")

# An environment remembers the place it was made in, so its stamps are named after that place.
PLACE := $(shell printf %s "$(CURDIR)" | cksum | cut -d ' ' -f 1)
RUNTIME := .venv/runtime-$(PLACE)
DEV := .venv/dev-$(PLACE)

$(RUNTIME): requirements/runtime.lock pyproject.toml
	@sh scripts/install.sh runtime "$(PYTHON)"
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.lock
	@sh scripts/install.sh dev
	@touch $@

serve: $(RUNTIME)  ## Start the gateway on 127.0.0.1:4100
	@ISTHMUS_STATE="$${ISTHMUS_STATE:-./.isthmus}" exec $(BIN)/isthmus serve --port "$(PORT)" $(HOST_OPTION)

all: check-format lint types docs-check test  ## Everything a change must pass (the default)

test: $(DEV)  ## Run the tests, in several processes (`.venv/bin/python -m pytest` runs them in one)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder tests

goldens: $(DEV)  ## Write the transcripts in tests/golden/cells anew; read the difference
	ISTHMUS_GOLDENS=write $(BIN)/python -m pytest tests/cells

fuzz: $(DEV)  ## Run the property tests with random, far more numerous examples
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -m hypothesis --timeout 1800

mutants: $(DEV)  ## Change the translations one thing at a time, and see whether a test notices (SAMPLE=200)
	$(BIN)/python scripts/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(MODULE),--module $(MODULE))

format: $(DEV)  ## Format the Python code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check-format: $(DEV)  ## Check the format of the Python code
	$(BIN)/ruff format --check

lint: $(DEV)  ## Look for mistakes and bad habits
	$(BIN)/ruff check

types: $(DEV)  ## Check the types
	$(BIN)/python -m pyright

docs: $(DEV)  ## Write docs/reference/ from the code
	$(BIN)/python scripts/reference.py

docs-check: $(DEV)  ## Check that docs/reference/ says what the code says
	$(BIN)/python scripts/reference.py --check

bench: $(DEV)  ## Measure CPU time, latency and memory beside nginx (QUICK=1: try it only)
	$(BIN)/python bench/run.py $(if $(QUICK),--quick)

bench-features: $(DEV)  ## Measure what each part of a request costs, into docs/performance.md
	$(BIN)/python bench/features.py $(if $(QUICK),--quick)

bench-peers: $(DEV)  ## Compare other gateways with this one; fill in docs/performance.md (QUICK=1, ONLY="KEY ...")
	PYTHONPATH=bench $(BIN)/python -m peers $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(REDRAW),--redraw)

clients: $(DEV)  ## Let Claude Code, Codex, SDKs and frameworks work by way of the gateway (needs npm)
	@sh scripts/clients.sh
	$(BIN)/python -m pytest --verbose clients

sizing: $(DEV)  ## Compute what a million streams need; fill in docs/performance.md (MEASURE=1)
	PYTHONPATH=bench $(BIN)/python bench/sizing.py $(if $(MEASURE),--measure)

instructions: $(DEV)  ## Count what the hot loops take, beside what they took before (RECORD=1: keep it)
	$(BIN)/python bench/instructions/count.py $(if $(RECORD),--record)

chaos: $(DEV)  ## Let clients and upstreams misbehave around the gateway; judge every answer (SECONDS=20)
	$(BIN)/python chaos/run.py $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

scale: $(DEV)  ## Put thousands of idle connections and streams on the gateway (SCALE=0.1)
	$(BIN)/python chaos/scale.py $(if $(SCALE),--scale $(SCALE))

lock: $(DEV)  ## Renew the locks from pyproject.toml (UPGRADE=1: with the newest versions)
	sh scripts/lock.sh $(if $(UPGRADE),--upgrade)

check-locks: $(DEV)  ## Prove the locks complete for every supported Python (downloads wheels)
	sh scripts/check-locks.sh

clean:  ## Remove what was installed, built or cached (not .isthmus, which holds your key)
	rm -rf .venv .ruff_cache .hypothesis dist build bench/bin bench/results
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

.PHONY: serve all test goldens fuzz mutants format check-format lint types docs docs-check bench bench-features bench-peers instructions clients sizing chaos scale lock check-locks clean help
