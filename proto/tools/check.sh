#!/bin/sh
# Checks the contracts: lint, no breaking change against the released baseline, and generated
# code that is exactly what the contracts give. Changes nothing; exits 1 on the first finding.
set -eu
cd "$(dirname "$0")/../.."
. proto/tools/tools.sh
build_tools proto/tools

buf lint
buf breaking --against proto/baseline/orderledger.v1.binpb

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
proto/tools/generate.sh "$fresh"
for part in orderledger openapi/orderledger.swagger.json openapi/openapi.yaml; do
	if ! diff -r -u "proto/gen/$part" "$fresh/proto/gen/$part"; then
		echo "proto/gen/$part is not what the contracts give; run proto/tools/generate.sh and commit the result" >&2
		exit 1
	fi
done
echo "contracts: lint, compatibility and generated code are clean"
