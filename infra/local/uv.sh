#!/bin/sh
# Runs this checkout's uv with the package index that pip is configured for: uv reads neither
# PIP_INDEX_URL nor pip.conf, and a mirror set up for pip should do for everything.
set -eu
bin=$(dirname "$0")/../../.venv/bin
index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$("$bin/python" -m pip config get global.index-url 2>/dev/null || true)}}}
if [ -n "$index" ]; then
  export UV_DEFAULT_INDEX="$index"
fi
export UV_PYTHON_DOWNLOADS=never
exec "$bin/uv" "$@"
