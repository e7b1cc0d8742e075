#!/bin/sh
# Makes the contracts as they stand the baseline that later changes are compared with. Run it
# when a version is released, never to get past a finding of check.sh.
set -eu
cd "$(dirname "$0")/../.."
. proto/tools/tools.sh
build_tools proto/tools
buf build --exclude-source-info --output proto/baseline/orderledger.v1.binpb
