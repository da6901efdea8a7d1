#!/bin/sh
# Installs what benches compare with into .cache/bench, beside everything of the main lock.
set -eu
cd "$(dirname "$0")/../.."
test -x .cache/bench/bin/python || .venv/bin/python -m venv .cache/bench
infra/local/uv.sh pip sync --quiet --require-hashes --python .cache/bench/bin/python \
  requirements.lock infra/bench/requirements.lock
infra/local/uv.sh pip install --quiet --no-deps --no-build-isolation --python .cache/bench/bin/python -e .
