# Every command a person or CI runs. `make` alone lists the ones to start with, `make help-all` the rest.
# Each target installs what it needs, once; nothing is installed outside this folder and the caches of pip and apt.
# Written for GNU Make 3.81, which macOS has: each line is a shell of its own. A recipe calls one command; what takes
# several has them as its prerequisites. Of linters, the recipe is the list (tests/test_makefile.py).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SILENT:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
# dbt reads no .env, so the targets that call it hand the settings on; the environment goes before them.
DBT := $(RUN) loaders dbt
# duckdb, redshift, or redshift_local (the stand-in of packages/redshift-stand-in): what to install and to start.
TARGET ?= duckdb
# With TARGET=redshift_local, what works on data works on the stand-in, which is started when it does not run.
STACK := $(if $(filter redshift_local,$(TARGET)),settings=$$($(BIN)/python -m local_stack.redshift env) && eval "$$settings" &&)
# mariadb or mysql: the private server's kind. Not given, `make demo` takes MariaDB, the others what ran last.
SERVER ?=
KIND := $(if $(SERVER),--server $(SERVER))
# What `make diff` compares this folder with: a branch, a tag, a commit.
BASE ?= main
GROUP := $(if $(filter duckdb,$(TARGET)),demo,$(subst _,-,$(TARGET)))

##@ Try

# demo >
demo: setup ## the whole pipeline on this machine, end to end (SERVER=mysql: on a MySQL; TARGET=redshift_local: by S3 and COPY)
	$(RUN) local_stack.demo --target $(TARGET) $(KIND)

day: up ## let one day pass in the demo shop: orders, moves, price changes, deletions
	$(RUN) seeds_generator day $(ARGS)
# < demo

sql: setup ## open the warehouse read-only, to ask it questions
	$(STACK) $(RUN) dashboard sql

##@ Work

extract: setup ## MySQL -> lake -> raw (arguments: ARGS="--tables order")
	$(STACK) $(RUN) loaders extract $(ARGS)

build: setup ## dbt: staging, marts and their tests (SELECT=… for a part)
	$(STACK) $(DBT) build $(if $(SELECT),--select $(SELECT)) $(ARGS)

docs: dbt-docs ## write the documentation site, one file, to .data/docs/index.html
	$(RUN) dashboard docs

dashboard: setup ## write the dashboard, one file, to .data/dashboard/index.html
	$(STACK) $(RUN) dashboard page $(ARGS)

open: dashboard ## show the dashboard in the browser
	xdg-open .data/dashboard/index.html 2>/dev/null || open .data/dashboard/index.html 2>/dev/null || echo "open it in a browser: $$PWD/.data/dashboard/index.html"

export: setup ## write the marts as CSV and Parquet to .data/export (ARGS=--bom for spreadsheets)
	$(STACK) $(RUN) dashboard export --out .data/export $(ARGS)

status: setup ## what raw holds, and what waits in the lake
	$(STACK) $(RUN) loaders status $(ARGS)

##@ Check

test: .venv/test ## every test, on real parts (PYTEST="-k lake" for some)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)

