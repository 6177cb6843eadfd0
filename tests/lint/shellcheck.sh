#!/usr/bin/env bash
# Runs shellcheck over every shell script. --self-test sees that a faulty one is noticed. Skipped (77) without shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v shellcheck >/dev/null; then
  echo "needs shellcheck"
  exit 77
fi
if [ "${1:-}" = --self-test ]; then
  # shellcheck disable=SC2016
  if printf '#!/bin/sh\nrm -r $1\n' | shellcheck - >/dev/null; then
    echo "a faulty script was not noticed"
    exit 1
  fi
  exit 0
fi
{
  echo .ci/run
  find packaging tests examples server -name '*.sh' -not -path '*/node_modules/*'
} | xargs shellcheck
