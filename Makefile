# make reproduce: train and regenerate everything on the pocket profile
# make check:     the fast tests, in under a minute
# make test:      all tests except the torture tests, and the committed notebooks from committed records
# make engines:   tests of vLLM itself on a CPU, in an environment of its own
# make lab:       JupyterLab in this environment
# The first interpreter found whose version the pins support.
VERSIONS := 3.11 3.12 3.13 3.14
SUPPORTED = -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(VERSIONS)".split())'
PYTHON ?= $(shell for one in python3 $(VERSIONS:%=python%); do $$one $(SUPPORTED) 2>&- && echo $$one && break; done)
VENV := .venv
ENGINES := .venv-engines
RUN := $(VENV)/bin/python
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: reproduce check test engines lab lint requirements lock audit mutations torture bench clean

BENCHES := step evaluation growth threads floor

reproduce: $(VENV)/ready
	$(RUN) -m rlvr_utils reproduce --profile pocket --retrain

# Two processes with one thread each. The tests of a file stay together, because they share what it trains.
PYTEST := $(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/ready lint
	$(PYTEST) -m "not slow and not torture and not engine" tests

test: $(VENV)/ready lint
	$(PYTEST) tests
	$(PYTEST) --nbval-lax --nbval-current-env notebooks

# Plants mistakes one by one in a copy of the code; the tests must notice each (an hour).
mutations: $(VENV)/ready
	$(RUN) tests/mutations.py

# Long tests of kills, races, full disks, hostile answers and damaged files (20 minutes).
torture: $(VENV)/ready
	$(RUN) tests/torture/record.py

# vLLM itself on a CPU; about 10 minutes on two cores after the installation.
engines: $(ENGINES)/ready
	$(ENGINES)/bin/python tests/engines/record.py

# All benchmarks, a few minutes each, then the README's table; one alone: python -m benchmarks.step.
bench: $(VENV)/ready $(ENGINES)/ready
	$(ENGINES)/bin/python -m benchmarks.rollouts
	for name in $(BENCHES); do $(RUN) -m benchmarks.$$name || exit 1; done
	$(RUN) -m benchmarks.table

lab: $(VENV)/ready
	$(RUN) -m jupyter lab notebooks

# Checks that requirements-gpu.txt can be installed together with requirements.txt; installs nothing, but needs the
# package index.
requirements: $(VENV)/ready
	timeout 900 $(RUN) -m pip install --quiet --dry-run -r requirements-gpu.txt

# requirements.lock: all packages that the pins need on every supported Python version, with the hash of each file.
# Delete it first to move to newer releases.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==0.13.9
	build/lock/bin/uv pip compile requirements.txt --config-file requirements-lock.toml \
		--universal --python-version $(firstword $(VERSIONS)) --fork-strategy fewest \
		--generate-hashes --no-annotate --no-emit-package torch --custom-compile-command "make lock" --quiet \
		--output-file requirements.lock

# Known vulnerabilities of the locked packages, from a public database; a package that it does not know fails.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit==2.10.1
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

lint: $(VENV)/ready
	$(RUN) -m ruff check rlvr_utils tests benchmarks

# The environment is built once, and again whenever the pins change.
$(VENV)/ready: requirements.txt requirements.lock pyproject.toml
	@test "$(PYTHON)" && $(PYTHON) $(SUPPORTED) || { echo "Python $(VERSIONS) is needed (any of these);" \
		"point to it with: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>&- || { echo "$(PYTHON) has no modules venv and ensurepip;" \
		"install them (on Debian: python3-venv), or point to another: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	touch $@

# vLLM asks for three packages of media that it does without here: where the index has them for CUDA, they cannot load.
$(ENGINES)/ready: requirements-engines.txt $(VENV)/ready
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet -r requirements-engines.txt
	$(ENGINES)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(ENGINES)/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) $(ENGINES)
	if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name own -exec rm -rf {} +; fi
