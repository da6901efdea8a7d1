#!/bin/sh
# Resolves the control plane's requirements: hashes, no index addresses.
set -eu
cd "$(dirname "$0")/../.."
infra/local/uv.sh pip compile infra/openstack_lab/requirements.in --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet \
  -o infra/openstack_lab/requirements.lock > /dev/null
