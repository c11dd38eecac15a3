# What one does every day: `.venv/bin/just` lists it. `scripts/setup` brings all that is needed, `just` too.
export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

[private]
default:
    @just --list --unsorted

# Style and types.
check:
    ruff check .
    ruff format --check .
    mypy

# Tests that start no process and open no socket: under a minute on two cores. Takes options of pytest.
test *options:
    pytest tests -m unit -n 2 --dist worksteal {{options}}

# All tests but the nightly sweeps, real agents and the browser included; they wait more than they compute. Takes options of pytest.
test-all *options:
    pytest tests -n 3 --dist worksteal {{options}}

# The same, and which branches they take, in processes that they start too; twice as slow.
coverage *options:
    coverage erase
    coverage run -m pytest tests -n 2 --dist worksteal {{options}}
    coverage combine --quiet
    coverage report

# Change the source in small ways and find what no test notices: all, or redact, scoring, run, gate, sandbox.
mutants *targets:
    python scripts/mutants {{targets}}

# Build the script of the report's page, which is committed.
page:
    scripts/page

# Write the docs that are generated: rules, defects, the schema of a run directory.
docs:
    toolworthy rules --pages docs/rules
    toolworthy oracle --page docs/defects.md
    toolworthy export --schema docs/schema/run-directory.schema.json
