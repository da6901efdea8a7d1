#!/bin/sh
# Resolves what benches compare with, at the main lock's versions: hashes, no index addresses.
set -eu
cd "$(dirname "$0")/../.."
infra/local/uv.sh pip compile infra/bench/requirements.in -c requirements.lock --universal \
  --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet \
  -o infra/bench/requirements.lock > /dev/null
