#!/usr/bin/env bash
# run.sh BUILD CXX…   Installs BUILD into a temporary prefix and uses it as a stranger would: builds the smallest example through
# pkg-config alone, and runs it.
set -euo pipefail
build=$1
shift
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$place" >/dev/null
package=$(find "$place" -name liblms.pc)
prefix=$place$(sed -n 's/^prefix=//p' "$package")

flags=$(PKG_CONFIG_PATH=$(dirname "$package") pkg-config --define-variable="prefix=$prefix" --cflags --libs liblms)
echo "pkg-config: $flags"
for flag in $flags; do
  case $flag in
    "-I$prefix/"* | "-L$prefix/"* | -llms) ;;
    *)
      echo "liblms.pc asks a consumer for $flag, which is no business of theirs"
      exit 1
      ;;
  esac
done

# shellcheck disable=SC2086
"$@" -std=c++20 -Wall -Wextra -Wpedantic -Werror examples/embed_minimal.cpp $flags -o "$place/embed"
LD_LIBRARY_PATH=$(dirname "$(dirname "$package")") "$place/embed"
