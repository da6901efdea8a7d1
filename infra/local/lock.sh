#!/bin/sh
# Resolves pyproject.toml for every platform into the given file: hashes, no index addresses.
set -eu
cd "$(dirname "$0")/../.."
infra/local/uv.sh pip compile pyproject.toml --group dev --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-annotate --quiet -o "$1" > /dev/null
