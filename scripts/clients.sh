#!/bin/sh
# Installs the programs that `make clients` tries, into build/clients.
#   sh scripts/clients.sh
set -eu
command -v npm >/dev/null || { echo "make clients needs npm" >&2; exit 2; }
npm install --silent --no-audit --no-fund --prefix build/clients \
    @anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0 \
    openai@7.57.0 @anthropic-ai/sdk@1.12.0 zod@4.6.7

# Each in an environment of its own: they want different versions of the same packages.
framework() {
    place=build/clients/$1
    shift
    [ "$(cat "$place/wanted" 2>/dev/null)" != "$*" ] || return 0
    .venv/bin/python -m venv --clear "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    echo "$*" >"$place/wanted"
}
framework langchain langchain-openai==1.7.3
framework agents "pydantic-ai-slim[openai,anthropic]==2.68.0"
