# make reproduce: train and regenerate everything on the pocket profile
# make test:      every test, and the committed notebooks from committed records
# make lab:       JupyterLab in this environment
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: reproduce test lab lint requirements lock audit mutations torture bench clean

BENCHES := rollouts step evaluation growth threads

reproduce: $(VENV)/ready
	$(RUN) -m rlvr_utils reproduce --profile pocket --retrain

test: $(VENV)/ready lint
	$(RUN) -m pytest tests
	$(RUN) -m pytest --nbval-lax --nbval-current-env notebooks

# Plants mistakes one by one in a copy; the tests must notice each (10 minutes).
mutations: $(VENV)/ready
	$(RUN) tests/mutations.py

# Kills, races, full disks, hostile answers and damaged files, at length (`make test` has them short); 20 minutes.
torture: $(VENV)/ready
	$(RUN) tests/torture/record.py

# Two ways side by side, each bench in a few minutes; one alone: python -m benchmarks.step. Then the README's table.
bench: $(VENV)/ready
	for name in $(BENCHES); do $(RUN) -m benchmarks.$$name || exit 1; done
	$(RUN) -m benchmarks.table

lab: $(VENV)/ready
	$(RUN) -m jupyter lab notebooks

# The pins for GPUs go together with these; nothing is installed, but the index is asked.
requirements: $(VENV)/ready
	timeout 900 $(RUN) -m pip install --quiet --dry-run -r requirements-gpu.txt

# requirements.lock: what the pins bring, each file by its hash. Remove it first to move to newer releases.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==0.13.9
	build/lock/bin/uv pip compile requirements.txt --config-file requirements-lock.toml --python build/lock/bin/python \
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
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed; point to it with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) build
