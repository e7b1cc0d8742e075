# Builds the pinned tools into .cache/tools and puts them on the path. Sourced by the other
# scripts, with the working directory at the root of the repository.
#
# The versions stand in the go.mod files of proto/tools (buf), proto/tools/plugins (generators)
# and proto/tools/lint (Go linter and formatter). They are separate modules because buf needs a
# later protobuf runtime than the one the product, and so its generated code, is built with.

TOOLS_BIN="$PWD/.cache/tools"

# build_tools MODULE_DIR builds every tool of that module; a second run costs about a second.
build_tools() {
	mkdir -p "$TOOLS_BIN"
	(cd "$1" && GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false" GOBIN="$TOOLS_BIN" go install -p 2 tool)
}

export PATH="$TOOLS_BIN:$PATH"
