# Everything a clone needs is Python 3.11 or newer and make: each target makes its own environment under .cache/.
# Another Python than the first that fits: make PYTHON=python3.13 test
# Everything that a check says, while it says it: make V=1 unit
# What CI runs of the matrix: make QUICK=1 matrix

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
ENVIRONMENT = $(PYTHON) tests/tools/environment.py
STAGES := $(shell $(PYTHON) tests/tools/stages.py)
LIVE = $(if $(V),--live)
QUICK_FLAG = $(if $(QUICK),--quick)

.DEFAULT_GOAL := help
.PHONY: help demo demo-domain test bench image matrix clean build python $(STAGES)

help: ## this list
	@sed -n 's/^\([a-z $$()A-Z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | sed 's/$$(STAGES)/$(STAGES)/' | \
		awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: python ## the story of a NAS and an upgrade, on simulated Windows hosts
	@$(ENVIRONMENT) demo python tests/demo/run.py

demo-domain: python ## a whole domain by one GPO, in a real Samba domain; installs Samba through apt
	@$(PYTHON) tests/demo/domain/packages.py
	@$(ENVIRONMENT) domain python tests/demo/domain/run.py

test: python ## the whole quality gate
	@$(PYTHON) tests/tools/gate.py $(LIVE)

$(STAGES): python ## one stage of the gate
	@$(PYTHON) tests/tools/gate.py $(LIVE) $@

matrix: python ## the tests that depend on ansible-core, on every supported release
	@$(PYTHON) tests/tools/matrix.py $(LIVE) $(QUICK_FLAG)

bench: python ## requests, bytes and processes, compared with ansible.windows
	@$(ENVIRONMENT) bench python tests/bench/run.py

image: python ## an execution environment with the collection in it, built and tried; root on Debian
	@$(ENVIRONMENT) image python tests/tools/image.py

build: python ## the artefact for `ansible-galaxy collection install`
	@$(ENVIRONMENT) demo ansible-galaxy collection build --force --output-path .cache/build

clean: ## remove everything that these targets made
	rm -rf .cache .ansible .hypothesis tests/output
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; found none. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
