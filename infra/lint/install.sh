#!/bin/sh
# Installs what `make lint-deploy` checks with into a folder, from package registries alone, all of
# it pinned by hash: install.sh FOLDER. Needs neither root nor a Go or Node.js of this machine.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
stamp=$(cat requirements.lock package-lock.json go.mod go.sum install.sh | sha256sum)
[ "$(cat "$folder/.ready" 2>/dev/null)" != "$stamp" ] || exit 0
# A registry may fail for a moment; go asks each but once.
again() {
  for pause_s in 5 20 60; do
    "$@" && return
    echo "in $pause_s s again: $1 failed" >&2
    sleep "$pause_s"
  done
  "$@"
}
uv=../local/uv.sh
[ -x "$folder/python/bin/python" ] || $uv venv --quiet --python ../../.venv/bin/python "$folder/python"
again $uv pip sync --quiet --require-hashes --python "$folder/python/bin/python" requirements.lock
PATH=$folder/python/bin:$PATH
cp package.json package-lock.json .npmrc "$folder/"
again npm --prefix "$folder" ci --silent
mkdir -p "$folder/bin"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off
again go build -mod=readonly -trimpath -ldflags='-s -w' \
  -o "$folder/bin/compose-spec" github.com/compose-spec/compose-go/v2/cmd
echo "$stamp" > "$folder/.ready"
