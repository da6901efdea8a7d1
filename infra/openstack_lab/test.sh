#!/bin/sh
# Starts the lab, runs tests/lab on it, and stops it whatever comes of that.
set -eu
cd "$(dirname "$0")/../.."
trap '.venv/bin/python -m infra.openstack_lab wipe' EXIT
.venv/bin/python -m infra.openstack_lab up
.venv/bin/python -m pytest tests/lab --junitxml=reports/junit-lab.xml "$@"
