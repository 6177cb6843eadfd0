#!/usr/bin/env bash
# run.sh [--seconds N] [--seed N] [TARGET…]
#
# Builds the library with clang's libFuzzer, AddressSanitizer and UBSan and fuzzes each target, or those that are named,
# for N seconds (10), from the inputs in tests/fuzz/corpus and those an earlier run has found. With --seed what is tried
# does not depend on chance. An input that breaks a target is kept in build-fuzz/findings; put it into the corpus with the
# mend.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=10
seed=()
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
    --seconds)
      seconds=${2:?$(usage)}
      shift 2
      ;;
    --seed)
      seed=(-seed="${2:?$(usage)}")
      shift 2
      ;;
    --help)
      usage
      exit
      ;;
    -*)
      usage >&2
      exit 64
      ;;
    *) break ;;
  esac
done

build="build-fuzz"
if [ ! -f "$build/build.ninja" ]; then
  compiler() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }
  CC=$(compiler clang) CXX=$(compiler clang++) meson setup "$build" --buildtype=debugoptimized -Ddebug=false -Doptimization=1 \
    -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzing=true -Dtests=enabled -Dserver=enabled -Dsqlite=enabled \
    -Dexamples=disabled -Dc_args=-fsanitize=fuzzer-no-link "-Dcpp_args=-fsanitize=fuzzer-no-link -g1"
fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for source in tests/fuzz/*.cpp; do targets+=("$(basename "$source" .cpp)"); done
fi
ninja -C "$build" "${targets[@]/#/tests/fuzz/fuzz-}"

broken=()
for target in "${targets[@]}"; do
  found=$build/corpus/$target
  findings=$build/findings/$target
  mkdir -p "$found" "$findings"
  log=$build/$target.log
  if UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$build/tests/fuzz/fuzz-$target" "${seed[@]}" \
    -max_total_time="$seconds" -max_len=4096 \
    -timeout=10 -rss_limit_mb=4096 -artifact_prefix="$findings/" "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    printf '%-16s %s\n' "$target" "$(grep -a '^Done ' "$log")"
  else
    broken+=("$target")
    printf '%-16s broken:\n' "$target"
    tail -n 40 "$log"
  fi
done
if [ ${#broken[@]} -gt 0 ]; then
  echo "broken: ${broken[*]}; the inputs are in $build/findings" >&2
  exit 1
fi
