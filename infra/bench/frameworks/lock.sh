#!/bin/sh
# Resolves the compared frameworks: hashes, no index addresses.
set -eu
cd "$(dirname "$0")/../../.."
infra/local/uv.sh pip compile infra/bench/frameworks/requirements.in --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet \
  -o infra/bench/frameworks/requirements.lock > /dev/null
