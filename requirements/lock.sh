#!/bin/sh
# Makes the lock files from pyproject.toml: one per group, for every supported Python, with hashes and no download addresses.
# All groups share the demo's versions, so that adding a group to an environment never moves what is there.
set -eu
cd "$(dirname "$0")/.."
lock() {
    name=$1
    shift
    "${UV:-uv}" pip compile pyproject.toml "$@" --universal --python-version 3.10 --generate-hashes --no-strip-extras \
        --no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" --output-file "requirements/$name.txt"
}
lock demo
for group in redshift test redshift-local notebook bench; do
    lock "$group" --group "$group" --constraint requirements/demo.txt
done
