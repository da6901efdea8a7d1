#!/bin/sh
# Installs the compared frameworks into a folder; behind them it sees what Warmfront runs on.
set -eu
cd "$(dirname "$0")/../../.."
venv=$1
lock=infra/bench/frameworks/requirements.lock
cmp -s "$lock" "$venv/installed.lock" && exit 0
.venv/bin/python -m venv "$venv"
infra/local/uv.sh pip sync --quiet --require-hashes --python "$venv/bin/python" "$lock"
sites='import site; print(site.getsitepackages()[0])'
.venv/bin/python -c "$sites" > "$("$venv/bin/python" -c "$sites")/warmfront.pth"
cp "$lock" "$venv/installed.lock"
