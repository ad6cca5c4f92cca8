# A person's verbs. Each sets up what it needs, so that none depends on another having run.
# Another Python: make clean build PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
ENVIRONMENT := .venv/.environment
BUILT := .venv/.built
ANVIL := .venv/.anvil
CORE := $(wildcard fxengine/*.pyx fxengine/*.pxd fxengine/core/*.pxi fxengine/core/*.pxd)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest --benchmark-disable --numprocesses 2 --dist loadfile
EDITABLE := $(PIP) --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test build debug lint contracts bench sim fuzz chaos mutate clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(BUILT) $(ANVIL) ## build what is needed, then watch ten stablecoins trade and settle
	@$(BIN)/fxengine demo

test: $(BUILT) $(ANVIL) ## build what is needed, then run every test (ARGS="-k money --seed 7" goes to pytest)
	@$(PYTEST) $(ARGS)

build: $(BUILT) $(ANVIL) ## set up .venv with the package, its extras and the compiled core
	@echo "ready: .venv/bin/fxengine and .venv/bin/python"

debug: $(ENVIRONMENT) $(ANVIL) ## compile the core with bounds checks and asserts, then run every test on it
	@rm -f $(BUILT)
	FXENGINE_DEBUG=1 $(EDITABLE)
	@$(PYTEST) $(ARGS)

lint: $(BUILT) ## ruff, mypy --strict, and the core's stub against the core itself
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest fxengine._core --allowlist tests/stubtest_allowlist.txt

contracts: $(BUILT) ## compile the Vyper sources anew into the JSON files that are deployed
	@$(BIN)/python -m fxengine.contracts.compiling

bench: $(BUILT) ## measure the core: ns a command, batches, depth (ARGS="--yardstick DIR" adds the ratio to a C++ floor)
	@$(BIN)/python -m bench.core $(ARGS)

sim: $(BUILT) ## hold the two cores against each other over 10,000,000 commands (ARGS="--commands 300000 --seed 7")
	@$(BIN)/python -m bench.sim --commands 10000000 $(ARGS)

fuzz: $(BUILT) ## send the gateway 1,000,000 malformed frames, and see that nothing happens (ARGS="--frames 50000 --seed 7")
	@$(BIN)/python -m bench.fuzz --frames 1000000 $(ARGS)

chaos: $(BUILT) $(ANVIL) ## kill a venue on a chain 100 times, undo its blocks 100 times, account for every batch (ARGS="--kills 5 --seed 7")
	@$(BIN)/python -m bench.chaos --kills 100 --reorgs 100 $(ARGS)

mutate: $(BUILT) ## break single lines of the cores, and see whether the proofs notice (ARGS="--only core --mutants 20 --seed 7")
	@$(BIN)/python -m bench.mutate $(ARGS)

clean: ## remove everything that make has made, .venv included
	rm -rf .venv build dist *.egg-info .hypothesis .benchmarks .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -f fxengine/*.so fxengine/_core.c

# The three steps behind the verbs. Their stamps make them instant when nothing has changed.

# What the tools need, said before they fail in their own words; it must parse in any Python 3.
define CHECK
import os, shlex, shutil, sys, sysconfig
wrong = []
if sys.version_info < (3, 11):
    wrong.append("Python 3.11 or later is needed, %s is %s; name another: make PYTHON=python3.12" % (sys.executable, sys.version.split()[0]))
else:
    try:
        import ensurepip, venv
    except ImportError:
        wrong.append("Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv")
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        wrong.append("Python's C headers are missing; on Debian and Ubuntu: apt install python3-dev, on Fedora: dnf install python3-devel")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        wrong.append("the C compiler %r is missing; on Debian and Ubuntu: apt install build-essential, or name yours: make CC=clang" % compiler)
sys.exit("\n".join("fxengine cannot be built: " + line for line in wrong) or None)
endef
export CHECK

# What pyproject.toml asks for, with all extras, as pip takes it.
define REQUIREMENTS
import tomllib
with open("pyproject.toml", "rb") as file:
    tree = tomllib.load(file)
lists = [tree["build-system"]["requires"], tree["project"]["dependencies"], *tree["project"]["optional-dependencies"].values()]
print("\n".join(line for one in lists for line in one))
endef
export REQUIREMENTS

$(ENVIRONMENT): pyproject.toml constraints.txt
	@command -v $(firstword $(PYTHON)) >/dev/null || { echo "fxengine cannot be built: $(PYTHON) is missing; name yours: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c "$$CHECK"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "making .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "installing the tested versions of what fxengine needs"
	@$(BIN)/python -c "$$REQUIREMENTS" > .venv/requirements.txt
	@$(PIP) --requirement .venv/requirements.txt
	@touch $@

$(BUILT): $(ENVIRONMENT) setup.py $(CORE)
	@echo "compiling the core"
	@$(EDITABLE)
	@touch $@

# The node of the local chain, at the version that this file pins.
$(ANVIL): $(ENVIRONMENT) fxengine/chain/local_node.py
	@$(BIN)/python -m fxengine.chain.local_node
	@touch $@
