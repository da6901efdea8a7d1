#!/usr/bin/env bash
# Fetch promtool from Debian's package into a folder, without installing or starting anything:
# promtool.sh FOLDER
set -euo pipefail
folder=$1
fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
(cd "$fetched" && apt-get -qq download prometheus 2>"$fetched/log") || {
  cat "$fetched/log" >&2
  echo "needs promtool: install Prometheus, or apt-get update as root" >&2
  exit 1
}
mkdir -p "$folder"
dpkg-deb -x "$fetched"/prometheus_*.deb "$folder"
