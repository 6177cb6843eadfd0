#!/usr/bin/env bash
# Sees that the sources are as clang-format would write them; `format.sh --fix` writes them so.
# --self-test sees that a badly formatted file is noticed. Skipped (77) where there is no clang-format 14, since others differ.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  echo "needs clang-format 14"
  exit 77
fi
case ${1:-} in
  --self-test)
    if printf 'int  f( ){return 1;}\n' | clang-format --style=file --assume-filename=tests/a.cpp --dry-run -Werror 2>/dev/null; then
      echo "a badly formatted file was not noticed"
      exit 1
    fi
    ;;
  --fix) find include liblms server examples tests \( -name '*.cpp' -o -name '*.hpp' \) -exec clang-format -i {} + ;;
  *) find include liblms server examples tests \( -name '*.cpp' -o -name '*.hpp' \) -exec clang-format --dry-run -Werror {} + ;;
esac
