# Everything a clone needs is Python 3.11 or newer, make and git: the first target makes .cache/tools, with nox and uv in it.
# Another Python than the first that fits: make PYTHON=python3.13 test
# Everything that a check says, while it says it: make V=1 unit
# What CI runs of the matrix: make QUICK=1 matrix

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
TOOLS = .cache/tools-$(VERSION)
NOX = @$(TOOLS)/bin/nox --session
GATE = @$(TOOLS)/bin/python tests/tools/gate.py $(if $(V),--live)
STAGES = integration sanity faults domain mutated probe connections eda report first-steps unit molecule \
	windows-integration galaxy lint types extra-checks

.DEFAULT_GOAL := help
.PHONY: help demo demo-domain test ci tools bench image matrix clean build $(STAGES)

help: ## this list
	@sed -n 's/^\([a-z $$()A-Z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | sed 's/$$(STAGES)/$(STAGES)/' | \
		awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(TOOLS)/ready ## the story of a NAS and an upgrade, on simulated Windows hosts
	$(NOX) demo

demo-domain: $(TOOLS)/ready ## a whole domain by one GPO, in a real Samba domain; installs Samba through apt
	@$(PYTHON) tests/demo/domain/packages.py
	$(NOX) demo-domain

test: $(TOOLS)/ready ## the whole quality gate
	$(GATE) --tag gate

ci: $(TOOLS)/ready ## what CI runs: the gate, and what differs most on the oldest and the newest ansible-core
	$(GATE) --tag gate --tag quick

$(STAGES): $(TOOLS)/ready ## one stage of the gate
	$(GATE) $@

matrix: $(TOOLS)/ready ## the tests that depend on ansible-core, on every supported release
	$(GATE) --tag $(if $(QUICK),quick,matrix)

bench: $(TOOLS)/ready ## requests, bytes and processes, compared with ansible.windows
	$(NOX) bench

image: $(TOOLS)/ready ## an execution environment with the collection in it, built and tried; root on Debian
	$(NOX) image

build: $(TOOLS)/ready ## the artefact for `ansible-galaxy collection install`
	$(NOX) build

tools: $(TOOLS)/ready ## nox and uv alone

clean: ## remove everything that these targets made
	rm -rf .cache .ansible .hypothesis tests/output
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS)/ready: tests/requirements/tools.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; found none. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "[tools] nox and uv in $(TOOLS)"
	@$(PYTHON) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@cp $< $@
