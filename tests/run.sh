#!/usr/bin/env bash
# run.sh [--sanitize address|thread] [NAME…]
# run.sh --help
#
# Installs what is missing, builds with warnings as errors, and runs every test, or those that are named
# (build-tests: `meson test -C build-tests --list`). With --sanitize, runs the C++ tests in a build of their own under
# AddressSanitizer and UBSan, or ThreadSanitizer. The last line is the sum: `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' tests/run.sh; }
refuse() {
  usage >&2
  exit 64
}

build="build-tests"
# Half the work of the compiler would be types for debuggers and the last bit of speed: lines for stack traces are enough.
options=(--buildtype=debugoptimized -Ddebug=false -Doptimization=1 -Dcpp_args=-g1 -Ddefault_library=both -Dwerror=true
  -Dtests=enabled -Dserver=enabled -Dsqlite=enabled -Dexamples=enabled -Dbenchmarks=enabled)
selection=()
while [ $# -gt 0 ]; do
  case $1 in
    --sanitize)
      case ${2:-} in
        address) options+=("-Db_sanitize=address,undefined") ;;
        thread) options+=(-Db_sanitize=thread) ;;
        *) refuse ;;
      esac
      build=build-tests-$2
      # Under sanitizers GCC warns of what is none. They define crypt_r themselves, and hand on to that of a libcrypt
      # which the linker would leave out as not needed.
      options+=(-Db_lundef=false -Db_asneeded=false -Dwerror=false)
      selection+=(--suite doctest --timeout-multiplier 10)
      shift 2
      ;;
    --help | -h)
      usage
      exit
      ;;
    -*) refuse ;;
    *) break ;;
  esac
done
for name; do
  case $name in -*) refuse ;; esac
done
selection+=("$@")

packaging/install-dependencies.sh --tests

# A build folder that was made with other options, or by an earlier version of the project, is made anew.
made_with=$(cksum <meson_options.txt && printf '%s\n' "${options[@]}")
if [ ! -f "$build/build.ninja" ] || [ "$(cat "$build/made-with" 2>/dev/null)" != "$made_with" ]; then
  rm -rf "$build"
  meson setup "$build" "${options[@]}"
  printf '%s\n' "$made_with" >"$build/made-with"
fi
ninja -C "$build"

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
log=$build/meson-logs/testlog.json
rm -f "$log"
meson test -C "$build" --no-rebuild "${selection[@]}" || true
exec python3 tests/support/tally.py "$log"
