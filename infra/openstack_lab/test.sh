#!/usr/bin/env bash
# Starts the lab, runs tests/lab on it, and takes it away whatever comes of that: a failure, a signal.
# After a failure the ends of all its logs are told, since they go with it.
set -u
cd "$(dirname "$0")/../.."
python=.venv/bin/python
child=

# In the background and waited for: the shell takes a signal at once, not when the command has ended.
run() {
  "$@" &
  child=$!
  wait "$child"
  local status=$?
  child=
  return $status
}

finish() {
  local status=$?
  trap '' TERM HUP INT
  if [ -n "$child" ]; then
    kill "$child" 2>/dev/null
    wait "$child"
  fi
  [ $status -eq 0 ] || $python -m infra.openstack_lab tails
  $python -m infra.openstack_lab wipe || status=1
  exit $status
}

trap finish EXIT
trap 'exit 143' TERM HUP
trap 'exit 130' INT
run $python -m infra.openstack_lab up || exit
run $python -m pytest tests/lab --timeout=1800 --durations=12 --junitxml=reports/junit-lab.xml "$@"
