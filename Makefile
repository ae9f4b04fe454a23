# make reproduce: train and regenerate everything on the pocket profile
# make check:     the fast tests, in under a minute
# make test:      every test but the torture, and the committed notebooks from committed records
# make engines:   vLLM for real on a CPU, in an environment of its own
# make lab:       JupyterLab in this environment
# The first of these that is there and has one of the versions that the pins serve.
VERSIONS := 3.11 3.12 3.13 3.14
SERVED = -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(VERSIONS)".split())'
PYTHON ?= $(shell for one in python3 $(VERSIONS:%=python%); do $$one $(SERVED) 2>&- && echo $$one && break; done)
VENV := .venv
ENGINES := .venv-engines
RUN := $(VENV)/bin/python
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: reproduce check test engines lab lint requirements lock audit mutations torture bench clean

BENCHES := rollouts step evaluation growth threads

reproduce: $(VENV)/ready
	$(RUN) -m rlvr_utils reproduce --profile pocket --retrain

# Two processes, each with one thread of its own: the tests of one file stay together, and share what it trains.
PYTEST := $(RUN) -m pytest --numprocesses 2 --dist loadfile

check: $(VENV)/ready lint
	$(PYTEST) -m "not slow and not torture and not engine" tests

test: $(VENV)/ready lint
	$(PYTEST) tests
	$(PYTEST) --nbval-lax --nbval-current-env notebooks

# Plants mistakes one by one in a copy; the tests must notice each (10 minutes).
mutations: $(VENV)/ready
	$(RUN) tests/mutations.py

# Kills, races, full disks, hostile answers and damaged files, at length; 20 minutes.
torture: $(VENV)/ready
	$(RUN) tests/torture/record.py

# What else only GPUs see, as far as a processor can show it; 6 minutes on two quiet cores after the installation.
engines: $(ENGINES)/ready
	$(ENGINES)/bin/python tests/engines/record.py

# Two ways side by side, each bench in a few minutes; one alone: python -m benchmarks.step. Then the README's table.
bench: $(VENV)/ready
	for name in $(BENCHES); do $(RUN) -m benchmarks.$$name || exit 1; done
	$(RUN) -m benchmarks.table

lab: $(VENV)/ready
	$(RUN) -m jupyter lab notebooks

# The pins for GPUs go together with these; nothing is installed, but the index is asked.
requirements: $(VENV)/ready
	timeout 900 $(RUN) -m pip install --quiet --dry-run -r requirements-gpu.txt

# requirements.lock: what the pins bring on every version of Python that they serve, each file by its hash. Remove it
# first to move to newer releases.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==0.13.9
	build/lock/bin/uv pip compile requirements.txt --config-file requirements-lock.toml \
		--universal --python-version $(firstword $(VERSIONS)) --fork-strategy fewest \
		--generate-hashes --no-annotate --no-emit-package torch --custom-compile-command "make lock" --quiet \
		--output-file requirements.lock

# Known vulnerabilities of what is locked; a public database is asked, and a package that it does not answer for fails.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit==2.10.1
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

lint: $(VENV)/ready
	$(RUN) -m ruff check rlvr_utils tests benchmarks

# The environment is made once and again whenever the pins change.
$(VENV)/ready: requirements.txt requirements.lock pyproject.toml
	@test "$(PYTHON)" && $(PYTHON) $(SERVED) || { echo "Python of one of the versions $(VERSIONS) is needed;" \
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
	rm -rf $(VENV) $(ENGINES) build
