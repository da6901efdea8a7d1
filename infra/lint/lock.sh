#!/bin/sh
# Resolves the linters' requirements.in: hashes, no index addresses.
set -eu
cd "$(dirname "$0")/../.."
infra/local/uv.sh pip compile infra/lint/requirements.in --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet \
  -o infra/lint/requirements.lock > /dev/null
