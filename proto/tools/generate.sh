#!/bin/sh
# Regenerates proto/gen from the contracts. With an argument, writes below that folder instead
# of the repository, leaving the repository untouched.
set -eu
cd "$(dirname "$0")/../.."
. proto/tools/tools.sh
build_tools proto/tools
build_tools proto/tools/plugins

out=${1:-.}
rm -rf "$out/proto/gen/orderledger" "$out/proto/gen/openapi/orderledger.swagger.json" "$out/proto/gen/openapi/openapi.yaml"
mkdir -p "$out/proto/gen/openapi"
buf generate --template proto/tools/buf.gen.yaml --output "$out"
openapi3 "$out/proto/gen/openapi/orderledger.swagger.json" "$out/proto/gen/openapi/openapi.yaml"
