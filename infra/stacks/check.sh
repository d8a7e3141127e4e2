#!/bin/sh
# What checkov says of the templates, installed by its lock into an environment that goes again. What it is told to skip
# is said, with the reason, at each resource.
set -eu
cd "$(dirname "$0")"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home"
"$home/bin/pip" install --quiet --no-deps --require-hashes --disable-pip-version-check -r checkov.txt
"$home/bin/checkov" --directory . --framework cloudformation --skip-download --compact --quiet
