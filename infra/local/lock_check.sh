#!/bin/sh
# Fails when requirements.lock isn't what pyproject.toml asks for. Resolves with the lock as the
# preference, so newer releases on the index are no difference; only a changed demand is.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p reports
cp requirements.lock reports/requirements.lock
infra/local/lock.sh reports/requirements.lock
# The first comment repeats the command with its output file.
sed '/^#/d' requirements.lock > reports/lock.committed
sed '/^#/d' reports/requirements.lock > reports/lock.resolved
if ! diff -u reports/lock.committed reports/lock.resolved; then
  echo "requirements.lock is not current with pyproject.toml: run \`make lock\` and commit it" >&2
  exit 1
fi
echo "requirements.lock is current"
