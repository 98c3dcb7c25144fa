#!/bin/sh
# Installs the programs that `make clients` tries, into build/clients.
#   sh scripts/clients.sh
set -eu
command -v npm >/dev/null || { echo "make clients needs npm" >&2; exit 2; }
npm install --silent --no-audit --no-fund --prefix build/clients \
    @anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0