lint: .venv/test ## ruff, mypy, sqlfluff, zizmor, cfn-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(RUN) sqlfluff lint dbt_project/models dbt_project/tests --disable-progress-bar --processes 2
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/cfn-lint infra/stacks/*.yaml

pr: lint conventions ## what CI asks of a pull request: lint, conventions, everything built on DuckDB, docs and dashboard
# demo >
pr: demo
# < demo

##@ More

setup: .venv/$(GROUP) .env dbt_project/profiles.yml ## make .venv, .env and dbt_project/profiles.yml, where absent

up: server-up $(if $(filter redshift_local,$(TARGET)),stand-in-up) ## start the private server (SERVER=mysql: a MySQL; TARGET=redshift_local: S3 and a Redshift stand-in too)

down: $(if $(wildcard $(BIN)/python),server-down stand-in-down) ## stop what `make up` started

# demo >
seed: up ## fill the demo shop (ARGS="--orders 1000000 --fresh")
	$(RUN) seeds_generator fill $(ARGS)

test-long: SEED := $(or $(SEED),$(shell echo $$RANDOM))
test-long: .venv/test ## 20,000 random steps of shop and runs, 500 with dbt, and 2,000 runs beside writers, on each server (SEED=… to repeat one)
	$(info the seed of these random steps: $(SEED))$(BIN)/python -m pytest tests/test_state_machine.py tests/test_mart_machine.py tests/test_untouched.py::test_random_writers_and_runs -s --timeout 0 --hypothesis-profile long --hypothesis-seed $(SEED) $(PYTEST)

bench-cost: setup ## what it costs that a run ends equal to the source, on both servers (ARGS="--orders 10000000"; ARGS=--write: into the READMEs)
	$(RUN) bench.cost $(KIND) $(ARGS)

bench: setup ## measure our extract beside the alternatives on both servers, two million orders (SERVER=mysql: on that; ARGS="--orders 200000 --pairs 3")
	$(RUN) bench $(KIND) $(ARGS)

without-demo: setup ## take the demo shop out of this clone, so that only what is yours stays: as a change that git shows
	$(RUN) local_stack.without_demo

test-aws: .venv/test ## the real suites on the account in .env; says first what it costs, and asks (CONFIRM=1: yes)
	CONFIRM=$(CONFIRM) $(RUN) tests.redshift.account $(PYTEST)
# < demo

metrics: dbt-parse ## revenue, return rate and the others as dbt defines them (ARGS="revenue return_rate --by order__country")
	$(STACK) $(RUN) dashboard metrics $(ARGS)

diff: setup ## what your change of the models does to the data: BASE=main and this folder, built from one raw
	$(STACK) $(RUN) diff --base "$(BASE)" $(ARGS)

doctor: setup ## try every link from MySQL to the warehouse, and name the remedy of each fault (ARGS="--lang ko")
	$(STACK) $(RUN) loaders doctor $(ARGS)

plan: setup ## what a run would do now, and why, without doing it (ARGS=--sql: every statement too)
	$(STACK) $(RUN) loaders plan $(ARGS)

verify: setup ## are source, raw and marts equal, now? (ARGS=--deep: every value of every row)
	$(STACK) $(RUN) loaders verify $(ARGS)

load: setup ## apply the runs that wait in the lake to raw
	$(STACK) $(RUN) loaders load $(ARGS)

replay: setup ## rebuild raw from the lake alone (ARGS="--to-run 7": as it was after run 7)
	$(STACK) $(RUN) loaders replay $(ARGS)

prune: setup ## remove old runs from the lake, behind a baseline (ARGS="--keep-days 30")
	$(STACK) $(RUN) loaders prune $(ARGS)

withdraw: setup ## give up runs of the lake that raw refuses (ARGS="7": run 7 and all after it; ARGS="7 --dry-run")
	$(STACK) $(RUN) loaders withdraw $(ARGS)

sign: setup ## sign the lake's run records with LAKE_KEY (ARGS=--dry-run: what would be signed; ARGS=--remove)
	$(STACK) $(RUN) loaders sign $(ARGS)

erase: setup ## remove a person from lake, raw and histories (ARGS="--table customer --key 42")
	$(STACK) $(RUN) loaders erase $(ARGS)

env-from-stack: .venv/test ## append to .env what the stacks of infra/ put out; lines that are there stay
	$(RUN) infra.aws env

discover: setup ## print a catalog of the database in SOURCE_URL (ARGS="--write NAME" puts it into dbt)
	$(RUN) loaders discover $(ARGS)

sample: setup ## draw a few hundred rows of each table that fit together, without persons, into sample/ (ARGS="--rows 50")
	$(RUN) loaders sample $(ARGS)

dev: setup ## build a part into a schema of your own, over the models that are built (SELECT=order_mart+; SELECT=state:modified+)
	$(STACK) $(RUN) local_stack.own_builds dev $(if $(SELECT),--select $(SELECT)) $(ARGS)

build-empty: setup ## dbt without a row, in a schema of its own: does all compile, are contracts kept, do unit tests pass?
	$(STACK) DBT_SCHEMA=empty $(DBT) build --empty --selector ci --target-path target/empty $(ARGS)

build-sample: setup ## build on sample/ alone, in .data/sample.duckdb: what a pull request can show of an own shop, without a secret
	$(RUN) local_stack.own_builds sample $(ARGS)

docs-serve: docs ## show the documentation site on this machine
	$(RUN) local_stack.docs_server

format: .venv/test ## let ruff and sqlfluff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(RUN) sqlfluff fix dbt_project/models dbt_project/tests --disable-progress-bar

lock: ## make requirements/*.txt anew from pyproject.toml (needs uv)
	requirements/lock.sh

clean: down ## stop the server and remove everything that was made, .venv and settings excepted
	rm -rf .data dbt_project/target dbt_project/logs

# demo >
##@ Learn

check-exercise: setup .venv/redshift-local ## is your answer to the course's exercise right? (N=1 … 7; the course: docs/course/en, docs/course/ko)
	$(RUN) exercises check $(N) $(if $(FILE),--file $(FILE)) $(ARGS)

break: setup $(if $(filter s3 bi,$(ERROR)),.venv/redshift-local) ## provoke a failure of real life (ERROR=2003, s3 or bi); `make doctor` finds it
	$(RUN) local_stack.faults break $(ERROR)

fix: setup ## mend what `make break` broke (ARGS="--policy FILE": with a policy of yours for the role)
	$(RUN) local_stack.faults fix $(ARGS)

notebook: .venv/notebook setup ## open examples/tour.ipynb in the browser
	$(RUN) jupyter notebook examples/tour.ipynb
# < demo

help:
	@awk '/^##@ More/ {exit} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {split($$0, part, ":.*## "); printf "  make %-14s %s\n", part[1], part[2]} END {print "\nmake help-all lists the rest."}' $(MAKEFILE_LIST)

help-all:
	@awk '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {split($$0, part, ":.*## "); printf "  make %-14s %s\n", part[1], part[2]}' $(MAKEFILE_LIST)

# The parts of commands that take several.
conventions: .venv/test
	$(BIN)/python -m pytest -q tests/test_conventions.py

dbt-docs: setup
	$(DBT) docs generate --quiet $(ARGS)

dbt-parse: setup
	$(STACK) $(DBT) parse --quiet

server-up: setup
	$(RUN) local_stack up $(KIND)

server-down:
	$(RUN) local_stack down

stand-in-up: setup
	$(RUN) local_stack.redshift up

stand-in-down:
	$(RUN) local_stack.redshift down

.PHONY: conventions dbt-docs dbt-parse server-up server-down stand-in-up stand-in-down
.PHONY: env-from-stack dev build-empty metrics diff sql plan verify extract build docs dashboard open export status doctor pr test lint setup up down load replay prune withdraw sign erase discover sample build-sample docs-serve format lock clean help help-all
# demo >
.PHONY: demo day check-exercise break fix notebook test-long bench bench-cost test-aws seed without-demo
# < demo

# ---- what the targets above stand on ----------------------------------------------------------------------------

# One stamp per group of requirements: installed again only when its lock changed. `test` holds all that `demo` holds.
.venv/%: requirements/%.txt | .venv/bin/pip .venv/packages
	echo "installing requirements/$*.txt into .venv ..."
	$(RUN) pip install --quiet --no-deps --require-hashes --disable-pip-version-check -r $<
	touch $@

.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is not Python 3.10 to 3.14" >&2; \
	  echo "  fix: install one (apt-get install python3 python3-venv), or name it: make setup PYTHON=python3.13" >&2; exit 1; }
	case "$$PWD" in *:*|*$$'\n'*) \
	  printf 'error: no virtual environment can be in a folder with a : or a line break in its path: %q\n' "$$PWD" >&2; \
	  echo "  fix: move this folder" >&2; exit 1;; esac
	$(PYTHON) -m venv .venv || { \
	  rm -rf .venv; echo "error: $(PYTHON) cannot make a virtual environment with pip" >&2; \
	  echo "  fix: apt-get install python3-venv   (on other systems: the package that brings venv and pip)" >&2; exit 1; }

# The folders of packages/ are importable as they lie here: by a path from .venv, so that a copy of all has its own.
.venv/packages: Makefile | .venv/bin/pip
	printf '../../../../packages/%s/src\n' mysql-arrow redshift-stand-in > "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/order_he.pth"
	touch $@

.env: | .env.example
	[ -f .env ] || ( umask 077; cp .env.example .env )

# The warehouse's path in it is relative to dbt_project, where dbt goes wherever it was started.
dbt_project/profiles.yml: | profiles.example.yml
	mkdir -p .data
	[ -f $@ ] || ( umask 077; cp profiles.example.yml $@ )
